"""How often devices add up their gradients: once a step, or once in the k steps of `accumulate`."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from chex import ArrayTree

from fnet.core import Layer, Optimizer
from fnet.devices.dividing import (
    OWN,
    WHOLE,
    divided,
    first_alone,
    on_each,
    stacked,
    total,
    unstacked,
)
from fnet.devices.placements import Here, Placement
from fnet.optimizers.averaging import Accumulated, accumulate
from fnet.optimizers.rule import passed
from fnet.training.records import State

HELD: Any = Accumulated(WHOLE, WHOLE, OWN, WHOLE)  # what each device has a sum of its own of


class Reducing(NamedTuple):
    """The model and the optimizer of a step, and its state: `opened` before the first of a loop,
    `kept` after each, `closed` after the last."""

    model: Layer
    optimizer: Any
    opened: Callable[[State], State]
    kept: Callable[[State], State]
    closed: Callable[[State], State]


def reducing(model: Layer, optimizer: Any, placement: Here) -> Reducing:
    """Once a step; of an optimizer `accumulate(optimizer, k)`, once in k steps.

    There each device adds up its own gradients, and the sums are added up before the optimizer
    inside takes its step. Between two calls of the loop the state is that of one device.

    >>> from fnet.layers import relu
    >>> from fnet.optimizers import sgd
    >>> reducing(relu(), sgd(0.1), Here()).model
    relu()
    """
    made = optimizer.made if isinstance(optimizer, Optimizer) else ()
    accumulates = bool(made) and made[0] is accumulate
    spread = placement.model(model)
    if not accumulates or spread is model or not isinstance(placement, Placement):
        return Reducing(spread, optimizer, _same, placement.kept, _same)
    given = inspect.signature(accumulate).bind(*made[1], **made[2]).arguments
    inner, mesh, reduced = given["optimizer"], placement.mesh, placement.reduced

    def update_of_all(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        return passed(inner, total(grads, reduced), state, params, **more)

    own_sums = accumulate(Optimizer(inner.init, update_of_all), given["k"])

    def update(grads: ArrayTree, state: Any, params: Any = None, *, value: Any = None) -> Any:
        def own(grads: ArrayTree, state: Any, params: Any, value: Any) -> Any:
            updates, after = own_sums.update(
                unstacked(grads), _with(unstacked, state), params, value=value
            )
            return updates, _with(stacked, after)

        return on_each(mesh, own, (OWN, HELD, WHOLE, WHOLE), (WHOLE, HELD))(
            grads, state, params, value
        )

    def opened(state: State) -> State:
        def own(held: Any) -> Any:
            return _with(lambda tree: stacked(jax.tree.map(first_alone, tree)), held)

        return state._replace(opt_state=on_each(mesh, own, (WHOLE,), HELD)(state.opt_state))

    def closed(state: State) -> State:
        def own(held: Any) -> Any:
            return _with(lambda tree: total(unstacked(tree), None), held)

        return state._replace(opt_state=on_each(mesh, own, (HELD,), WHOLE)(state.opt_state))

    def kept(state: State) -> State:
        sums = state.opt_state.total
        rest: State = placement.kept(
            state._replace(opt_state=_with(lambda tree: (), state.opt_state))
        )
        return rest._replace(opt_state=rest.opt_state._replace(total=sums))

    own_gradients = divided(model, mesh, summed=False)
    return Reducing(own_gradients, Optimizer(optimizer.init, update), opened, kept, closed)


def _same(state: State) -> State:
    return state


def _with(change: Callable[[Any], Any], held: Any) -> Any:
    """The state with its sum changed."""
    return held._replace(total=change(held.total))
