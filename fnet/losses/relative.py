"""Losses for regression that weigh an error by the size of what is predicted."""

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.losses.pointwise import itself, pointwise_loss

ABOVE = -1 + 2.0**-53  # the first number above −1


@constructor
def mape(reduction: str = "mean", eps: float = 1e-8) -> Loss:
    """Absolute error as a fraction of the target.

        value = |y − t| / max(|t|, ε)        dy = sign(y − t) / max(|t|, ε)

    y and target: one shape, any; y floating point. A fraction, not a percentage. ε > 0 bounds it
    where the target is 0. dy is 0 where y = t.
    Source: Makridakis (1993), Accuracy measures: theoretical and practical concerns.

    >>> value, dy = mape().value_and_grad(jnp.array([3.0]), jnp.array([4.0]))
    >>> float(value), dy.tolist()
    (0.25, [-0.25])
    """
    require_number("mape: eps", eps, above=0)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        rate = jnp.sign(y - target) / jnp.maximum(jnp.abs(target), eps)
        return (y - target) * rate, rate

    return pointwise_loss(pointwise, "mape", reduction, estimate=itself)


@constructor
def msle(reduction: str = "mean") -> Loss:
    """Squared error of logarithms, of numbers above −1.

        value = (log(1 + y) − log(1 + t))²        dy = 2 (log(1 + y) − log(1 + t)) / (1 + y)

    y and target: one shape, any; y floating point. A target at or below −1 raises DataError; y
    there has no logarithm, and value and dy are NaN, or infinite at −1.

    >>> value, dy = msle().value_and_grad(jnp.array([1.0]), jnp.array([0.0]))
    >>> round(float(value), 4), round(float(dy[0]), 4)
    (0.4805, 0.6931)
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        e = jnp.log1p(y) - jnp.log1p(target)
        return e * e, 2 * e / (1 + y)

    return pointwise_loss(pointwise, "msle", reduction, targets=(ABOVE, jnp.inf), estimate=itself)
