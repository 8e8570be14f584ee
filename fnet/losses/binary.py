"""Losses for two classes: binary cross-entropy from probabilities and from logits."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.values import constructor
from fnet.losses.pointwise import check_range, pointwise_loss

FLOOR = 1e-12  # `bce` clips probabilities below this before it takes logarithms and inverses


@constructor
def bce(reduction: str = "mean") -> Loss:
    """Binary cross-entropy of a probability y against a target t in [0, 1].

        value = −t log y − (1 − t) log(1 − y)        dy = −t / y + (1 − t) / (1 − y)

    y and target: one shape, any; y floating point, in [0, 1]. Arguments of logarithms and
    denominators are at least 1e-12, so that value and dy are finite at y = 0 and y = 1; a perfect
    prediction costs 0. From logits, `bce_with_logits` is more precise.
    Source: Goodfellow et al., Deep Learning (2016), section 3.13.

    >>> value, dy = bce("none").value_and_grad(jnp.array([0.5, 1.0]), jnp.array([1.0, 1.0]))
    >>> print(value.round(4), dy)
    [0.6931 0.    ] [-2. -1.]
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        check_range("bce: y", y, 0, 1)
        check_range("bce: target", target, 0, 1)
        y = jnp.where((y >= 0) & (y <= 1), y, jnp.nan)  # for jit, where nothing can be raised
        floor = max(FLOOR, float(jnp.finfo(y.dtype).tiny))
        p, q = jnp.maximum(y, floor), jnp.maximum(1 - y, floor)
        value = -target * jnp.log(p) - (1 - target) * jnp.log(q)
        return value, (1 - target) / q - target / p

    def probabilities(y: Array) -> Array:
        return jnp.stack((1 - y, y), axis=-1)

    return pointwise_loss(pointwise, "bce", reduction, probabilities, lambda y: _above(y, 0.5))


@constructor
def bce_with_logits(reduction: str = "mean") -> Loss:
    """Binary cross-entropy of σ(y) against a target t in [0, 1], from the logit y.

        value = softplus(y) − t y = log(1 + eʸ) − t y        dy = σ(y) − t

    y and target: one shape, any; y floating point, of any size: nothing overflows.

    >>> value, dy = bce_with_logits().value_and_grad(jnp.array(500.0), jnp.array(0.0))
    >>> float(value), float(dy)
    (500.0, 1.0)
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        check_range("bce_with_logits: target", target, 0, 1)
        # Not jax.nn.softplus, three times as slow on a CPU; not jnp.abs, whose slope at 0 is 1.
        softplus = jnp.maximum(y, 0) + jnp.log1p(jnp.exp(-y * jnp.sign(y)))
        return softplus - target * y, jax.lax.logistic(y) - target

    def probabilities(y: Array) -> Array:
        return jnp.stack((jax.lax.logistic(-y), jax.lax.logistic(y)), axis=-1)

    return pointwise_loss(
        pointwise, "bce_with_logits", reduction, probabilities, lambda y: _above(y, 0)
    )


def _above(y: Array, threshold: float) -> Array:
    """1 where y is above the threshold, 0 where it is not, −1 where it is NaN."""
    return jnp.where(jnp.isnan(y), -1, (y > threshold).astype(jnp.int32))
