"""An optimizer's update, given as much as it takes: fnet's own, and those of optax."""

import inspect
from typing import Any

from chex import Array, ArrayTree

from fnet.core import Layer, Loss


def update(
    optimizer: Any, grads: ArrayTree, opt_state: ArrayTree, params: ArrayTree, **more: Any
) -> tuple[ArrayTree, ArrayTree]:
    """optimizer.update(grads, opt_state, params), with what it takes of `more`.

    >>> import jax.numpy as jnp
    >>> from fnet import optimizers
    >>> sgd, params = optimizers.sgd(0.5), jnp.zeros(())
    >>> float(update(sgd, jnp.array(2.0), sgd.init(params), params, value=1.0)[0])
    -1.0
    """
    named = inspect.signature(optimizer.update).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in named.values()):
        more = {name: value for name, value in more.items() if name in named}
    updates, state = optimizer.update(grads, opt_state, params, **more)
    return updates, state


def extras(
    model: Layer, loss: Loss, batch: tuple[Any, ...], value: Array, grads: ArrayTree
) -> dict[str, Any]:
    """What optax calls value, grad and value_fn: the loss of this batch with the model's penalty,
    its gradient, and that loss as a function of the parameters, differentiated by hand too.

    The batch is (x, target, where, key).

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from fnet import losses
    >>> from fnet.layers import affine
    >>> model, x = affine(1), jnp.ones((2, 1))
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> more = extras(model, losses.mse(), (x, x, None, None), jnp.zeros(()), params)
    >>> jax.grad(more["value_fn"])(params).b.shape
    (1,)
    """
    x, target, where, key = batch

    def value_fn(params: ArrayTree) -> Array:
        value = loss.apply(model.apply(params, x, key), target, where)
        if model.penalty is None:
            return value
        return value + model.penalty.apply(params).astype(value.dtype)

    return {"value": value, "grad": grads, "value_fn": value_fn}
