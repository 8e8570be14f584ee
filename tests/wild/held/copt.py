"""copt: losses of linear models with their gradients."""

from collections.abc import Iterator

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import by_jacobian

PACKAGE = "copt"


def cases() -> Iterator[Case]:
    from copt import loss

    rng = np.random.default_rng(11)
    A, w = rng.normal(size=(7, 3)), np.array([0.4, -0.7, 0.2])
    share = rng.uniform(size=7)
    for name, of in {
        "LogLoss": loss.LogLoss(A, share, 0.1),
        "LogLoss, labels": loss.LogLoss(A, np.round(share)),
        "SquareLoss": loss.SquareLoss(A, A @ w + rng.normal(size=7), 0.1),
        "HuberLoss": loss.HuberLoss(A, A @ w + 2 * rng.normal(size=7), 0.1),
    }.items():
        yield Case(PACKAGE, f"{name}.f_grad", ValueAndGrad(of.f_grad), (w,))
        if hasattr(of, "hessian_mv"):
            second = by_jacobian(
                lambda w, of=of: of.f_grad(w)[1],
                lambda w, of=of: np.stack([of.hessian_mv(w)(e) for e in np.eye(3)]),
            )
            yield Case(PACKAGE, f"{name}.hessian_mv", second, (w,))
    far = ValueAndGrad(loss.LogLoss(40 * A, np.round(share)).f_grad)
    yield Case(PACKAGE, "LogLoss.f_grad", far, (w,), "far")
