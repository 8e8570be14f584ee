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
    """What a direction remembers, and whether it has just begun, or begun again."""

    own: Any
    fresh: Array


def descending(direction: Direction, search: Search) -> Solver:
    """The solver that goes along the direction as far as the search says.

    A direction that does not descend is replaced by −∇f. Where the search finds nothing, the
    memory begins again, once; then the reason is given.
    """

    def init_state(x: Array) -> State:
        return begun(x, Memory(direction.begin(x), jnp.asarray(True)))

    def update(problem: Problem, state: State) -> State:
        p, t, own, obstacle = direction.propose(problem, state, state.memory.own)
        slope = jnp.vdot(state.grad, p)
        downhill = (slope < 0) & jnp.isfinite(slope)
        p = jnp.where(downhill, p, -state.grad)
        t = jnp.where(downhill, t, first_step(state.grad))
        found = search.find(problem, state.x, state.value, state.grad, p, t)
        count = state.evaluations + found.evaluations
        after = State(found.x, found.value, found.grad, own, count, state.reason)
        stalled = (found.value >= state.value) & (size_of(found.grad) >= size_of(state.grad))
        took = found.ok & ~stalled & (obstacle != SINGULAR)
        after = after._replace(memory=Memory(direction.learn(own, state, after, p), ~took))
        again = Memory(direction.begin(state.x), jnp.asarray(True))
        kept = state._replace(memory=again, evaluations=count)
        after = either(took, after, kept)
        decrease = -jnp.vdot(state.grad, p)
        stuck = found.edge | promises(state.x, p, state.value, decrease)
        level = decrease <= rounding(state.value)
        ended = ~took & (state.memory.fresh | level)
        still = ended & found.ok | took & moved_little(state.x, found.x - state.x)
        converged = size_of(after.grad) <= problem.tol
        cases = (
            (jnp.asarray(obstacle == SINGULAR), SINGULAR),
            (converged & (obstacle == INDEFINITE), INDEFINITE),
            (converged, CONVERGED),
            (fallen(after.value), UNBOUNDED),
            (ended & level | still & ~stuck, SMALL),
            (ended & ~found.finite, NOT_FINITE),
            ((ended | still) & found.edge, EDGE),
            (ended | still, NO_DESCENT),
        )
        return after._replace(reason=first(*cases))

    return Solver(init_state, update)


def first_step(grad: Array) -> Array:
    """The step along −∇f whose length is at most 1."""
    return jnp.minimum(1, 1 / length(grad))
