"""pyGPs: kernels, means, likelihoods and evidences of Gaussian processes, by their parameters."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case
from tests.wild.fifth.glue import by_jacobian
from tests.wild.fourth.glue import with_old_names
from tests.wild.glue import elementwise

PACKAGE = "pyGPs"


def cases() -> Iterator[Case]:
    with_old_names()
    import pyGPs
    from pyGPs.Core import cov, inf, lik, mean

    rng = np.random.default_rng(69)
    x, z = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    kernels = {
        "Gabor": cov.Gabor(0.3, -0.2),
        "SM": cov.SM(1, list(rng.uniform(-0.5, 0.5, 5)), 2),
        "Poly": cov.Poly(0.3, 3, -0.2),
        "PiecePoly": cov.PiecePoly(1.2, 2, -0.2),
        "PiecePoly 0": cov.PiecePoly(1.2, 0, -0.2),
        "RBF": cov.RBF(0.3, -0.2),
        "RBFunit": cov.RBFunit(0.3),
        "RBFard": cov.RBFard(2, [0.3, -0.1], -0.2),
        "Const": cov.Const(-0.2),
        "Linear": cov.Linear(-0.2),
        "LINard": cov.LINard(2, [0.3, -0.1]),
        "Matern 1": cov.Matern(0.3, 1, -0.2),
        "Matern 3": cov.Matern(0.3, 3, -0.2),
        "Matern 5": cov.Matern(0.3, 5, -0.2),
        "Matern 7": cov.Matern(0.3, 7, -0.2),
        "Periodic": cov.Periodic(0.3, 0.4, -0.2),
        "Noise": cov.Noise(-0.2),
        "RQ": cov.RQ(0.3, -0.2, 0.1),
        "RQard": cov.RQard(2, [0.3, -0.1], -0.2, 0.1),
        "sum": cov.RBF(0.3, -0.2) + cov.RQ(0.3, -0.2, 0.1),
        "product": cov.RBF(0.3, -0.2) * cov.Matern(0.3, 5, -0.2),
        "scaled": cov.RBF(0.3, -0.2) * 1.7,
    }
    starts = {name: np.array(kernel.hyp, float) for name, kernel in kernels.items()}
    for name, kernel in kernels.items():
        columns = slice(1) if name == "Periodic" else slice(None)
        for mode in ("train", "cross"):
            given = {"x": x[:, columns], "z": z[:, columns] if mode == "cross" else None}
            pair = _of_parameters(kernel, "getCovMatrix", mode=mode, **given)
            yield Case(PACKAGE, f"cov.{name}", pair, (starts[name],), mode)
    means = {
        "Const": mean.Const(0.4),
        "Linear": mean.Linear(2, [0.4, -0.3]),
        "sum": mean.Const(0.4) + mean.Linear(2, [0.4, -0.3]),
        "product": mean.Const(0.4) * mean.Linear(2, [0.4, -0.3]),
        "scaled": mean.Linear(2, [0.4, -0.3]) * 1.7,
    }
    for name, one in means.items():
        start = np.array(one.hyp, float)
        yield Case(PACKAGE, f"mean.{name}", _of_parameters(one, "getMean", x=x), (start,))
    y, f = rng.choice([-1.0, 1.0], size=(5, 1)), rng.normal(size=(5, 1))
    for name in ("Gauss", "Erf"):
        one = getattr(lik, name)()
        for order in (1, 2, 3):

            def by_latent(f: Any, one: Any = one, at: int = 0) -> Any:
                return one.evaluate(y, f, None, inf.Laplace(), None, 4)[at]

            pair = elementwise(lambda f, n=order, e=by_latent: e(f, at=n - 1),
                               lambda f, n=order, e=by_latent: e(f, at=n))  # fmt: skip
            yield Case(PACKAGE, f"lik.{name}, Laplace", pair, (f,), f"derivative {order}")
    variance = np.full((5, 1), 0.6)
    for name in ("Gauss", "Erf"):
        one = getattr(lik, name)()
        for order in (1, 2):

            def by_mean(f: Any, one: Any = one, at: int = 0) -> Any:
                return one.evaluate(y, f, variance, inf.EP(), None, 3)[at]

            pair = elementwise(lambda f, n=order, e=by_mean: e(f, at=n - 1),
                               lambda f, n=order, e=by_mean: e(f, at=n))  # fmt: skip
            yield Case(PACKAGE, f"lik.{name}, EP", pair, (f,), f"derivative {order}")
    targets = np.sin(x).sum(1, keepdims=True)
    for name in ("RBF", "RQ", "Matern 5", "RBFard"):
        model = pyGPs.GPR()
        model.setData(x, targets)

        def evidence(hyp: Any, model: Any = model, kernel: Any = kernels[name]) -> Any:
            kernel.hyp = [float(each) for each in hyp[:-1]]
            model.setPrior(kernel=kernel, mean=mean.Zero())
            model.likfunc.hyp = [float(hyp[-1])]
            nlZ, dnlZ, _ = model.getPosterior()
            return float(np.squeeze(nlZ)), np.array([*dnlZ.cov, *dnlZ.lik], float).ravel()

        hyp = np.array([*starts[name], -0.8])
        yield Case(PACKAGE, f"GPR.getPosterior, {name}", ValueAndGrad(evidence), (hyp,))


def _of_parameters(one: Any, method: str, **given: Any) -> Any:
    def put(hyp: Any) -> None:
        one.hyp = [float(each) for each in hyp]

    def values(hyp: Any) -> Any:
        put(hyp)
        return np.array(getattr(one, method)(**given), float)

    def jacobian(hyp: Any) -> Any:
        put(hyp)
        found = [one.getDerMatrix(der=number, **given) for number in range(len(hyp))]
        return np.stack([np.array(each, float) for each in found], -1)

    return by_jacobian(values, jacobian)
