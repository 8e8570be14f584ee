"""What an update is given beside gradients, for optimizers that look at the loss itself."""

from typing import Any

from chex import Array, ArrayTree

from fnet.core import Layer, Loss
from fnet.optimizers.seen import dense


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

    return {"value": value, "grad": dense(grads), "value_fn": value_fn}
