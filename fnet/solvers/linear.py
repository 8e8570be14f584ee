"""Systems of linear equations, A x = b, by one interface."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array
from jax.tree_util import Partial

from fnet.core.expect import require, require_floating, require_whole
from fnet.core.limits import over
from fnet.core.trees import all_finite
from fnet.core.values import Value
from fnet.errors import ConfigurationError
from fnet.solvers.given import require_function, require_known, require_method, require_tolerance
from fnet.solvers.looping import looped
from fnet.solvers.numbers import real
from fnet.solvers.outcomes import (
    CONVERGED,
    DIVERGED,
    NOT_DEFINITE,
    NOT_FINITE,
    SINGULAR,
    ending,
    first,
    length,
    size_of,
)

GROWN = 1e6  # a residual so many times that of the start: it diverges
LINEAR_WORDS = {
    CONVERGED: "converged: the residual is below the tolerance",
    SINGULAR: "singular: the matrix, or its diagonal where the method divides by it, is singular",
    NOT_DEFINITE: "not positive definite: the matrix has a direction of no or negative curvature, "
    "or is not symmetric",
    NOT_FINITE: "not finite: A or b is not finite",
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LinearMethod(Value):
    """A way to solve A x = b, as pure functions of A (n, n) or of its products.

        direct(A, b)                             -> x, ok         ok: A is regular
        iterate(product, A, b, x, precondition)  -> state, update

    One of them is None. `matrix` is whether it takes the entries of A, `preconditioned` whether a
    preconditioner will do instead, `tall` whether A may have more rows than columns, and `failure`
    the reason where a direct method finds A not regular.

    >>> from fnet.solvers import cg, lu
    >>> cg().direct is None, lu().iterate is None
    (True, True)
    """

    direct: Callable[[Array, Array], tuple[Array, Array]] | None = None
    iterate: Callable[..., tuple["Iterate", Callable[["Iterate"], "Iterate"]]] | None = None
    matrix: bool = True
    preconditioned: bool = False
    tall: bool = False
    failure: int = SINGULAR


class Iterate(NamedTuple):
    """An iteration's point, its residual r = b − A x, and what else it carries; ok: it can go on.

    >>> Iterate(jnp.zeros(1), jnp.ones(1), (), jnp.asarray(0)).x.tolist()
    [0.0]
    """

    x: Array
    r: Array
    own: Any
    obstacle: Array


class LinearResult(NamedTuple):
    """x of A x = b, ‖b − A x‖ / ‖b‖, why it ended, and that ratio before and after each step.

    >>> from fnet.solvers import lu
    >>> linear_solve(lu(), jnp.eye(2), jnp.ones(2)).converged
    True
    """

    x: Array
    residual: float
    reason: str
    converged: bool
    steps: int
    history: np.ndarray


def linear_solve(
    method: LinearMethod,
    A: Array | Callable[[Array], Array],
    b: Array,
    x: Array | None = None,
    *,
    tol: float | None = None,
    max_steps: int = 1000,
    precondition: Callable[[Array], Array] | None = None,
) -> LinearResult:
    """Solve A x = b. A: (n, n), or for `cg` and `pcg` a function that gives A v; b: (n,).

    An iteration begins at x (zeros), and ends where ‖b − A x‖ ≤ tol ‖b‖ (tol: √ε), after
    `max_steps`, or where it cannot converge, with the best x so far. `precondition` gives M⁻¹ v for
    `pcg`; without it M is the diagonal of A. `qr` also takes a tall A, and gives the least squares.
    Numbers are real; those of fewer bits than float32 are computed with in float32.

    >>> from fnet.solvers import cg, jacobi, lu
    >>> A, b = jnp.array([[4.0, 1.0], [1.0, 3.0]]), jnp.array([1.0, 2.0])
    >>> for method in (lu(), jacobi(), cg()):
    ...     result = linear_solve(method, A, b)
    ...     print(method, result.x.round(4), result.steps)
    lu() [0.0909 0.6364] 0
    jacobi() [0.0909 0.6364] 15
    cg() [0.0909 0.6364] 2
    >>> linear_solve(jacobi(), jnp.array([[1.0, 2.0], [3.0, 1.0]]), b).reason
    'diverged: the residual grows; the method does not converge for this matrix'
    """
    require_method("linear_solve: the method", method, LinearMethod, "cg()")
    require_whole("linear_solve: max_steps", max_steps, least=1)
    require_tolerance("linear_solve: tol", tol)
    b = real("linear_solve: b", b)
    if not callable(A):
        A = real("linear_solve: A", A)
        dtype = max(A.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
        A, b = A.astype(dtype), b.astype(dtype)
        square = A.ndim == 2 and A.shape[:1] == b.shape and A.shape[0] >= A.shape[1]
        require(
            square and (A.shape[0] == A.shape[1] or method.tall),
            f"linear_solve: A is {A.shape} and b {b.shape}; A must be (n, n) and b (n,)",
        )
        product = Partial(jnp.matmul, A)
    elif method.matrix and not (method.preconditioned and precondition):
        raise ConfigurationError(f"linear_solve: {method} needs the matrix A, not its products")
    else:
        _require_product("A", A, b)
        product, A = Partial(A), jnp.zeros((0, 0), b.dtype)
    inverse = None if precondition is None else _preconditioner(method, precondition, b)
    if method.direct is not None:
        return _direct(method, A, b)
    start = jnp.zeros_like(b) if x is None else real("linear_solve: x", x).astype(b.dtype)
    require(start.shape == b.shape, f"linear_solve: x is {start.shape} and b {b.shape}")
    goal = jnp.sqrt(jnp.finfo(b.dtype).eps) if tol is None else tol
    found, reason, k, sizes = _iterate(method, max_steps, product, A, b, start, goal, inverse)
    require_known("linear_solve", found, reason)
    return _result(found, int(reason), np.asarray(sizes)[: int(k) + 1])


def _preconditioner(method: LinearMethod, precondition: Any, b: Array) -> Any:
    if not method.preconditioned:
        raise ConfigurationError(f"linear_solve: {method} takes no precondition; pcg() does")
    require_function("linear_solve: precondition", precondition)
    _require_product("precondition", precondition, b)
    return Partial(precondition)


def _require_product(name: str, f: Callable[[Array], Array], v: Array) -> None:
    """Raise ShapeError unless f(v) is a real array of the shape of v; nothing is computed."""
    made = jax.eval_shape(f, v)
    require_floating(f"linear_solve: {name}(v)", made)
    alike = made.shape == v.shape
    require(
        alike, f"linear_solve: {name}(v) is {made.shape}, and v and b {v.shape}; they are alike"
    )


def _direct(method: LinearMethod, A: Array, b: Array) -> LinearResult:
    assert method.direct is not None
    x, ok = jax.jit(method.direct)(A, b)
    require_known("linear_solve", x, ok)
    tall = A.shape[0] > A.shape[1]
    size = float(_ratio(length(b - A @ x), length(b))) if b.any() else 0.0
    fine = bool(ok) and bool(jnp.isfinite(x).all()) and (tall or size < 1)
    bad = method.failure if all_finite((A, b)) else NOT_FINITE
    return _result(x, CONVERGED if fine else bad, np.array([size]))


def _result(x: Array, reason: int, history: np.ndarray) -> LinearResult:
    last, said = float(np.min(history)), ending(reason, LINEAR_WORDS)
    return LinearResult(x, last, said, reason == CONVERGED, len(history) - 1, history)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _iterate(
    method: LinearMethod,
    most: int,
    product: Any,
    A: Array,
    b: Array,
    x: Array,
    tol: Any,
    precondition: Any,
) -> tuple[Array, Array, Array, Array]:
    assert method.iterate is not None
    unit = _unit(jnp.maximum(size_of(b), size_of(b - product(x))))
    b, x = over(b, unit), over(x, unit)  # lest squares of b or of r be out of range
    begin, update = method.iterate(product, A, b, x, precondition)
    size_b = length(b)

    def size(state: Iterate) -> Array:
        return _ratio(length(state.r), size_b)

    start = size(begin)

    def verdict(state: Iterate, now: Array) -> Array:
        return first(
            (now <= tol, CONVERGED),
            (~jnp.isfinite(start), NOT_FINITE),
            (state.obstacle == SINGULAR, SINGULAR),
            (state.obstacle == NOT_DEFINITE, NOT_DEFINITE),
            (~(now <= GROWN * start), DIVERGED),
        )

    def step(carry: tuple[Iterate, Array, Array]) -> tuple[Any, Array, Array]:
        state, best, least = carry
        state = update(state)
        now = size(state)
        better = now < least
        best, least = jnp.where(better, state.x, best), jnp.where(better, now, least)
        return (state, best, least), verdict(state, now), now

    (_, best, _), reason, k, sizes = looped(
        step, (begin, x, start), start, most, verdict(begin, start)
    )
    return best * unit, reason, k, sizes


def _ratio(size: Array, size_b: Array) -> Array:
    """‖r‖ / ‖b‖; ‖r‖ where b is 0."""
    return size / jnp.where(size_b > 0, size_b, 1)


def _unit(size: Array) -> Array:
    """The power of two next to a size, by which division is exact; 1 where there is none."""
    usable = jnp.isfinite(size) & (size > 0)
    exponent = jnp.frexp(jnp.where(usable, size, 1))[1] - 1
    return jnp.where(usable, jnp.ldexp(jnp.ones_like(size), exponent), 1)
