"""Losses for regression: the distance of a prediction from its target."""

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.values import constructor
from fnet.losses.pointwise import itself, pointwise_loss


@constructor
def l1(reduction: str = "mean") -> Loss:
    """Absolute error.

        value = |y − t|        dy = sign(y − t), 0 where y = t

    y and target: one shape, any; y floating point. value has its dtype.

    >>> value, dy = l1("sum").value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
    >>> float(value), dy.tolist()
    (2.0, [-1.0, 0.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        sign = jnp.sign(y - target)  # not jnp.abs, whose derivative at 0 is 1
        return (y - target) * sign, sign

    return pointwise_loss(pointwise, "l1", reduction, estimate=itself)


@constructor
def mse(reduction: str = "mean") -> Loss:
    """Squared error.

        value = (y − t)²       dy = 2 (y − t)

    y and target: one shape, any; y floating point. value has its dtype.

    >>> value, dy = mse().value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
    >>> float(value), dy.tolist()
    (2.0, [-2.0, 0.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        return (y - target) ** 2, 2 * (y - target)

    return pointwise_loss(pointwise, "mse", reduction, estimate=itself)
