"""POT: gradients of dual problems of optimal transport, and of Gromov-Wasserstein."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import two_functions
from tests.wild.held.glue import from_torch

PACKAGE = "POT"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    import ot
    from ot import smooth, stochastic
    from ot.gromov import _utils as gromov

    rng = np.random.default_rng(16)
    a, b = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3))
    C, alpha, beta = rng.uniform(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    for name in ("NegEntropy", "SquaredL2"):
        regular = getattr(smooth, name)(gamma=0.4)

        def dual(alpha: Any, beta: Any, regular: Any = regular) -> Any:
            value, *gradients = smooth.dual_obj_grad(alpha, beta, a, b, C, regular)
            return value, tuple(gradients)

        def semi(alpha: Any, regular: Any = regular) -> Any:
            return smooth.semi_dual_obj_grad(alpha, a, b, C, regular)

        yield _case(f"smooth.dual_obj_grad, {name}", ValueAndGrad(dual), alpha, beta)
        yield _case(f"smooth.semi_dual_obj_grad, {name}", ValueAndGrad(semi), alpha)
        delta = Pair(
            lambda X, regular=regular: (regular.delta_Omega(X)[0], X),
            lambda dout, X, regular=regular: regular.delta_Omega(X)[1] * dout,
        )
        yield _case(f"smooth.{name}.delta_Omega", delta, rng.normal(size=(4, 3)))
        largest = Pair(
            lambda X, regular=regular: (regular.max_Omega(X, b)[0], X),
            lambda dout, X, regular=regular: regular.max_Omega(X, b)[1] * dout,
        )
        yield _case(f"smooth.{name}.max_Omega", largest, rng.normal(size=(4, 3)))

    def entropic_dual(alpha: Any, beta: Any) -> Any:
        plan = np.exp((alpha[:, None] + beta - C) / 0.3) * a[:, None] * b
        value = alpha @ a + beta @ b - 0.3 * plan.sum()
        rows, columns = np.arange(4), np.arange(3)
        gradients = stochastic.batch_grad_dual(a, b, C, 0.3, alpha, beta, 4, rows, columns)
        return value, gradients

    yield _case("stochastic.batch_grad_dual, full batch", ValueAndGrad(entropic_dual), alpha, beta)

    def semi_dual(beta: Any) -> Any:
        least = -0.3 * np.log(np.sum(b * np.exp((beta - C[1]) / 0.3)))
        return beta @ b + least, stochastic.coordinate_grad_semi_dual(b, C, 0.3, beta, 1)

    yield _case("stochastic.coordinate_grad_semi_dual", ValueAndGrad(semi_dual), beta)
    C1, C2 = (M + M.T for M in (rng.uniform(0.2, 1, (4, 4)), rng.uniform(0.2, 1, (3, 3))))
    for loss in ("square_loss", "kl_loss"):

        def matrices(T: Any, loss: str = loss) -> Any:
            return gromov.init_matrix(C1, C2, T.sum(1), T.sum(0), loss)

        subject = two_functions(
            lambda T, of=matrices: gromov.gwloss(*of(T), T),
            lambda T, of=matrices: gromov.gwggrad(*of(T), T),
        )
        yield _case(f"gromov.gwggrad, {loss}", subject, np.outer(a, b))
    x, y = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    import torch

    target, mass = torch.from_numpy(y), (torch.from_numpy(a), torch.from_numpy(b))
    emd = from_torch(lambda x: ot.emd2(*mass, ot.dist(x, target)))
    yield _case("emd2, by points, torch", emd, x)
    yield _case("emd2, by costs, torch", from_torch(lambda C: ot.emd2(*mass, C)), C)
    yield _case("sinkhorn2, torch", from_torch(
        lambda C: ot.sinkhorn2(*mass, C, 0.5, numItermax=2000, stopThr=1e-14)), C)  # fmt: skip
    yield _case("sliced_wasserstein_distance, torch", from_torch(
        lambda x: ot.sliced_wasserstein_distance(x, target, n_projections=5, seed=0)),
        x)  # fmt: skip
    yield _case("gaussian.bures_distance, torch", from_torch(lambda A: ot.gaussian.bures_distance(
        A @ A.T + torch.eye(2, dtype=A.dtype), 2 * torch.eye(2, dtype=A.dtype))),
        rng.normal(size=(2, 2)))  # fmt: skip
