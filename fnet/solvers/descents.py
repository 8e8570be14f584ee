"""A direction and a search make a solver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array

from fnet.solvers.contract import Solver
from fnet.solvers.objectives import Problem
from fnet.solvers.outcomes import (
    CONVERGED,
    EDGE,
    INDEFINITE,
    NO_DESCENT,
    NOT_FINITE,
    RUNNING,
    SINGULAR,
    SMALL,
    UNBOUNDED,
    State,
    begun,
    either,
    fallen,
    first,
    length,
    moved_little,
    promises,
    rounding,
    size_of,
)
from fnet.solvers.searches import Search


class Proposal(NamedTuple):
    """A direction p, the first step to try along it, and what is remembered.

    `obstacle` is SINGULAR where there is no direction, INDEFINITE where the curvature is.
    """

    p: Array
    t: Array
    memory: Any
    obstacle: Any = RUNNING


class Direction(NamedTuple):
    """Where to go from a point, and what to remember of having gone there.

    begin(x)                    -> memory
    propose(problem, state, m)  -> Proposal
    learn(m, before, after, p)  -> m         after a step
    """

    begin: Callable[[Array], Any]
    propose: Callable[[Problem, State, Any], Proposal]
    learn: Callable[[Any, State, State, Array], Any]


class Memory(NamedTuple):
    """What a direction remembers, and whether it begins again at this point.

    `level` is whether the direction before that promised no more than rounding.
    """

    own: Any
    again: Array
    level: Array


def descending(direction: Direction, search: Search) -> Solver:
    """The solver that goes along the direction as far as the search says.

    A direction that does not descend is replaced by −∇f. Where the search finds nothing, the
    memory begins again, once, along −∇f in units of the parameters; then the reason is given.
    """

    def init_state(x: Array) -> State:
        no = jnp.asarray(False)
        return begun(x, Memory(direction.begin(x), no, no))

    def update(problem: Problem, state: State) -> State:
        p, t, own, obstacle = direction.propose(problem, state, state.memory.own)
        slope = jnp.vdot(state.grad, p)
        downhill = (slope < 0) & jnp.isfinite(slope)
        p = jnp.where(downhill, p, -state.grad)
        t = jnp.where(downhill, t, first_step(state.grad))
        p, t = either(state.memory.again, scaled(state.x, state.grad), (p, t))
        found = search.find(problem, state.x, state.value, state.grad, p, t)
        count = state.evaluations + found.evaluations
        after = State(found.x, found.value, found.grad, own, count, state.reason)
        stalled = (found.value >= state.value) & (size_of(found.grad) >= size_of(state.grad))
        little = moved_little(state.x, found.x - state.x)
        tilted = steep(state.x, state.value, state.grad)
        took = found.ok & ~stalled & (obstacle != SINGULAR) & ~(little & tilted)
        decrease = -jnp.vdot(state.grad, p)
        level = decrease <= rounding(state.value)
        no = jnp.asarray(False)
        learnt = Memory(direction.learn(own, state, after, p), no, no)
        again = Memory(direction.begin(state.x), ~no, level)
        kept = state._replace(memory=again, evaluations=count)
        after = either(took, after._replace(memory=learnt), kept)
        stuck = found.edge | promises(state.x, p, state.value, decrease)
        ended = ~took & (state.memory.again | level & ~tilted)
        still = ended & found.ok | took & little
        converged = size_of(after.grad) <= problem.tol
        cases = (
            (jnp.asarray(obstacle == SINGULAR), SINGULAR),
            (converged & (obstacle == INDEFINITE), INDEFINITE),
            (converged, CONVERGED),
            (fallen(after.value), UNBOUNDED),
            (ended & (level | state.memory.level) | still & ~stuck, SMALL),
            (ended & ~found.finite, NOT_FINITE),
            ((ended | still) & found.edge, EDGE),
            (ended | still, NO_DESCENT),
        )
        return after._replace(reason=first(*cases))

    return Solver(init_state, update)


def first_step(grad: Array) -> Array:
    """The step along −∇f whose length is at most 1."""
    return jnp.minimum(1, 1 / length(grad))


def scaled(x: Array, grad: Array) -> tuple[Array, Array]:
    """−D² ∇f and a step along it, where D are the sizes of the parameters, 1 for 0.

    It is the same whatever the unit of a parameter. At first none changes by more than its size.
    """
    sizes = jnp.where(x == 0, 1, jnp.abs(x))
    most = size_of(sizes * grad)
    p = -sizes * (sizes * grad / jnp.where(most > 0, most, 1))
    return p, jnp.ones_like(most)


def steep(x: Array, value: Array, grad: Array) -> Array:
    """Whether a relative change of a parameter changes the value by far more than rounding."""
    return size_of(x * grad) > jnp.sqrt(jnp.finfo(x.dtype).eps) * jnp.abs(value)
