"""Losses for several classes: softmax and cross-entropy."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.expect import require, require_array, require_floating
from fnet.core.values import constructor
from fnet.core.wiring import loss
from fnet.losses.pointwise import check_range, check_reduction, reduce


@constructor
def cross_entropy(reduction: str = "mean") -> Loss:
    """Cross-entropy of softmax(y) against integer labels, from the logits y.

        value = −log softmax(y)[label] = log Σ exp(y − m) + m − y[label],   m = max y
        dy    = softmax(y) − onehot(label)        (divided by N for the mean)

    y: (N, C) logits, floating point, of any size; a logit may be −inf. labels: (N,) integers from
    0 to C − 1. Of sequences y is (N, T, C) and labels (N, T), N above is N T, and `where` (N,) or
    (N, T). A label out of range raises DataError; inside a compiled function, which cannot
    raise, it makes its row's value and gradient NaN.
    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.

    >>> value, dy = cross_entropy().value_and_grad(jnp.array([[0.0, 1000.0]]), jnp.array([0]))
    >>> float(value), dy.tolist()
    (1000.0, [[-1.0, 1.0]])
    """

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        _check_logits(y, target)
        # Widen narrow labels; narrowing the class numbers would overflow: 200 does not fit int8.
        labels = target.astype(jnp.int32) if target.dtype.itemsize < 4 else target
        hit = labels[..., None] == jnp.arange(y.shape[-1], dtype=labels.dtype)
        shifted = y - jax.lax.stop_gradient(y.max(axis=-1, keepdims=True))
        e = jnp.exp(shifted)
        total = e.sum(axis=-1, keepdims=True)
        value = jnp.log(total[..., 0]) - jnp.where(hit, shifted, 0).sum(axis=-1)
        dy = e / total - hit.astype(y.dtype)
        known = (labels >= 0) & (labels < y.shape[-1])
        value = jnp.where(known, value, jnp.nan)
        return reduce(value, jnp.where(known[..., None], dy, jnp.nan), where, reduction)

    def predict(y: Array) -> Array:
        return jnp.where(jnp.isnan(y).any(axis=-1), -1, y.argmax(axis=-1))

    check_reduction("cross_entropy", reduction)
    return loss(value_and_grad, softmax, predict, reduction)


def softmax(logits: Array) -> Array:
    """exp(z − max z) / Σ exp(z − max z) over the last axis: probabilities, whatever the size of z.

    >>> softmax(jnp.array([800.0, 800.0])).tolist()
    [0.5, 0.5]
    """
    e = jnp.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _check_logits(y: Array, labels: Array) -> None:
    require_floating("cross_entropy: y", y)
    require_array("cross_entropy: labels", labels)
    require(
        y.ndim >= 2 and labels.shape == y.shape[:-1],
        f"cross_entropy: y is {y.shape} and labels {labels.shape}; they must be (N, C) and (N,), "
        "or (N, T, C) and (N, T)"
        + ("; for one-hot labels, pass labels.argmax(-1)" if y.shape == labels.shape else ""),
    )
    require(
        jnp.issubdtype(labels.dtype, jnp.integer),
        f"cross_entropy: labels are {labels.dtype}; they must be integers, from 0 to C - 1",
    )
    check_range("cross_entropy: label", labels, 0, y.shape[-1] - 1)
