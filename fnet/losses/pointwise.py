"""Losses: value and gradient from one function, so that the two cannot drift apart.

Every constructor takes `reduction`: "mean" over the entries that count, their "sum", or "none".
Shapes and dtypes are checked; no pair of arrays is ever broadcast.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.configuration import constructor
from fnet.core import Loss, loss, rows
from fnet.errors import ConfigurationError, DataError
from fnet.expect import require, require_array, require_floating

__all__ = ["bce", "bce_with_logits", "cross_entropy", "l1", "mse"]  # the constructors

REDUCTIONS = ("mean", "sum", "none")
FLOOR = 1e-12  # the least probability whose logarithm or inverse `bce` takes


@constructor
def l1(reduction: str = "mean") -> Loss:
    """Absolute error.

        value = |y − t|        dy = sign(y − t), 0 where y = t

    y and target: one shape, any; y floating point. value has its dtype.

    >>> value, dy = l1("sum").value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
    >>> float(value), dy.tolist()
    (2.0, [-1.0, 0.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        sign = jnp.sign(y - target)  # not jnp.abs, whose derivative at 0 is 1
        return (y - target) * sign, sign

    return _elementwise(pointwise, "l1", reduction)


@constructor
def mse(reduction: str = "mean") -> Loss:
    """Squared error.

        value = (y − t)²       dy = 2 (y − t)

    y and target: one shape, any; y floating point. value has its dtype.

    >>> value, dy = mse().value_and_grad(jnp.array([1.0, 4.0]), jnp.array([3.0, 4.0]))
    >>> float(value), dy.tolist()
    (2.0, [-2.0, 0.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        return (y - target) ** 2, 2 * (y - target)

    return _elementwise(pointwise, "mse", reduction)


@constructor
def bce(reduction: str = "mean") -> Loss:
    """Binary cross-entropy of a probability y against a target t in [0, 1].

        value = −t log y − (1 − t) log(1 − y)        dy = −t / y + (1 − t) / (1 − y)

    y and target: one shape, any; y floating point, in [0, 1]. Both are finite at y = 0 and y = 1,
    and a perfect prediction costs 0: what is under a logarithm or a line is at least 1e-12. From
    logits, `bce_with_logits` is more precise.
    Source: Goodfellow et al., Deep Learning (2016), section 3.13.

    >>> value, dy = bce("none").value_and_grad(jnp.array([0.5, 1.0]), jnp.array([1.0, 1.0]))
    >>> print(value.round(4), dy)
    [0.6931 0.    ] [-2. -1.]
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        _check_range("bce: y", y, 0, 1)
        _check_range("bce: target", target, 0, 1)
        y = jnp.where((y >= 0) & (y <= 1), y, jnp.nan)  # inside jit, where nothing can be raised
        floor = max(FLOOR, float(jnp.finfo(y.dtype).tiny))
        p, q = jnp.maximum(y, floor), jnp.maximum(1 - y, floor)
        value = -target * jnp.log(p) - (1 - target) * jnp.log(q)
        return value, (1 - target) / q - target / p

    def probabilities(y: Array) -> Array:
        return jnp.stack((1 - y, y), axis=-1)

    return _elementwise(pointwise, "bce", reduction, probabilities, lambda y: _above(y, 0.5))


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
        _check_range("bce_with_logits: target", target, 0, 1)
        # Not jax.nn.softplus, three times as slow on a CPU; not jnp.abs, of slope 1 at 0.
        softplus = jnp.maximum(y, 0) + jnp.log1p(jnp.exp(-y * jnp.sign(y)))
        return softplus - target * y, jax.lax.logistic(y) - target

    def probabilities(y: Array) -> Array:
        return jnp.stack((jax.lax.logistic(-y), jax.lax.logistic(y)), axis=-1)

    return _elementwise(
        pointwise, "bce_with_logits", reduction, probabilities, lambda y: _above(y, 0)
    )


@constructor
def cross_entropy(reduction: str = "mean") -> Loss:
    """Cross-entropy of softmax(y) against integer labels, from the logits y.

        value = −log softmax(y)[label] = log Σ exp(y − m) + m − y[label],   m = max y
        dy    = softmax(y) − onehot(label)        (divided by N for the mean)

    y: (N, C) logits, floating point, of any size; a logit may be −inf. labels: (N,) integers from
    0 to C − 1. A label out of range raises DataError; inside a compiled function, which cannot
    raise, it makes its row's value and gradient NaN.
    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.

    >>> value, dy = cross_entropy().value_and_grad(jnp.array([[0.0, 1000.0]]), jnp.array([0]))
    >>> float(value), dy.tolist()
    (1000.0, [[-1.0, 1.0]])
    """

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        _check_logits(y, target)
        # Narrow labels are widened, never the classes narrowed: 200 classes do not fit an int8.
        labels = target.astype(jnp.int32) if target.dtype.itemsize < 4 else target
        hit = labels[:, None] == jnp.arange(y.shape[1], dtype=labels.dtype)
        shifted = y - jax.lax.stop_gradient(y.max(axis=1, keepdims=True))
        e = jnp.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        value = jnp.log(total[:, 0]) - jnp.where(hit, shifted, 0).sum(axis=1)
        dy = e / total - hit.astype(y.dtype)
        known = (labels >= 0) & (labels < y.shape[1])
        value = jnp.where(known, value, jnp.nan)
        return _reduce(value, jnp.where(known[:, None], dy, jnp.nan), where, reduction)

    def predict(y: Array) -> Array:
        return jnp.where(jnp.isnan(y).any(axis=1), -1, y.argmax(axis=1))

    _check_reduction("cross_entropy", reduction)
    return loss(value_and_grad, softmax, predict, reduction)


def softmax(logits: Array) -> Array:
    """exp(z − max z) / Σ exp(z − max z) over the last axis: probabilities, whatever the size of z.

    >>> softmax(jnp.array([800.0, 800.0])).tolist()
    [0.5, 0.5]
    """
    e = jnp.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _above(y: Array, threshold: float) -> Array:
    """1 where y is above the threshold, 0 where it is not, −1 where it is no number."""
    return jnp.where(jnp.isnan(y), -1, (y > threshold).astype(jnp.int32))


def _elementwise(
    pointwise: Callable[[Array, Array], tuple[Array, Array]],
    name: str,
    reduction: str,
    probabilities: Callable[[Array], Array] | None = None,
    predict: Callable[[Array], Array] | None = None,
) -> Loss:
    """The loss of `pointwise(y, target) -> values, dy`, after its arguments are checked."""
    _check_reduction(name, reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating(f"{name}: y", y)
        require_array(f"{name}: target", target)
        require(
            y.shape == target.shape,
            f"{name}: y is {y.shape} and target {target.shape}; they must have one shape",
        )
        values, dy = pointwise(y, target.astype(y.dtype))
        return _reduce(values, dy, where, reduction)

    return loss(value_and_grad, probabilities, predict, reduction)


def _reduce(values: Array, dy: Array, where: Array | None, reduction: str) -> tuple[Array, Array]:
    """The values and their gradients, of the rows that count, summed up or averaged."""
    count: Array | int = values.size
    if where is not None:
        require(
            where.shape == values.shape[:1] and where.dtype == bool,
            f"where is {where.shape} {where.dtype}; it must be bool, one for each row of y",
        )
        # A row that does not count may hold anything, NaN too: select, do not multiply.
        values = jnp.where(rows(where, values), values, 0)
        dy = jnp.where(rows(where, dy), dy, 0)
        count = jnp.maximum(where.sum(), 1) * math.prod(values.shape[1:])
    if reduction == "none":
        return values, dy
    if reduction == "sum":
        return values.sum(), dy
    n = jnp.asarray(count, dtype=values.dtype)
    return values.sum() / n, dy / n


def _check_reduction(name: str, reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise ConfigurationError(f"{name}: reduction is {reduction!r}, and not one of {REDUCTIONS}")


def _check_logits(y: Array, labels: Array) -> None:
    require_floating("cross_entropy: y", y)
    require_array("cross_entropy: labels", labels)
    require(
        y.ndim == 2 and labels.shape == y.shape[:1],
        f"cross_entropy: y is {y.shape} and labels {labels.shape}; they must be (N, C) and (N,)"
        + ("; of one-hot labels take labels.argmax(1)" if y.shape == labels.shape else ""),
    )
    require(
        jnp.issubdtype(labels.dtype, jnp.integer),
        f"cross_entropy: labels are {labels.dtype}; they must be integers, from 0 to C - 1",
    )
    _check_range("cross_entropy: label", labels, 0, y.shape[1] - 1)


def _check_range(name: str, values: Array, low: float, high: float) -> None:
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
