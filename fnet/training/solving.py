"""A solver in place of an optimizer: one of its steps is a full-batch epoch."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
from chex import Array, PRNGKey

from fnet.core import Layer, Loss
from fnet.core.remembering import remembered
from fnet.core.trees import all_finite
from fnet.errors import ConfigurationError, TrainingError
from fnet.solvers import Solver, objective
from fnet.solvers.objectives import as_vector
from fnet.solvers.outcomes import RUNNING, words
from fnet.solvers.running import primed, tolerance
from fnet.training.records import Record, State


def is_solver(optimizer: Any) -> bool:
    """Whether it takes the whole objective at each step, as `lbfgs` does."""
    return isinstance(optimizer, Solver)


def has_ended(state: State) -> bool:
    """Whether these steps were a solver's, which has a reason to take no more."""
    return int(jax.device_get(getattr(state.opt_state, "reason", RUNNING))) != RUNNING


def require_optimizer(optimizer: Any) -> None:
    """Raise ConfigurationError for a solver, where steps are of batches."""
    if is_solver(optimizer):
        raise ConfigurationError(
            f"{optimizer} is a solver, which takes all samples at each step: use descend(...), or "
            "--batch-size all; or take an optimizer, such as adam(1e-3)"
        )


def require_steady_model(solver: Solver, model: Layer) -> None:
    """Raise ConfigurationError for a model whose output depends on more than x and weights."""
    if model.observe is not None:
        raise ConfigurationError(
            f"{solver} minimises one function of the weights, and {model} observes statistics as "
            "it is trained, which change that function: take an optimizer, or a model without them"
        )


@remembered
def make_solver_step(model: Layer, loss: Loss, solver: Solver) -> Callable[..., Any]:
    """The compiled step(state, x, target, where=None, key=None) -> state, None of a solver.

    x is transformed already. The model is as in use, without noise, whatever the key. Rows that
    `where` does not mark are in no sum, so that the objective is that of the others. Where the
    solver has ended, the state stays as it is; its first step evaluates the start.

    >>> import jax.numpy as jnp
    >>> from fnet import losses, training
    >>> from fnet.layers import affine
    >>> from fnet.solvers import newton
    >>> x = jnp.array([[-1.0], [1.0]])
    >>> state = training.start(affine(1), newton(), (1,)).state
    >>> step = make_solver_step(affine(1), losses.mse(), newton())
    >>> print(step(state, x, 3 * x + 2)[0].params.w.round(4))
    [[3.]]
    """

    @jax.jit
    def step(
        state: State, x: Any, target: Array, where: Array | None = None, key: PRNGKey | None = None
    ) -> tuple[State, None]:
        whole = objective(model, _of_marked(loss), x, (target, where))
        problem, begin, restore = as_vector(whole, state.params)
        problem = problem._replace(tol=tolerance(begin.dtype))
        now = jax.lax.cond(
            state.step == 0, lambda now: primed(problem, now), lambda now: now, state.opt_state
        )
        going = now.reason == RUNNING
        now = jax.lax.cond(going, lambda now: solver.update(problem, now), lambda now: now, now)
        took = going | (state.step == 0)
        return State(restore(now.x), now, state.step + took.astype(state.step.dtype)), None

    return step


@remembered
def _of_marked(loss: Loss) -> Loss:
    """The loss of targets that come with the rows that count."""

    def value_and_grad(y: Any, target: tuple[Array, Array | None], where: None = None) -> Any:
        return loss.value_and_grad(y, *target)

    return dataclasses.replace(loss, value_and_grad=value_and_grad)


def require_finite_end(record: Record) -> None:
    """Raise TrainingError where a solver's start was not finite; all later points are."""
    if not all_finite((record.state.params, record.losses)):
        raise TrainingError(
            f"{words(record.state.opt_state.reason)}: look at the data and the initial weights"
        )
