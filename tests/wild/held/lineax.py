"""Lineax: norms without NaN, and linear solves through its own derivative rules."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "lineax"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    import jax.numpy as jnp
    import lineax as lx
    from lineax import internal

    rng = np.random.default_rng(16)
    A, b, wide = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(3, 5))
    for name in ("sum_squares", "two_norm", "rms_norm", "max_norm"):
        norm = getattr(internal, name)
        yield _case(name, norm, b)
        yield _case(name, norm, {"w": A, "b": b}, label="tree")
        yield _case(name, norm, 0 * b, label="0")

    def solve(solver: Any, *tags: Any) -> Any:
        return lambda A, b: lx.linear_solve(lx.MatrixLinearOperator(A, tags), b, solver).value

    def definite(solver: Any) -> Any:
        whole = solve(solver, lx.positive_semidefinite_tag)
        return lambda A, b: whole(A @ A.T + jnp.eye(3), b)

    yield _case("linear_solve, LU", solve(lx.LU()), A, b)
    yield _case("linear_solve, QR", solve(lx.QR()), wide.T.copy(), rng.normal(size=5), label="tall")
    yield _case("linear_solve, QR", solve(lx.QR()), wide, b, label="wide")
    yield _case("linear_solve, SVD", solve(lx.SVD()), wide, b)
    yield _case("linear_solve, SVD", solve(lx.SVD()), A[:, :1] * A[:1], b, label="of rank 1")
    yield _case("linear_solve, AutoLinearSolver", solve(lx.AutoLinearSolver(well_posed=True)), A, b)
    yield _case("linear_solve, Cholesky", definite(lx.Cholesky()), A, b)
    yield _case("linear_solve, CG", definite(lx.CG(rtol=1e-13, atol=1e-13)), A, b)
    yield _case("linear_solve, CG", definite(lx.CG(rtol=1e-3, atol=1e-3)), A, b, label="coarse")
    yield _case("linear_solve, GMRES", solve(lx.GMRES(rtol=1e-13, atol=1e-13)), A, b)
    yield _case("linear_solve, BiCGStab", solve(lx.BiCGStab(rtol=1e-13, atol=1e-13)), A, b)
    yield _case("linear_solve, LSMR", solve(lx.LSMR(rtol=1e-13, atol=1e-13)), wide.T.copy(),
                rng.normal(size=5))  # fmt: skip
    triangular = solve(lx.Triangular(), lx.lower_triangular_tag)
    yield _case("linear_solve, Triangular", lambda A, b: triangular(jnp.tril(A), b), A, b)

    def tridiagonal(d: Any, low: Any, high: Any, b: Any) -> Any:
        operator = lx.TridiagonalLinearOperator(d + 4, low, high)
        return lx.linear_solve(operator, b, lx.Tridiagonal()).value

    yield _case("linear_solve, Tridiagonal", tridiagonal, b, b[:2], b[1:], A[0])

    def jacobian(x: Any, b: Any) -> Any:
        operator = lx.JacobianLinearOperator(lambda x, _: x + 0.3 * jnp.sin(x) * x[::-1], x)
        return lx.linear_solve(operator, b, lx.LU()).value

    yield _case("linear_solve, JacobianLinearOperator", jacobian, b, A[0])
