"""A solver from the start to the end, compiled once."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core.expect import require_whole
from fnet.solvers import outcomes
from fnet.solvers.contract import Solver
from fnet.solvers.given import require_function, require_known, require_method, require_tolerance
from fnet.solvers.looping import looped
from fnet.solvers.numbers import arrays
from fnet.solvers.objectives import Objective, Problem, as_vector, function
from fnet.solvers.outcomes import Result, State, size_of

COLUMNS = ("value", "gradient", "evaluations")


def solve(
    solver: Solver,
    objective: Objective | Callable[..., Any],
    params: ArrayTree,
    *,
    tol: float | None = None,
    max_steps: int = 500,
) -> Result:
    """Minimise the objective from these parameters, in one compiled loop.

    It ends with the first point where no entry of the gradient exceeds `tol` in size (√ε of the
    parameters' dtype, unless given), after `max_steps`, or where the solver cannot go on; `reason`
    says which. It raises nothing because of numbers: the best point so far is in the result. A
    plain function is differentiated by JAX; a pytree of parameters is raveled once.

    >>> from fnet.solvers import lbfgs
    >>> def rosenbrock(x):
    ...     return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    >>> result = solve(lbfgs(), rosenbrock, jnp.zeros(5), tol=1e-9)
    >>> result.params.round(6).tolist(), result.reason
    ([1.0, 1.0, 1.0, 1.0, 1.0], 'converged: the gradient is below the tolerance')
    """
    require_method("solve: the solver", solver, Solver, "lbfgs()")
    require_whole("solve: max_steps", max_steps, least=0)
    require_tolerance("solve: tol", tol)
    if not isinstance(objective, Objective):
        require_function("solve: the objective", objective)
    goal = objective if isinstance(objective, Objective) else function(objective)
    params = arrays("solve: a parameter", params)
    found, ended, rows = _run(solver, max_steps, goal, params, tol)
    require_known("solve", found, ended)
    reason, steps = np.asarray(ended).tolist()
    history = dict(zip(COLUMNS, np.asarray(rows)[: steps + 1].T, strict=True))
    value, gradient, evaluations = (float(column[-1]) for column in history.values())
    done = reason in outcomes.WELL
    said = outcomes.ending(reason)
    return Result(found, value, gradient, said, done, steps, int(evaluations), history)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run(
    solver: Solver, max_steps: int, objective: Objective, params: ArrayTree, tol: Any
) -> tuple[ArrayTree, Array, Array]:
    problem, x, restore = as_vector(objective, params)
    problem = problem._replace(tol=tolerance(x.dtype) if tol is None else tol)

    state, k, rows = minimised(solver, problem, x, max_steps)
    return restore(state.x), jnp.stack([state.reason, k]), rows


def minimised(
    solver: Solver, problem: Problem, x: Array, max_steps: int
) -> tuple[State, Array, Array]:
    """The state at the end, the steps done, and a row of COLUMNS for each; within one jit."""

    def step(state: State) -> tuple[State, Array, Array]:
        state = solver.update(problem, state)
        return state, state.reason, row(state)

    def row(state: State) -> Array:
        return jnp.stack([state.value, size_of(state.grad), state.evaluations.astype(x.dtype)])

    state = primed(problem, solver.init_state(x))
    state, _, k, rows = looped(step, state, row(state), max_steps, state.reason)
    return state, k, rows


def tolerance(dtype: Any) -> float:
    """The size of a gradient that counts as none, unless it is given: √ε.

    >>> tolerance(jnp.float32)
    0.0003452669770922512
    """
    return float(np.sqrt(np.finfo(dtype).eps))


def primed(problem: Problem, state: State) -> State:
    """The state with the value and gradient at its first point."""
    value, grad = problem.value_and_grad(state.x)
    finite = jnp.isfinite(value) & jnp.isfinite(grad).all()
    reason = outcomes.first(
        (~finite, outcomes.BAD_START), (size_of(grad) <= problem.tol, outcomes.CONVERGED)
    )
    return state._replace(value=value, grad=grad, evaluations=state.evaluations + 1, reason=reason)
