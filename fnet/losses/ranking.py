"""Losses that compare the rows of a batch with each other."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss
from fnet.core.expect import require, require_array, require_floating, require_number
from fnet.core.limits import over
from fnet.core.trees import widened
from fnet.core.values import constructor
from fnet.losses.pointwise import check_reduction, reduce, require_where
from fnet.losses.vectors import directed, pulled


@constructor
def info_nce(temperature: float = 0.1, reduction: str = "mean") -> Loss:
    """Cross-entropy of finding the row's own target among those of the batch, by their angles.

        s     = ŷ t̂ᵀ / τ        p = softmax(s) along rows        ŷ = y / ‖y‖     t̂ = t / ‖t‖
        value = −log p[n, n]     dŷ = (p − I) t̂ / τ     dy = (dŷ − (ŷ · dŷ) ŷ) / ‖y‖

    y and target: (N, D), the target of a row another view of the same; y floating point. τ is
    `temperature`, above 0. Targets are constants: where both views are learned, add the loss with
    the two exchanged. Rows where `where` is false are nobody's alternative either. A row of zeros
    has a cosine of 0 with all, and no gradient.
    Source: van den Oord et al. (2018), Representation Learning with Contrastive Predictive Coding,
    eq. 4, arXiv:1807.03748; angles and temperature: Chen et al. (2020), SimCLR, arXiv:2002.05709.

    >>> y = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    >>> round(float(info_nce(temperature=1.0).apply(y, y)), 4)
    0.3133
    """
    require_number("info_nce: temperature", temperature, above=0)
    check_reduction("info_nce", reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating("info_nce: y", y)
        require_array("info_nce: target", target)
        require(
            y.ndim == 2 and y.shape == target.shape,
            f"info_nce: y is {y.shape} and target {target.shape}; both must be (N, D)",
        )
        wide, other = _counted(widened(y), where), _counted(target, where)
        (rows, size), (others, _) = directed(wide), directed(other.astype(wide.dtype))
        s = rows @ others.T / temperature
        s = s if where is None else jnp.where(where, s, -jnp.inf)
        s = s - jax.lax.stop_gradient(jnp.maximum(s.max(1, initial=-jnp.inf), _LEAST))[:, None]
        e = jnp.exp(s)
        total = e.sum(1)
        total = jnp.where(total > 0, total, 1)
        own = jnp.eye(len(y), dtype=e.dtype)
        values = jnp.log(total) - jnp.where(own > 0, s, 0).sum(1)
        d = (e / total[:, None] - own) @ others / temperature
        value, dy = reduce(values, pulled(d, rows, size), where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(value_and_grad, None, None, reduction)


@constructor
def triplet(margin: float = 1.0, reduction: str = "mean") -> Loss:
    """Each row is to be nearer to the farthest row of its class than to the nearest of another.

        value = max(0, m + d[n, p] − d[n, q])        d[n, k] = ‖y_n − y_k‖
        dy_n  = e[n, p] − e[n, q]        dy_p = −e[n, p]        dy_q = e[n, q]
        e[n, k] = (y_n − y_k) / d[n, k], 0 where the two are equal

    y: (N, D), floating point; labels: (N,) integers, of any range. p is the farthest row of the
    same class, the first of equals, q the nearest of another; m is `margin`, at least 0. dy adds up
    what a row is to itself and to others, for all rows whose value is above 0. A row without a p or
    a q has value 0. Rows where `where` is false are nobody's p or q.
    Source: Hermans et al. (2017), In Defense of the Triplet Loss for Person Re-Identification, eq.
    5, arXiv:1703.07737.

    >>> y, labels = jnp.array([[0.0], [2.0], [3.0]]), jnp.array([0, 0, 1])
    >>> value, dy = triplet(reduction="none").value_and_grad(y, labels)
    >>> value.tolist(), dy[:, 0].tolist()
    ([0.0, 2.0, 0.0], [-1.0, 2.0, -1.0])
    """
    require_number("triplet: margin", margin, least=0)
    check_reduction("triplet", reduction)

    def value_and_grad(y: Array, labels: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating("triplet: y", y)
        require_array("triplet: labels", labels)
        require(
            y.ndim == 2
            and labels.shape == y.shape[:1]
            and jnp.issubdtype(labels.dtype, jnp.integer),
            f"triplet: y is {y.shape} and labels {labels.shape} {labels.dtype}; they must be (N, "
            "D), and (N,) integers",
        )
        require(len(y) > 0, "triplet: the batch is empty; there is nothing to compare")
        values, pull = _compared(y, labels, where, margin)
        value, dy = reduce(values, pull(jnp.ones_like(values)), where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    def weighed(y: Array, labels: Array, where: Array | None, scale: Array) -> Array:
        dy = _compared(y, labels, where, margin)[1](scale)
        return dy.astype(y.dtype)

    pull = weighed if reduction == "none" else None
    return loss(value_and_grad, reduction=reduction, pull=pull)


def _compared(
    y: Array, labels: Array, where: Array | None, margin: float
) -> tuple[Array, Callable[[Array], Array]]:
    """The value of each row, and dy of these values weighed by (N,) numbers."""
    wide = _counted(widened(y), where)
    d = _distances(wide)
    same, apart = labels[:, None] == labels[None], ~jnp.eye(len(y), dtype=bool)
    there = apart if where is None else apart & where[None]
    positive, negative = there & same, there & ~same
    p = jnp.where(positive, d, -1).argmax(1)
    q = jnp.where(negative, d, jnp.inf).argmin(1)
    far, near = (jnp.take_along_axis(d, k[:, None], 1)[:, 0] for k in (p, q))
    gap = jnp.where(positive.any(1) & negative.any(1), margin + far - near, 0)
    counts = (gap > 0) if where is None else (gap > 0) & where

    def pull(weights: Array) -> Array:
        dy = jnp.zeros_like(wide)
        for k, distance, sign in ((p, far, 1), (q, near, -1)):
            some = counts & (distance > 0)
            e = sign * (wide - wide[k]) / jnp.where(distance > 0, distance, 1)[:, None]
            e = jnp.where(some[:, None], weights.astype(e.dtype)[:, None] * e, 0)
            dy = (dy + e).at[k].add(-e)
        return dy

    return jnp.where(gap <= 0, 0, gap), pull  # NaN stays


_LEAST = -1e30  # below any score


def _counted(x: Array, where: Array | None) -> Array:
    """x, 0 in rows that do not count, whatever they hold."""
    if where is None:
        return jnp.asarray(x)
    require_where(where, x[:, 0])
    return jnp.where(where[:, None], x, 0)


def _distances(x: Array) -> Array:
    """‖x_n − x_k‖, with a derivative of 0 where two rows are equal."""
    apart = x[:, None] - x[None]
    largest = jax.lax.stop_gradient(jnp.abs(apart).max(-1, keepdims=True, initial=0))
    largest = jnp.where(largest > 0, largest, 1)  # squares themselves may be out of range
    squares = (over(apart, largest) ** 2).sum(-1)
    positive = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), squares)
    return largest[..., 0] * positive
