"""Linear systems by factorisation: those of jax.scipy, behind the interface of `linear_solve`."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.values import constructor
from fnet.solvers.linear import LinearMethod
from fnet.solvers.outcomes import NOT_DEFINITE


@constructor
def lu() -> LinearMethod:
    """A = P L U, by `jax.scipy.linalg`.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(lu(), jnp.array([[0.0, 2.0], [1.0, 0.0]]), jnp.array([4.0, 3.0])).x.tolist()
    [3.0, 2.0]
    """

    def direct(A: Array, b: Array) -> tuple[Array, Array]:
        factors, places = jax.scipy.linalg.lu_factor(A)
        regular = _regular(jnp.diagonal(factors))
        return jax.scipy.linalg.lu_solve((factors, places), b), regular

    return LinearMethod(direct)


@constructor
def qr() -> LinearMethod:
    """A = Q R, by `jax.scipy.linalg`; of a tall A (m, n), the x of least ‖A x − b‖.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(qr(), jnp.array([[1.0], [1.0]]), jnp.array([1.0, 3.0])).x.round(6)
    Array([2.], dtype=float64)
    """

    def direct(A: Array, b: Array) -> tuple[Array, Array]:
        Q, R = jax.scipy.linalg.qr(A, mode="economic")
        return jax.scipy.linalg.solve_triangular(R, Q.T @ b), _regular(jnp.diagonal(R))

    return LinearMethod(direct, tall=True)


@constructor
def cholesky() -> LinearMethod:
    """A = L Lᵀ, by `jax.scipy.linalg`, for a symmetric positive definite A.

    >>> from fnet.solvers import linear_solve
    >>> linear_solve(cholesky(), jnp.array([[1.0, 2.0], [2.0, 1.0]]), jnp.ones(2)).reason[:21]
    'not positive definite'
    """

    def direct(A: Array, b: Array) -> tuple[Array, Array]:
        lower = jnp.linalg.cholesky(A)
        off = jnp.max(jnp.abs(A - A.T), initial=0)
        alike = off <= jnp.sqrt(jnp.finfo(A.dtype).eps) * jnp.max(jnp.abs(A), initial=0)
        return jax.scipy.linalg.cho_solve((lower, True), b), jnp.isfinite(lower).all() & alike

    return LinearMethod(direct, failure=NOT_DEFINITE)


def _regular(diagonal: Array) -> Array:
    sizes = jnp.abs(diagonal)
    least, most = jnp.min(sizes, initial=jnp.inf), jnp.max(sizes, initial=0)
    return least > len(sizes) * jnp.finfo(sizes.dtype).eps * most
