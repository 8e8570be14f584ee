"""xitorch: functionals of PyTorch whose backward passes solve an adjoint problem."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "xitorch"


def _case(name: str, function: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, from_torch(function), arguments, label)


def cases() -> Iterator[Case]:
    import torch
    import xitorch
    from xitorch import integrate, interpolate, linalg, optimize

    rng = np.random.default_rng(9)
    A, b, a = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.uniform(0.3, 0.9, 3)

    def operator(A: Any, symmetric: bool = True) -> Any:
        A = A @ A.T + torch.diag(torch.arange(1.0, 4.0, dtype=A.dtype)) if symmetric else A
        return xitorch.LinearOperator.m(A, is_hermitian=symmetric)

    yield _case("linalg.solve", lambda A, b: linalg.solve(operator(A, False), b), A, b)
    yield _case("linalg.solve", lambda A, b: linalg.solve(operator(A), b), A, b, label="symmetric")
    yield _case("linalg.symeig, values", lambda A: linalg.symeig(operator(A))[0], A)
    yield _case("linalg.symeig, vectors", lambda A: linalg.symeig(operator(A))[1] ** 2, A)
    yield _case("linalg.svd, values", lambda A: linalg.svd(operator(A, False))[1], A)

    def curve(x: Any, a: Any) -> Any:
        return x**3 + x - a

    precise = {"f_tol": 1e-13, "x_tol": 1e-13, "maxiter": 500}
    zero = torch.zeros(3, dtype=torch.float64)
    yield _case("optimize.rootfinder", lambda a: optimize.rootfinder(
        curve, zero, (a,), **precise), a)  # fmt: skip
    yield _case("optimize.minimize", lambda a: optimize.minimize(
        lambda x, a: ((x**2 - a) ** 2 + x**2).sum(), zero + 0.5, (a,), **precise), a)  # fmt: skip
    one, two = np.array(0.3), np.array(1.4)
    yield _case("integrate.quad", lambda low, high, a: integrate.quad(
        lambda t, a: torch.exp(-a * t * t), low, high, (a,), n=60), one, two, a)  # fmt: skip
    times = torch.linspace(0, 1, 4, dtype=torch.float64)
    yield _case("integrate.solve_ivp", lambda A, y: integrate.solve_ivp(
        lambda t, y, A: torch.tanh(A @ y), times, y, (A,), rtol=1e-10, atol=1e-11),
        A, a)  # fmt: skip
    knots = torch.linspace(0, 1, 5, dtype=torch.float64)
    yield _case("interpolate.Interp1D", lambda x, y: interpolate.Interp1D(
        knots, y, method="cspline")(x), rng.uniform(0.1, 0.9, 3), rng.normal(size=5))  # fmt: skip
