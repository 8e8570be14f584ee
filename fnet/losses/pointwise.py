"""Shared by all losses: reductions, argument checks, and losses defined entry by entry."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss, rows
from fnet.core.choices import require_choice
from fnet.core.expect import check_range as check_range
from fnet.core.expect import require, require_array, require_floating
from fnet.core.trees import widened

REDUCTIONS = ("mean", "sum", "none")


def pointwise_loss(
    pointwise: Callable[[Array, Array], tuple[Array, Array]],
    name: str,
    reduction: str,
    probabilities: Callable[[Array], Array] | None = None,
    predict: Callable[[Array], Array] | None = None,
    wide: bool = True,
    targets: tuple[float, float] | None = None,
    estimate: Callable[[Any], Any] | None = None,
) -> Loss:
    """A loss from `pointwise(y, target) -> values, dy`, with its arguments checked.

    `estimate` is that of a regression. Narrow floats are computed and reduced in float32, and
    rounded at the end, unless `wide` is False. Targets must be within `targets`.
    """
    check_reduction(name, reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating(f"{name}: y", y)
        require_array(f"{name}: target", target)
        require(
            y.shape == target.shape,
            f"{name}: y is {y.shape} and target {target.shape}; they must have one shape",
        )
        if targets is not None:
            check_range(f"{name}: target", target, *targets)
        given = widened(y) if wide else y
        values, dy = pointwise(given, target.astype(given.dtype))
        value, dy = reduce(values, dy, where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(
        value_and_grad, probabilities, predict, reduction, targets=targets, estimate=estimate
    )


def itself(y: Any) -> Any:
    """The estimate of a loss that compares y with the target as it is."""
    return y


def reduce(values: Array, dy: Array, where: Array | None, reduction: str) -> tuple[Array, Array]:
    """Reduce the values of the rows that count to their sum or mean; scale dy to match."""
    count: Array | int = values.size
    if where is not None:
        require_where(where, values)
        # A row that does not count may hold anything, even NaN: select, do not multiply.
        values = jnp.where(rows(where, values), values, 0)
        dy = jnp.where(rows(where, dy), dy, 0)
        count = jnp.maximum(where.sum(), 1) * math.prod(values.shape[where.ndim :])
    if reduction == "none":
        return values, dy
    # In float32 or wider: float16 ends at 65,504, of rows too.
    total = widened(values).sum()
    if reduction == "sum":
        return total.astype(values.dtype), dy
    n = jnp.asarray(count, dtype=total.dtype)
    return (total / n).astype(values.dtype), (widened(dy) / n).astype(dy.dtype)


def require_where(where: Array, values: Array) -> None:
    """Raise ShapeError unless this marks rows, or also positions, of these values."""
    require(
        where.ndim > 0 and where.shape == values.shape[: where.ndim] and where.dtype == bool,
        f"where is {where.shape} {where.dtype}; it must be bool, one entry per row of y, "
        f"or one per entry of the loss, {values.shape}",
    )


def check_reduction(name: str, reduction: str) -> None:
    """Raise ConfigurationError unless this is one of `REDUCTIONS`."""
    require_choice(f"{name}: reduction", reduction, *REDUCTIONS)
