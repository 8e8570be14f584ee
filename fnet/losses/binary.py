"""Losses for two classes: binary cross-entropy from probabilities and from logits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core import Loss
from fnet.core.expect import require
from fnet.core.limits import times
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.losses.pointwise import check_range, pointwise_loss

FLOOR = 1e-12  # `bce` clips probabilities below this before it takes logarithms and inverses


@constructor
def bce(reduction: str = "mean", pos_weight: float | tuple[float, ...] = 1.0) -> Loss:
    """Binary cross-entropy of a probability y against a target t in [0, 1].

        value = −w t log y − (1 − t) log(1 − y)        dy = −w t / y + (1 − t) / (1 − y)

    y and target: one shape, any; y floating point, in [0, 1]. Arguments of logarithms and
    denominators are at least 1e-12, so that value and dy are finite at y = 0 and y = 1; a perfect
    prediction costs 0. From logits, `bce_with_logits` is more precise. w is `pos_weight`, a number
    of at least 0 or one for each entry of the last axis; a mean divides by the number of entries.
    Source: Goodfellow et al., Deep Learning (2016), section 3.13.

    >>> value, dy = bce("none").value_and_grad(jnp.array([0.5, 1.0]), jnp.array([1.0, 1.0]))
    >>> print(value.round(4), dy)
    [0.6931 0.    ] [-2. -1.]
    """
    _check_weight("bce", pos_weight)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        check_range("bce: y", y, 0, 1)
        y = jnp.where((y >= 0) & (y <= 1), y, jnp.nan)  # for jit, where nothing can be raised
        floor = max(FLOOR, float(jnp.finfo(y.dtype).tiny))
        p, q = jnp.maximum(y, floor), jnp.maximum(1 - y, floor)
        positive = _weighted("bce", pos_weight, target)
        value = -positive * jnp.log(p) - (1 - target) * jnp.log(q)
        return value, (1 - target) / q - positive / p

    def probabilities(y: Array) -> Array:
        return jnp.stack((1 - y, y), axis=-1)

    # Not wide: the floor is that of y's own dtype, in which its inverse must be finite.
    return pointwise_loss(
        *(pointwise, "bce", reduction, probabilities, lambda y: above(y, 0.5)),
        wide=False,
        targets=(0, 1),
    )


@constructor
def bce_with_logits(reduction: str = "mean", pos_weight: float | tuple[float, ...] = 1.0) -> Loss:
    """Binary cross-entropy of σ(y) against a target t in [0, 1], from the logit y.

        value = softplus(y) − t y = log(1 + eʸ) − t y        dy = σ(y) − t

    y and target: one shape, any; y floating point, of any size: nothing overflows. With a
    `pos_weight` w, a number of at least 0 or one for each entry of the last axis,

        value = w t softplus(−y) + (1 − t) softplus(y)       dy = (1 − t) σ(y) − w t σ(−y)

    and a mean divides by the number of entries, as it does without.

    >>> value, dy = bce_with_logits().value_and_grad(jnp.array(500.0), jnp.array(0.0))
    >>> float(value), float(dy)
    (500.0, 1.0)
    """
    _check_weight("bce_with_logits", pos_weight)

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        # Not jax.nn.softplus, three times as slow on a CPU; not jnp.abs, whose slope at 0 is 1.
        near = jnp.log1p(jnp.exp(-y * jnp.sign(y)))
        # In this order a small value keeps its digits: softplus(y) − y would have those of y.
        return jnp.maximum(y, 0) - target * y + near, jax.lax.logistic(y) - target

    def weighted(y: Array, target: Array) -> tuple[Array, Array]:
        positive, negative = _weighted("bce_with_logits", pos_weight, target), 1 - target
        near = jnp.log1p(jnp.exp(-y * jnp.sign(y)))
        value = times(positive, jnp.maximum(-y, 0) + near)
        value += times(negative, jnp.maximum(y, 0) + near)
        return value, negative * jax.lax.logistic(y) - positive * jax.lax.logistic(-y)

    formula = pointwise if pos_weight == 1 else weighted
    return of_logits(formula, "bce_with_logits", reduction)


def of_logits(
    pointwise: Callable[[Array, Array], tuple[Array, Array]],
    name: str,
    reduction: str,
) -> Loss:
    """A loss of logits of two classes, entry by entry."""
    return pointwise_loss(
        pointwise, name, reduction, two_classes, lambda y: above(y, 0), targets=(0, 1)
    )


def two_classes(y: Array) -> Array:
    """The probabilities of class 0 and class 1 of the logit y."""
    return jnp.stack((jax.lax.logistic(-y), jax.lax.logistic(y)), axis=-1)


def above(y: Array, threshold: float) -> Array:
    """1 where y is above the threshold, 0 where it is not, −1 where it is NaN."""
    return jnp.where(jnp.isnan(y), -1, (y > threshold).astype(jnp.int32))


def _check_weight(name: str, weight: Any) -> None:
    numbers = weight if isinstance(weight, tuple) else (weight,)
    right = all(isinstance(w, int | float) and 0 <= w < np.inf for w in numbers)
    if not right or not numbers:
        raise ConfigurationError(
            f"{name}: pos_weight is {weight!r}; it must be a finite number, at least 0, or a tuple "
            "of them, one for each entry of the last axis"
        )


def _weighted(name: str, weight: float | tuple[float, ...], target: Array) -> Array:
    """The target times the weight of the positive class."""
    if isinstance(weight, tuple):
        require(
            target.shape[-1:] == (len(weight),),
            f"{name}: pos_weight is of {len(weight)} numbers, and y is {target.shape}; it must "
            "have one for each entry of the last axis",
        )
        return target * jnp.asarray(weight, target.dtype)
    return target if weight == 1 else weight * target
