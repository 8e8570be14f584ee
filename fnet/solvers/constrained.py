"""Constraints: a sequence of problems without, whose price rises."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree
from jax.tree_util import Partial

from fnet.core.expect import require_floating, require_number, require_whole
from fnet.solvers.contract import Solver
from fnet.solvers.given import (
    require_function,
    require_known,
    require_method,
    require_one_number,
    require_tolerance,
)
from fnet.solvers.looping import looped
from fnet.solvers.numbers import array, arrays
from fnet.solvers.objectives import as_vector, function
from fnet.solvers.outcomes import (
    BAD_START,
    CONVERGED,
    DIVERGED,
    MOST_STEPS,
    UNBOUNDED,
    ending,
    fallen,
    first,
)
from fnet.solvers.quasi_newton import lbfgs
from fnet.solvers.running import minimised, tolerance

GROWTH, ENOUGH = 10.0, 0.25  # of ρ, where a round did not reduce the violation to this part
HIGHEST = 1e8  # ρ, and what it makes of a violation is DEAR times as much as f has changed:
DEAR = 1e3  # where the constraints can be met, f would have to change so much for it
FEASIBLE, INFEASIBLE = CONVERGED, DIVERGED
SAID = {
    FEASIBLE: "converged: the constraints hold within the tolerance",
    INFEASIBLE: "infeasible: the constraints are violated however high their price",
    MOST_STEPS: "most rounds: they are used up; allow more by max_rounds",
}


class Constrained(NamedTuple):
    """The point, f there, the multipliers of both kinds, and how much a constraint is violated.

    >>> result = augmented_lagrangian(lambda x: x @ x, jnp.ones(2), equal=lambda x: x.sum() - 1)
    >>> result.params.round(6).tolist(), result.equal.round(5).tolist()
    ([0.5, 0.5], [-1.0])
    """

    params: ArrayTree
    value: float
    equal: Array
    least: Array
    violation: float
    reason: str
    converged: bool
    rounds: int
    history: np.ndarray


def augmented_lagrangian(
    f: Callable[..., Array],
    params: ArrayTree,
    *,
    equal: Callable[..., Array] | None = None,
    least: Callable[..., Array] | None = None,
    solver: Solver | None = None,
    rho: float = 10.0,
    tol: float | None = None,
    max_rounds: int = 50,
    max_steps: int = 500,
) -> Constrained:
    """Minimise f(θ) where c(θ) = 0 (`equal`) and d(θ) ≥ 0 (`least`), arrays of any shapes.

        L = f + λᵀ c + (ρ / 2) ‖c‖² + (‖max(0, μ − ρ d)‖² − ‖μ‖²) / (2 ρ)
        λ ← λ + ρ c        μ ← max(0, μ − ρ d)

    Each round minimises L by the solver (`lbfgs`) in at most `max_steps`; ρ grows where the
    violation does not shrink. It ends where no constraint is violated by more than tol (√ε). At the
    optimum ∇f + ∇c λ − ∇d μ = 0.

    Source: Hestenes (1969), Multiplier and gradient methods; Rockafellar (1973) for inequalities;
    Nocedal & Wright (2006), section 17.4.

    >>> result = augmented_lagrangian(lambda x: ((x - 2) ** 2).sum(), jnp.zeros(2),
    ...                               least=lambda x: 1 - x)
    >>> result.params.round(6).tolist(), result.least.round(4).tolist()
    ([1.0, 1.0], [2.0, 2.0])
    """
    require_number("augmented_lagrangian: rho", rho, above=0)
    require_whole("augmented_lagrangian: max_rounds", max_rounds, least=1)
    require_whole("augmented_lagrangian: max_steps", max_steps, least=1)
    require_tolerance("augmented_lagrangian: tol", tol)
    solver = lbfgs() if solver is None else solver
    require_method("augmented_lagrangian: solver", solver, Solver, "lbfgs()")
    params = arrays("augmented_lagrangian: a parameter", params)
    require_one_number("augmented_lagrangian: f", f, params)
    constraints = [_constraint(*part, params) for part in (("equal", equal), ("least", least))]
    parts = (Partial(f), *constraints)
    settings = (solver, max_rounds, max_steps)
    found, value, multipliers, violation, reason, k, rows = _run(settings, parts, params, rho, tol)
    require_known("augmented_lagrangian", found, value, reason)
    said, done = ending(reason, SAID), int(reason) == FEASIBLE
    history, off = np.asarray(rows)[1 : int(k) + 1], float(violation)
    equals, leasts = multipliers
    return Constrained(found, float(value), equals, leasts, off, said, done, int(k), history)


def _constraint(name: str, part: Any, params: ArrayTree) -> Any:
    """The constraint as a vector; ShapeError unless it is an array of real numbers."""
    if part is None:
        return Partial(_none)
    what = f"augmented_lagrangian: {name}"
    require_function(what, part)
    vector = Partial(_vector, Partial(part))
    require_floating(what, jax.eval_shape(vector, params))
    return vector


def _none(params: ArrayTree) -> Array:
    return jnp.zeros(0)


def _vector(part: Any, params: ArrayTree) -> Array:
    return array("augmented_lagrangian: a constraint", part(params)).ravel()


@functools.partial(jax.jit, static_argnums=0)
def _run(settings: Any, parts: Any, params: ArrayTree, rho: Any, tol: Any) -> Any:
    solver, most, steps = settings
    f, equal, least = parts

    def lagrangian(params: ArrayTree, price: Any, equals: Array, leasts: Array) -> Array:
        c, d = (part(params).astype(price.dtype) for part in (equal, least))
        slack = jnp.maximum(0, leasts - price * d)
        value = (
            jnp.asarray(f(params), price.dtype) + jnp.vdot(equals, c) + price / 2 * jnp.vdot(c, c)
        )
        return value + (jnp.vdot(slack, slack) - jnp.vdot(leasts, leasts)) / (2 * price)

    _, x, restore = as_vector(function(f), params)
    goal = tolerance(x.dtype) if tol is None else tol
    most_price = jnp.sqrt(jnp.finfo(x.dtype).max)

    def f_of(x: Array) -> Array:
        return jnp.asarray(f(restore(x)), x.dtype)

    begun = f_of(x)

    def round_(carry: Any) -> tuple[Any, Array, Array]:
        x, price, equals, leasts, before, swing = carry
        data = (price, equals, leasts)
        problem, start, _ = as_vector(function(lagrangian, *data), restore(x), goal / 10)
        state = minimised(solver, problem, start, steps)[0]
        c, d = (part(restore(state.x)).astype(x.dtype) for part in (equal, least))
        # What holds with room to spare, and no price, is no violation.
        short = jnp.minimum(d, leasts / price)
        off = jnp.maximum(*(jnp.max(jnp.abs(v), initial=0) for v in (c, short)))
        equals, leasts = equals + price * c, jnp.maximum(0, leasts - price * d)
        slow = off > ENOUGH * before
        higher = jnp.where(slow, jnp.minimum(GROWTH * price, most_price), price)
        swing = jnp.maximum(swing, jnp.abs(f_of(state.x) - begun))
        dear = (higher > HIGHEST) & (price * off**2 > DEAR * swing)
        reason = first(
            (~jnp.isfinite(off) | ~jnp.isfinite(state.value), BAD_START),
            (fallen(state.value), UNBOUNDED),
            (off <= goal, FEASIBLE),
            (slow & dear, INFEASIBLE),
        )
        x = jnp.where(jnp.isfinite(state.x).all(), state.x, x)
        return (x, higher, equals, leasts, off, swing), reason, off

    sizes = [jax.eval_shape(part, params).size for part in (equal, least)]
    zero = [jnp.zeros(size, x.dtype) for size in sizes]
    off = jnp.asarray(jnp.inf, x.dtype)
    begin = (x, jnp.asarray(rho, x.dtype), *zero, off, jnp.zeros_like(off))
    (x, _, equals, leasts, off, _), reason, k, rows = looped(round_, begin, off, most)
    found = restore(x)
    return found, f(found), (equals, leasts), off, reason, k, rows
