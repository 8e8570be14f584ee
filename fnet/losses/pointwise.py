"""What losses share: reductions, the checks of their arguments, and a loss of one formula."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core import Loss, loss, rows
from fnet.core.expect import require, require_array, require_floating
from fnet.errors import ConfigurationError, DataError

REDUCTIONS = ("mean", "sum", "none")


def pointwise_loss(
    pointwise: Callable[[Array, Array], tuple[Array, Array]],
    name: str,
    reduction: str,
    probabilities: Callable[[Array], Array] | None = None,
    predict: Callable[[Array], Array] | None = None,
) -> Loss:
    """The loss of `pointwise(y, target) -> values, dy`, after its arguments are checked."""
    check_reduction(name, reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating(f"{name}: y", y)
        require_array(f"{name}: target", target)
        require(
            y.shape == target.shape,
            f"{name}: y is {y.shape} and target {target.shape}; they must have one shape",
        )
        values, dy = pointwise(y, target.astype(y.dtype))
        return reduce(values, dy, where, reduction)

    return loss(value_and_grad, probabilities, predict, reduction)


def reduce(values: Array, dy: Array, where: Array | None, reduction: str) -> tuple[Array, Array]:
    """The values and their gradients, of the rows that count, summed up or averaged."""
    count: Array | int = values.size
    if where is not None:
        require(
            where.ndim > 0 and where.shape == values.shape[: where.ndim] and where.dtype == bool,
            f"where is {where.shape} {where.dtype}; it must be bool, one for each row of y"
            + (
                f", {values.shape[:1]}, or for each entry, {values.shape}"
                if values.ndim > 1
                else ""
            ),
        )
        # A row that does not count may hold anything, NaN too: select, do not multiply.
        values = jnp.where(rows(where, values), values, 0)
        dy = jnp.where(rows(where, dy), dy, 0)
        count = jnp.maximum(where.sum(), 1) * math.prod(values.shape[where.ndim :])
    if reduction == "none":
        return values, dy
    if reduction == "sum":
        return values.sum(), dy
    n = jnp.asarray(count, dtype=values.dtype)
    return values.sum() / n, dy / n


def check_reduction(name: str, reduction: str) -> None:
    """Raise ConfigurationError unless this is one of `REDUCTIONS`."""
    if reduction not in REDUCTIONS:
        raise ConfigurationError(f"{name}: reduction is {reduction!r}, and not one of {REDUCTIONS}")


def check_range(name: str, values: Array, low: float, high: float) -> None:
    """Raise DataError naming the first value out of range; a traced array cannot be looked at."""
    if isinstance(values, jax.core.Tracer):
        return
    # NumPy's: inside jit, JAX would trace even a comparison of constants.
    known = np.asarray(values)
    wrong = (known < low) | (known > high)
    if wrong.any():
        place = np.unravel_index(wrong.argmax(), wrong.shape)
        index = ", ".join(map(str, place))
        raise DataError(f"{name}[{index}] is {known[place]}; it must be from {low} to {high}")
