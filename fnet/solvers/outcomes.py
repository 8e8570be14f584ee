"""How a solver ends: where it stands, why it stopped, and the history of the way there."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core.limits import over
from fnet.errors import ConfigurationError

T = TypeVar("T")

RUNNING, CONVERGED, SMALL, NO_DESCENT, INDEFINITE, SINGULAR, NOT_FINITE, UNBOUNDED = range(8)
MOST_STEPS, BAD_START, NOT_DEFINITE, DIVERGED, EDGE = range(8, 13)

WORDS = (
    "running",
    "converged: the gradient is below the tolerance",
    "small step: neither point nor value changes by more than rounding",
    "no descent: no step along the direction lowers the value",
    "indefinite: the gradient vanishes, but the Hessian is indefinite: a saddle point",
    "singular: the matrix of the step is singular",
    "not finite: the objective is not finite at any step that was tried",
    "unbounded: the value fell below every bound",
    "most steps: they are used up; allow more by max_steps",
    "not finite: the objective or its gradient is not finite at the start",
    "not positive definite: the matrix has a direction of no or negative curvature",
    "diverged: the residual grows; the method does not converge for this matrix",
    "edge: farther along the direction the objective is not finite, and no nearer step helps",
)
"""The words of each reason, in which `Result.reason` begins."""

WELL = (CONVERGED, SMALL)  # a minimum, as far as rounding allows to say


class State(NamedTuple):
    """Of a solver after a number of steps: the best point so far, and what the method remembers.

    x: (n,). value and grad: f and ∇f there. memory: the method's own. evaluations: how often value
    and gradient were computed. reason: 0 while it runs, then a place in `WORDS`.

    >>> from fnet.solvers import bfgs
    >>> state = bfgs().init({"w": jnp.zeros(2)})
    >>> state.x.tolist(), int(state.reason)
    ([0.0, 0.0], 0)
    """

    x: Array
    value: Array
    grad: Array
    memory: Any
    evaluations: Array
    reason: Array


class Result(NamedTuple):
    """What `solve` found, and how.

    `params` is the best point, `value` f there, and `gradient` the largest |∂f/∂θ|. `reason` says
    in words why the solver ended, and `converged` whether that is at a minimum. `history` has one
    row per step, and the start: value, gradient and evaluations.

    >>> from fnet.solvers import bfgs, solve
    >>> result = solve(bfgs(), lambda x: ((x - 3) ** 2).sum(), jnp.zeros(2))
    >>> result.params.round(6).tolist(), result.converged
    ([3.0, 3.0], True)
    >>> len(result.history["value"]) == result.steps + 1
    True
    """

    params: ArrayTree
    value: float
    gradient: float
    reason: str
    converged: bool
    steps: int
    evaluations: int
    history: dict[str, np.ndarray]


def begun(x: Array, memory: Any) -> State:
    """The state before the first evaluation."""
    nothing = jnp.zeros((), jnp.int32)
    return State(x, jnp.asarray(jnp.inf, x.dtype), jnp.zeros_like(x), memory, nothing, nothing)


def size_of(grad: Array) -> Array:
    """The largest absolute entry, NaN if one is NaN; 0 of nothing."""
    return jnp.max(jnp.abs(grad), initial=0)


def length(v: Array) -> Array:
    """‖v‖ of an array of any shape, whose squares may be out of range; 0 of nothing."""
    largest = size_of(v)
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)
    return scale * jnp.sqrt(jnp.sum(over(v, scale) ** 2))


def first(*cases: tuple[Array, int]) -> Array:
    """The reason of the first case that holds; RUNNING if none does."""
    reasons = [jnp.int32(reason) for _, reason in cases]
    return jnp.select([case for case, _ in cases], reasons, jnp.int32(RUNNING))


def either(condition: Array, one: T, other: T) -> T:
    """One tree where the condition holds, and the other where it does not."""
    chosen: T = jax.tree.map(lambda a, b: jnp.where(condition, a, b), one, other)
    return chosen


def rounding(value: Array) -> Array:
    """How much of a change in this value may be rounding."""
    return 10 * jnp.finfo(value.dtype).eps * jnp.abs(value)


def fallen(value: Array) -> Array:
    """Whether it is so low, below −√max of its dtype, that it has no bound."""
    return value < -jnp.sqrt(jnp.finfo(value.dtype).max)


def moved_little(x: Array, step: Array) -> Array:
    """Whether the step changes no entry by more than rounding."""
    return jnp.all(jnp.abs(step) <= jnp.finfo(x.dtype).eps * jnp.abs(x))


def promises(x: Array, step: Array, value: Array, decrease: Array) -> Array:
    """Whether a step, and what it should lower the value by, are both far above rounding.

    Where such a step lowers nothing, the point is no minimum: the gradient is wrong, or has a kink.
    """
    root = jnp.sqrt(jnp.finfo(x.dtype).eps)
    return (decrease > root * jnp.abs(value)) & ~jnp.all(jnp.abs(step) <= root * jnp.abs(x))


def ending(reason: Any, own: Mapping[int, str] = {}) -> str:
    """Why a method ended, in its own words where it has some; without a reason steps are used up.

    >>> ending(0), ending(2, {2: "small: it hardly moves"})
    ('most steps: they are used up; allow more by max_steps', 'small: it hardly moves')
    """
    ended = int(reason) or MOST_STEPS
    return own.get(ended, WORDS[ended])


def words(reason: Any) -> str:
    """The words of a reason.

    >>> words(1)
    'converged: the gradient is below the tolerance'
    """
    known = np.asarray(reason)
    if known.shape or known.dtype.kind not in "iu" or not 0 <= known < len(WORDS):
        raise ConfigurationError(f"words: reason is {reason!r}; it must be State.reason, a number")
    return WORDS[int(known)]
