"""GPyTorch and linear_operator: functions of PyTorch with backward passes by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "gpytorch"


def _case(name: str, function: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, from_torch(function), arguments, label)


def cases() -> Iterator[Case]:
    import gpytorch
    import linear_operator
    import torch
    from gpytorch.functions import MaternCovariance, RBFCovariance

    rng = np.random.default_rng(8)
    z = np.array([-0.9, -0.3, 0.2, 0.8, 2.5])
    normal = gpytorch.log_normal_cdf
    yield _case("log_normal_cdf", normal, z)
    yield _case("log_normal_cdf", normal, np.array([-12.0, -6.0, -5.2, -1.2, 6.0]), label="far")
    x, y = torch.from_numpy(rng.normal(size=(4, 2))), torch.from_numpy(rng.normal(size=(3, 2)))
    scale = np.array([[0.8]])

    def squares(a: Any, b: Any) -> Any:
        return (a[:, None] - b[None]).square().sum(-1)

    yield _case("RBFCovariance", lambda s: RBFCovariance.apply(x, y, s, squares), scale)
    for nu in (0.5, 1.5, 2.5):
        yield _case(f"MaternCovariance, nu={nu}", lambda s, nu=nu: MaternCovariance.apply(
            x, y, s, nu, lambda a, b: squares(a, b).sqrt()), scale)  # fmt: skip
    A, b = rng.normal(size=(4, 4)), rng.normal(size=(4, 2))

    def definite(A: Any) -> Any:
        return linear_operator.to_linear_operator(A @ A.T + torch.eye(4, dtype=A.dtype))

    yield _case("solve", lambda A, b: definite(A).solve(b), A, b)
    yield _case("inv_quad", lambda A, b: definite(A).inv_quad(b), A, b)
    yield _case("logdet", lambda A: definite(A).logdet(), A)
    yield _case("inv_quad_logdet", lambda A, b: sum(definite(A).inv_quad_logdet(b, logdet=True)),
                A, b)  # fmt: skip
    yield _case("matmul", lambda A, b: definite(A) @ b, A, b)
    yield _case("root_decomposition", lambda A: definite(A).root_decomposition().to_dense(), A)
    yield _case("diagonalization", lambda A: definite(A).diagonalization()[0], A)
    yield _case("sqrt_inv_matmul", lambda A, b: definite(A).sqrt_inv_matmul(b), A, b)
    yield _case("pivoted_cholesky", lambda A: linear_operator.pivoted_cholesky(
        definite(A).to_dense(), rank=2), A)  # fmt: skip
    rbf = gpytorch.kernels.RBFKernel().double()

    def kernel(x: Any, scale: Any) -> Any:
        rbf.lengthscale = scale
        return rbf(x / scale * rbf.lengthscale.detach()).to_dense()

    yield _case("RBFKernel", kernel, x.numpy(), scale)
    for name, transform in {
        "Positive": gpytorch.constraints.Positive(),
        "Interval": gpytorch.constraints.Interval(0.2, 3.0),
    }.items():
        yield _case(f"constraints.{name}.transform", transform.transform, z)
        yield _case(f"constraints.{name}.inverse_transform", transform.inverse_transform, z[3:])
