"""Overlap of predicted and true regions, for segmentation and several labels per example."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss, rows
from fnet.core.expect import require, require_array, require_floating, require_number
from fnet.core.trees import widened
from fnet.core.values import constructor
from fnet.losses.binary import above, two_classes
from fnet.losses.pointwise import check_range, check_reduction, reduce, require_where


@constructor
def dice(smooth: float = 1.0, per_class: bool = False, reduction: str = "mean") -> Loss:
    """1 − Dice coefficient of σ(y) and the target t, of each example.

        value = 1 − (2I + s) / (P + T + s)        I = Σ p t,   P = Σ p,   T = Σ t,   p = σ(y)
        dy    = p (1 − p) ((2I + s) / (P + T + s) − 2t) / (P + T + s)

    y: (N, ..., C) logits, floating point; target: the same shape, from 0 to 1. s is `smooth`, at
    least 0. Sums are over all of an example, or with `per_class` over all axes but the first and
    the last; a value is that of an example (N,), or of a class in it (N, C). `where` marks examples
    (N,), or also places (N, ...), whose rest has no part in the sums. Sums are in float32 or wider,
    and a small value has its digits. With s = 0 a value of 0/0, nothing where nothing is, is 0.
    Source: Milletari et al. (2016), V-Net, section 3, arXiv:1606.04797; P and T without squares.

    >>> y, target = jnp.array([[100.0, 100.0, -100.0]]), jnp.array([[1.0, 0.0, 0.0]])
    >>> round(float(dice(smooth=0.0).apply(y, target)), 4)  # 1 − 2/3
    0.3333
    """
    require_number("dice: smooth", smooth, least=0)
    return _overlap("dice", 0.5, 0.5, smooth / 2, per_class, reduction)


@constructor
def tversky(
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    per_class: bool = False,
    reduction: str = "mean",
) -> Loss:
    """1 − Tversky index of σ(y) and the target t: Dice with a price for each kind of error.

        value = (αF + βM) / (I + αF + βM + s)          p = σ(y)
        dy    = p (1 − p) ((I + s) (α (1 − t) − βt) − (αF + βM) t) / (I + αF + βM + s)²

    I = Σ p t; F = Σ p (1 − t), what is claimed falsely; M = Σ (1 − p) t, what is missed. α, β and
    s, which is `smooth`, are at least 0. With α = β = ½ it is `dice` with twice the smoothing, with
    α = β = 1 one minus the Jaccard index. Shapes, sums, `where` and `per_class` are as in `dice`.
    Source: Salehi et al. (2017), Tversky Loss Function for Image Segmentation, arXiv:1706.05721.

    >>> y, target = jnp.array([[100.0, 100.0, -100.0]]), jnp.array([[1.0, 0.0, 0.0]])
    >>> round(float(tversky(1.0, 1.0, smooth=0.0).apply(y, target)), 4)  # 1 − 1/2
    0.5
    """
    require_number("tversky: alpha", alpha, least=0)
    require_number("tversky: beta", beta, least=0)
    require_number("tversky: smooth", smooth, least=0)
    return _overlap("tversky", alpha, beta, smooth, per_class, reduction)


def _overlap(
    name: str, alpha: float, beta: float, smooth: float, per_class: Any, reduction: str
) -> Loss:
    check_reduction(name, reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        _check(name, y, target)
        wide = widened(y)
        p, q, t = jax.lax.logistic(wide), jax.lax.logistic(-wide), target.astype(wide.dtype)
        counted = where
        if where is not None:
            require_where(where, y)
            p, q, t = (jnp.where(rows(where, y), part, 0) for part in (p, q, t))
            counted = where.any(axis=tuple(range(1, where.ndim)))

        def total(part: Array) -> Array:
            return part.sum(axis=tuple(range(1, y.ndim - bool(per_class))), keepdims=True)

        hit, wrong = total(p * t), alpha * total(p * (1 - t)) + beta * total(q * t)
        whole = hit + wrong + smooth
        whole = jnp.where(whole > 0, whole, 1)
        slope = (hit + smooth) * (alpha * (1 - t) - beta * t) - wrong * t
        dy = p * q * (slope / whole) / whole
        shape = (y.shape[0], y.shape[-1]) if per_class else (y.shape[0],)
        value, dy = reduce((wrong / whole).reshape(shape), dy, counted, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    def weighed(y: Array, target: Array, where: Array | None, weights: Array) -> Array:
        places = (1,) * (y.ndim - 2)
        return weights.reshape(len(y), *places, y.shape[-1]) * value_and_grad(y, target, where)[1]

    pull = weighed if per_class and reduction == "none" else None
    return loss(
        *(value_and_grad, two_classes, lambda y: above(y, 0), reduction),
        targets=(0, 1),
        pull=pull,
    )


def _check(name: str, y: Array, target: Array) -> None:
    require_floating(f"{name}: y", y)
    require_array(f"{name}: target", target)
    require(
        y.shape == target.shape and y.ndim > 1,
        f"{name}: y is {y.shape} and target {target.shape}; both must be (N, ..., C)",
    )
    check_range(f"{name}: target", target, 0, 1)
