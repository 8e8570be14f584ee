"""Convex problems in two parts, each minimised by itself: ADMM and the primal-dual method."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array
from jax.tree_util import Partial

from fnet.core.expect import require, require_floating, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.errors import ConfigurationError, ShapeError
from fnet.solvers.convex import Term
from fnet.solvers.given import require_known, require_method, require_tolerance
from fnet.solvers.looping import looped
from fnet.solvers.numbers import real
from fnet.solvers.outcomes import CONVERGED, NOT_FINITE, either, ending, first, length

SPLIT_WORDS = {CONVERGED: "converged: both parts agree within the tolerance"}


class Split(NamedTuple):
    """x and z, one for each part, the dual y, and how far they are from an optimum.

    >>> Split(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1), jnp.ones(())).x.tolist()
    [0.0]
    """

    x: Array
    z: Array
    y: Array
    off: Array


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Splitting(Value):
    """A stateless pair for f(K x) + g(x), of two terms and a linear K.

        init_state(f, g, K, x) -> state, update
        update(state)          -> state

    >>> admm()
    admm()
    """

    init_state: Callable[..., tuple[Split, Callable[[Split], Split]]]


class Optimum(NamedTuple):
    """x, the dual y, the value f(K x) + g(x), the duality gap, and how it ended.

    The gap is f(K x) + g(x) + f*(y) + g*(−Kᵀy), with y scaled down until it is finite: never below
    how far the value is above the least possible. `history` has how far each step was off.

    >>> from fnet.solvers import l1_norm, squared_distance
    >>> near = squared_distance(jnp.array([3.0]))
    >>> print(split_solve(admm(), l1_norm(1.0), near, jnp.zeros(1)).x.round(6))
    [2.]
    """

    x: Array
    y: Array
    value: float
    gap: float
    reason: str
    converged: bool
    steps: int
    history: np.ndarray


def split_solve(
    method: Splitting,
    f: Term,
    g: Term,
    x: Array,
    K: Array | Callable[[Array], Array] | None = None,
    *,
    tol: float | None = None,
    max_steps: int = 10_000,
) -> Optimum:
    """Minimise f(K x) + g(x) from x. K: a matrix, a linear function, or None for x itself.

    It ends where both residuals, relative to what they compare, are at most tol (ε^⅔ unless given).

    >>> from fnet.solvers import l1_norm, squares
    >>> A = jax.random.normal(jax.random.key(0), (50, 3))
    >>> lasso = split_solve(admm(), squares(A, A[:, 0]), l1_norm(0.5), jnp.zeros(3))
    >>> lasso.converged, lasso.gap < 1e-8
    (True, True)
    """
    require_method("split_solve: the method", method, Splitting, "admm()")
    require_whole("split_solve: max_steps", max_steps, least=1)
    require_tolerance("split_solve: tol", tol)
    x = real("split_solve: x", x)
    goal = float(jnp.finfo(x.dtype).eps) ** (2 / 3) if tol is None else tol
    linear = _linear(K, x)
    _require_term("f", f, jax.eval_shape(linear, x), " of K x" if K is not None else "")
    _require_term("g", g, x)
    found, value, gap, reason, k, offs = _run(method, max_steps, f, g, linear, x, goal)
    require_known("split_solve", found, value, reason)
    said, done = ending(reason, SPLIT_WORDS), int(reason) == CONVERGED
    history = np.asarray(offs)[1 : int(k) + 1]
    return Optimum(found.x, found.y, float(value), float(gap), said, done, int(k), history)


def _linear(K: Any, x: Array) -> Partial:
    """x -> K x; ShapeError where K does not fit x."""
    if K is None:
        return Partial(_same)
    if callable(K):
        require_floating("split_solve: K(x)", jax.eval_shape(K, x))
        return Partial(K)
    K = real("split_solve: K", K).astype(x.dtype)
    require(
        K.ndim == 2 and x.shape[:1] == K.shape[1:] and x.ndim < 3,
        f"split_solve: K is {K.shape} and x {x.shape}; they must be (m, n) and (n,), or K a "
        "function",
    )
    return Partial(jnp.matmul, K)


def _same(x: Array) -> Array:
    return x


def _require_term(name: str, term: Any, v: Any, of: str = "") -> None:
    """Raise ShapeError unless the term is one of such arrays v; nothing is computed."""
    require_method(f"split_solve: {name}", term, Term, "l1_norm(0.1)")
    try:
        made = jax.eval_shape(lambda term, v: term.prox(1.0)(v), term, v).shape
    except (TypeError, ValueError, IndexError) as error:
        raise ShapeError(f"split_solve: {name}{of} does not take {v.shape}: {error}") from error
    require(made == v.shape, f"split_solve: {name}{of} is one of {made}, and got {v.shape}")


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run(method: Splitting, most: int, f: Term, g: Term, K: Any, x: Array, tol: Any) -> Any:
    begin, update = method.init_state(f, g, K, x)

    def step(state: Split) -> tuple[Split, Array, Array]:
        after = update(state)
        bad = ~jnp.isfinite(after.off)
        reason = first((bad, NOT_FINITE), (after.off <= tol, CONVERGED))
        after = either(bad, state, after)
        return after, reason, after.off

    state, reason, k, offs = looped(step, begin, begin.off, most)
    back = _transposed(K, x)(state.y)
    part = jnp.minimum(f.fits(state.y), g.fits(-back))
    value = f.value(K(state.x)) + g.value(state.x)
    dual = -f.conjugate(part * state.y) - g.conjugate(-part * back)
    return state, value, value - dual, reason, k, offs


def _transposed(K: Any, x: Array) -> Callable[[Array], Array]:
    back = jax.linear_transpose(K, x)

    def product(y: Array) -> Array:
        try:
            made: Array = back(y)[0]
        except NotImplementedError as error:
            raise ConfigurationError(f"split_solve: K is no linear function: {error}") from error
        return made

    return product


def _relative(v: Array, *others: Array) -> Array:
    """‖v‖ relative to the largest of the others."""
    scale = functools.reduce(jnp.maximum, map(length, others))
    return length(v) / jnp.where(scale > 0, scale, 1)


@constructor
def admm(rho: float = 1.0, relaxation: float = 1.6) -> Splitting:
    """The alternating direction method of multipliers, for f(x) + g(z) with x = z.

        z ← argmin(f(z) + (ρ / 2) ‖z − x + u‖²)        ẑ = α z + (1 − α) x
        x ← argmin(g(x) + (ρ / 2) ‖x − ẑ − u‖²)        u ← u + ẑ − x

    α is `relaxation`. K must be None. The dual is y = − ρ u in the sign of f*. With ρ near the
    eigenvalues of f's Hessian it is fastest. For m workers that must agree, x is (m, n), f is
    `separable` and g is `consensus`.

    Source: Boyd et al. (2011), Distributed optimization and statistical learning via the
    alternating direction method of multipliers, sections 3.4 and 7.1.

    >>> from fnet.solvers import consensus, separable, squared_distance
    >>> workers = separable(squared_distance, jnp.array([[1.0], [3.0], [8.0]]))
    >>> split_solve(admm(), workers, consensus(), jnp.zeros((3, 1))).x.round(6).ravel().tolist()
    [4.0, 4.0, 4.0]
    """
    require_number("admm: rho", rho, above=0)
    require_number("admm: relaxation", relaxation, above=0, below=2)

    def init_state(f: Term, g: Term, K: Any, x: Array) -> tuple[Split, Callable[[Split], Split]]:
        if K.func is not _same:
            raise ConfigurationError(
                "admm: f(K x) has a K, and this method is for f(x); take primal_dual()"
            )
        prox_f, prox_g = f.prox(1 / rho), g.prox(1 / rho)

        def update(state: Split) -> Split:
            u = -state.y / rho
            z = prox_f(state.x - u)
            over = relaxation * z + (1 - relaxation) * state.x
            x = prox_g(over + u)
            y = -rho * (u + over - x)
            primal = _relative(z - x, z, x)
            dual = _relative(rho * (x - state.x), y, rho * x)
            return Split(x, z, y, jnp.maximum(primal, dual))

        none = jnp.zeros_like(x)
        return Split(x, x, none, jnp.ones((), x.dtype)), update

    return Splitting(init_state)


@constructor
def primal_dual(ratio: float = 1.0) -> Splitting:
    """The primal-dual hybrid gradient method, for f(K x) + g(x): products with K and Kᵀ alone.

        v = y + σ K (2 x − x′)        y ← v − σ prox_f(v / σ)        x ← prox_g(x − τ Kᵀ y)

    x′ is the x before the last; prox_f is of step 1/σ, prox_g of τ. στ = 0.95 / ‖K‖², where ‖K‖ is
    found by forty rounds of the power method, and τ/σ is `ratio`².

    Source: Chambolle & Pock (2011), A first-order primal-dual algorithm for convex problems with
    applications to imaging, algorithm 1.

    >>> from fnet.solvers import l1_norm, squared_distance
    >>> signal = jnp.array([0.1, -0.1, 0.0, 4.1, 3.9, 4.0])
    >>> near, jumps = squared_distance(signal), l1_norm(0.3)
    >>> smooth = split_solve(primal_dual(), jumps, near, signal, jnp.diff)
    >>> print(smooth.x.round(2), smooth.gap < 1e-8)
    [0.1 0.1 0.1 3.9 3.9 3.9] True
    """
    require_number("primal_dual: ratio", ratio, above=0)

    def init_state(f: Term, g: Term, K: Any, x: Array) -> tuple[Split, Callable[[Split], Split]]:
        back = _transposed(K, x)

        def longer(_: int, v: Array) -> Array:
            v = back(K(v))
            return v / jnp.where(length(v) > 0, length(v), 1)

        some = jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)  # along no eigenvector
        norm = length(K(jax.lax.fori_loop(0, 40, longer, some / length(some))))
        step = jnp.sqrt(0.95) / jnp.where(norm > 0, 1.02 * norm, 1)
        tau, sigma = step * ratio, step / ratio
        prox_f, prox_g = f.prox(1 / sigma), g.prox(tau)

        def update(state: Split) -> Split:
            v = state.y + sigma * K(2 * state.x - state.z)
            y = v - sigma * prox_f(v / sigma)
            x = prox_g(state.x - tau * back(y))
            # y is of 2 x − x′: of x alone only where x′ was as near
            primal = jnp.maximum(_relative(x - state.x, x), _relative(state.x - state.z, x))
            dual = _relative(y - state.y, y)
            return Split(x, state.x, y, jnp.maximum(primal, dual))

        y = jnp.zeros_like(K(x))
        return Split(x, x, y, jnp.ones((), x.dtype)), update

    return Splitting(init_state)
