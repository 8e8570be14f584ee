"""Linear systems by iteration: splittings of the matrix, and conjugate gradients."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.solvers.linear import Iterate, LinearMethod
from fnet.solvers.outcomes import NOT_DEFINITE, RUNNING, SINGULAR


@constructor
def jacobi() -> LinearMethod:
    """x ← x + D⁻¹ (b − A x), with D the diagonal of A.

    It converges for every x if and only if the spectral radius of I − D⁻¹ A is below 1, as for a
    strictly diagonally dominant A.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(jacobi(), jnp.array([[2.0, 1.0], [1.0, 2.0]]), jnp.ones(2)).converged
    True
    """
    return _splitting(lambda A, r: r / jnp.diagonal(A))


@constructor
def gauss_seidel() -> LinearMethod:
    """x ← x + (D + L)⁻¹ (b − A x), with L the part of A below its diagonal D.

    It converges for symmetric positive definite and strictly diagonally dominant matrices.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(gauss_seidel(), jnp.array([[2.0, 1.0], [1.0, 2.0]]), jnp.ones(2)).converged
    True
    """
    return sor(1.0)


@constructor
def sor(omega: float = 1.5) -> LinearMethod:
    """x ← x + (D / ω + L)⁻¹ (b − A x): successive over-relaxation, 0 < ω < 2.

    Source: Young (1954), Iterative methods for solving partial difference equations of elliptic
    type.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(sor(1.1), jnp.array([[2.0, 1.0], [1.0, 2.0]]), jnp.ones(2)).converged
    True
    """
    require_number("sor: omega", omega, above=0, below=2)

    def solve(A: Array, r: Array) -> Array:
        lower = jnp.tril(A, -1) + jnp.diag(jnp.diagonal(A) / omega)
        return jax.scipy.linalg.solve_triangular(lower, r, lower=True)

    return _splitting(solve)


def _splitting(solve: Callable[[Array, Array], Array]) -> LinearMethod:
    """The iteration x ← x + M⁻¹ r with M⁻¹ r by `solve(A, r)`."""

    def iterate(product: Any, A: Array, b: Array, x: Array, precondition: Any) -> Any:
        empty = (jnp.diagonal(A) == 0).any()
        obstacle = jnp.where(empty, jnp.int32(SINGULAR), jnp.int32(RUNNING))

        def update(state: Iterate) -> Iterate:
            x = state.x + solve(A, state.r)
            return Iterate(x, b - product(x), (), obstacle)

        return Iterate(x, b - product(x), (), obstacle), update

    return LinearMethod(None, iterate)


@constructor
def cg() -> LinearMethod:
    """Conjugate gradients, for a symmetric positive definite A; n steps at most, but for rounding.

        a = (rᵀ r) / (pᵀ A p)      x ← x + a p      r′ = r − a A p
        b = (r′ᵀ r′) / (rᵀ r)      p ← r′ + b p     r ← r′

    Source: Hestenes & Stiefel (1952), Methods of conjugate gradients for solving linear systems.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(cg(), lambda v: jnp.array([1.0, 4.0]) * v, jnp.ones(2)).x.tolist()
    [1.0, 0.25]
    """
    return LinearMethod(None, functools.partial(_conjugate, plain=True), matrix=False)


@constructor
def pcg() -> LinearMethod:
    """`cg` on M⁻¹ A x = M⁻¹ b, where M is the diagonal of A unless `precondition` gives M⁻¹ v.

    Source: Saad (2003), Iterative Methods for Sparse Linear Systems, algorithm 9.1.

    >>> from fnet.solvers import linear_solve
    >>> A = jnp.diag(jnp.array([1.0, 1e4, 1e8]))
    >>> linear_solve(pcg(), A, jnp.ones(3)).steps
    1
    """
    return LinearMethod(None, functools.partial(_conjugate, plain=False), preconditioned=True)


def _conjugate(
    product: Any, A: Array, b: Array, x: Array, precondition: Any, plain: bool
) -> tuple[Iterate, Callable[[Iterate], Iterate]]:
    def inverse(r: Array) -> Array:
        if plain:
            return r
        return r / jnp.diagonal(A) if precondition is None else precondition(r)

    def update(state: Iterate) -> Iterate:
        p, rz = state.own
        Ap = product(p)
        bend = jnp.vdot(p, Ap)
        a = rz / bend
        x, r = state.x + a * p, state.r - a * Ap
        z = inverse(r)
        after = jnp.vdot(r, z)
        definite = (bend > 0) & (after >= 0)
        obstacle = jnp.where(definite, jnp.int32(RUNNING), jnp.int32(NOT_DEFINITE))
        x, r = jnp.where(definite, x, state.x), jnp.where(definite, r, state.r)
        return Iterate(x, r, (z + (after / rz) * p, after), obstacle)

    r = b - product(x)
    z = inverse(r)
    return Iterate(x, r, (z, jnp.vdot(r, z)), jnp.int32(RUNNING)), update
