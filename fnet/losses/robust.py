"""Losses for regression that large errors do not dominate, and for quantiles."""

import math

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.losses.pointwise import itself, pointwise_loss


@constructor
def huber(delta: float = 1.0, reduction: str = "mean") -> Loss:
    """Squared error near the target, absolute error beyond δ.

        value = e² / 2 where |e| ≤ δ, else δ (|e| − δ / 2)        e = y − t
        dy    = min(max(e, −δ), δ)

    y and target: one shape, any; y floating point; δ > 0, else ConfigurationError.
    Source: Huber (1964), Robust Estimation of a Location Parameter.

    >>> value, dy = huber(2.0).value_and_grad(jnp.array([5.0]), jnp.array([0.0]))
    >>> float(value), dy.tolist()
    (8.0, [2.0])
    """
    require_number("huber: delta", delta, above=0)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        e = y - target
        size = e * jnp.sign(e)  # not jnp.abs, whose derivative at 0 is 1
        value = jnp.where(size <= delta, e * e / 2, delta * (size - delta / 2))
        return value, jnp.clip(e, -delta, delta)

    return pointwise_loss(pointwise, "huber", reduction, estimate=itself)


@constructor
def smooth_l1(beta: float = 1.0, reduction: str = "mean") -> Loss:
    """Absolute error, rounded off within β of the target: `huber(β)` divided by β.

        value = e² / (2 β) where |e| ≤ β, else |e| − β / 2        e = y − t
        dy    = min(max(e / β, −1), 1)

    y and target: one shape, any; y floating point; β > 0, else ConfigurationError: 0 is `l1`.
    Source: Girshick (2015), Fast R-CNN, eq. 3, arXiv:1504.08083.

    >>> value, dy = smooth_l1(2.0).value_and_grad(jnp.array([5.0]), jnp.array([0.0]))
    >>> float(value), dy.tolist()
    (4.0, [1.0])
    """
    require_number("smooth_l1: beta", beta, above=0)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        e = y - target
        size = e * jnp.sign(e)
        value = jnp.where(size <= beta, e / beta * e / 2, size - beta / 2)
        return value, jnp.clip(e / beta, -1, 1)

    return pointwise_loss(pointwise, "smooth_l1", reduction, estimate=itself)


@constructor
def log_cosh(reduction: str = "mean") -> Loss:
    """The logarithm of the hyperbolic cosine of the error, ½ e² near 0 and |e| − log 2 far out.

        value = log cosh e        dy = tanh e        e = y − t

    y and target: one shape, any; y floating point. Small values have all their digits, and large
    errors do not overflow.

    >>> value, dy = log_cosh("none").value_and_grad(jnp.array([1e-4, 800.0]), jnp.zeros(2))
    >>> [float(f"{v:.4g}") for v in value], [float(f"{d:.4g}") for d in dy]
    ([5e-09, 799.3], [0.0001, 1.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        e = y - target
        size = e * jnp.sign(e)
        near = jnp.where(size < 1, size, 0)
        # cosh e = 1 + 2 sinh²(e/2), and 2 sinh(e/2) = e^(−e/2) (e^e − 1).
        inside = jnp.log1p(jnp.exp(-near) * jnp.expm1(near) ** 2 / 2)
        outside = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
        return jnp.where(size < 1, inside, outside), jnp.tanh(e)

    return pointwise_loss(pointwise, "log_cosh", reduction, estimate=itself)


@constructor
def quantile(q: float = 0.5, reduction: str = "mean") -> Loss:
    """The pinball loss, least where y is the q-quantile of the targets.

        value = q (t − y) where t > y, else (1 − q) (y − t)
        dy    = −q where t > y, 1 − q where t < y, 0 where t = y

    y and target: one shape, any; y floating point; 0 < q < 1, else ConfigurationError.
    Source: Koenker & Bassett (1978), Regression Quantiles.

    >>> value, dy = quantile(0.75).value_and_grad(jnp.zeros(2), jnp.array([4.0, -4.0]))
    >>> float(value), dy.tolist()
    (2.0, [-0.375, 0.125])
    """
    require_number("quantile: q", q, above=0, below=1)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        dy = jnp.where(target > y, -q, jnp.where(target < y, 1 - q, 0)).astype(y.dtype)
        value = (y - target) * dy
        return jnp.where(jnp.isnan(y - target), y - target, value), dy

    return pointwise_loss(pointwise, "quantile", reduction, estimate=itself)
