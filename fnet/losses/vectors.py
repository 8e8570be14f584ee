"""Losses of rows as wholes: distributions, and directions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss
from fnet.core.expect import require, require_array, require_floating
from fnet.core.limits import over, times
from fnet.core.trees import widened
from fnet.core.values import constructor
from fnet.losses.pointwise import check_range, check_reduction, reduce

Rows = Callable[[Array, Array], tuple[Array, Array]]


@constructor
def kl_divergence(reduction: str = "mean") -> Loss:
    """How far a distribution t is from that of log-probabilities y.

        value = Σ_c t_c (log t_c − y_c)        dy = −t

    y: (N, ..., C) log-probabilities, floating point, as the layer `log_softmax` returns them;
    target: the same shape, probabilities. value has an entry for each row, (N, ...), and the mean
    is over rows. Where t is 0 an entry costs nothing, a y of −∞ either; where it is not, a y of −∞
    costs ∞. A target not from 0 to 1 raises DataError.
    Source: Kullback & Leibler (1951), On Information and Sufficiency.

    >>> y, t = jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]])
    >>> value, dy = kl_divergence().value_and_grad(y, t)
    >>> round(float(value), 4), dy.tolist()
    (0.6931, [[-1.0, -0.0]])
    """

    def of_rows(y: Array, target: Array) -> tuple[Array, Array]:
        known = jnp.log(jnp.where(target > 0, target, 1))
        return (target * known - times(target, y)).sum(-1), -target

    return _row_loss(of_rows, "kl_divergence", reduction, targets=(0, 1))


@constructor
def cosine_distance(reduction: str = "mean") -> Loss:
    """One less the cosine of the angle between y and its target.

        value = 1 − ŷ · t̂        dy = ((ŷ · t̂) ŷ − t̂) / ‖y‖        ŷ = y / ‖y‖     t̂ = t / ‖t‖

    y and target: (N, ..., D), y floating point. value has an entry for each row, (N, ...), and the
    mean is over rows. A row of zeros has no direction: its cosine with anything is 0, and dy is 0.

    >>> y, target = jnp.array([[2.0, 0.0]]), jnp.array([[3.0, 3.0]])
    >>> value, dy = cosine_distance().value_and_grad(y, target)
    >>> round(float(value), 4), [round(float(d), 4) for d in dy[0]]
    (0.2929, [0.0, -0.3536])
    """

    def of_rows(y: Array, target: Array) -> tuple[Array, Array]:
        (y, size), (target, _) = directed(y), directed(target)
        cosine = (y * target).sum(-1, keepdims=True)
        return 1 - cosine[..., 0], pulled(-target, y, size)

    return _row_loss(of_rows, "cosine_distance", reduction)


def directed(x: Array) -> tuple[Array, Array]:
    """x / ‖x‖ along the last axis, and ‖x‖, kept as an axis of 1; 0 and 1 for a row of zeros."""
    largest = jax.lax.stop_gradient(jnp.abs(x).max(-1, keepdims=True, initial=0))
    largest = jnp.where(largest > 0, largest, 1)  # squares of x itself may be out of range
    scaled = over(x, largest)
    squares = (scaled * scaled).sum(-1, keepdims=True)
    size = jnp.sqrt(jnp.where(squares > 0, squares, 1))
    return scaled / size, largest * size


def pulled(d: Array, direction: Array, size: Array) -> Array:
    """The gradient of x from that of its direction; 0 for a row of zeros."""
    across = d - direction * (direction * d).sum(-1, keepdims=True)
    there = jnp.abs(direction).sum(-1, keepdims=True) > 0
    return jnp.where(there, across / size, 0)


def _row_loss(
    of_rows: Rows, name: str, reduction: str, targets: tuple[float, float] | None = None
) -> Loss:
    check_reduction(name, reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating(f"{name}: y", y)
        require_array(f"{name}: target", target)
        require(
            y.ndim > 1 and y.shape == target.shape,
            f"{name}: y is {y.shape} and target {target.shape}; they must have one shape, (N, ..., "
            "C)",
        )
        if targets is not None:
            check_range(f"{name}: target", target, *targets)
        wide = widened(y)
        values, dy = of_rows(wide, target.astype(wide.dtype))
        value, dy = reduce(values, dy, where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(value_and_grad, reduction=reduction, targets=targets)
