"""Shared by losses of several classes: labels, soft labels, class weights, ignored rows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core import Loss, columns, loss, rows
from fnet.core.expect import require, require_array, require_floating
from fnet.core.trees import wide_integers, widened
from fnet.errors import ConfigurationError
from fnet.losses.pointwise import check_range, check_reduction, reduce, require_where

Rows = Callable[[Array, Array, Array], tuple[Array, Array]]


def class_loss(
    name: str,
    of_rows: Rows,
    reduction: str,
    probabilities: Callable[[Array], Array],
    weights: Any = None,
    ignore: int | None = None,
    soft: bool = False,
) -> Loss:
    """A loss from `of_rows(y, t, u) -> values, dy`, of scores y (N, ..., C).

    t is one-hot, or with `soft` the soft labels that were given; u is t times the classes' weights.
    Narrow floats are computed and reduced in float32, and rounded at the end.
    """
    check_reduction(name, reduction)
    check_weights(name, weights)
    check_ignored(name, ignore)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating(f"{name}: y", y)
        wide = widened(y)
        given = soft and is_soft(y, target)
        t = soft_labels(name, wide, target) if given else None
        known = counted = None
        if t is None:
            check_labels(name, y, target, ignore, soft)
            labels = wide_integers(target)
            t = one_hot(labels, wide)
            known = t.sum(-1) > 0
            counted = not_ignored(labels, ignore)
        u = t if weights is None else t * columns(_weights(name, weights, wide), t)
        values, dy = of_rows(wide, t, u)
        if known is not None:
            values, dy = jnp.where(known, values, jnp.nan), jnp.where(known[..., None], dy, jnp.nan)
        if where is not None:
            require_where(where, values)
            counted = where if counted is None else rows(where, values) & counted
        sizes = None if weights is None else u.sum(-1)
        value, dy = _reduce(values, dy, counted, reduction, sizes)
        return value.astype(y.dtype), dy.astype(y.dtype)

    def ignored(labels: Array) -> Array:
        counted = not_ignored(wide_integers(labels), ignore)
        return jnp.zeros(labels.shape, bool) if counted is None else ~counted

    def sizes(target: Array) -> Array:
        w = jnp.asarray((1.0,) if weights is None else weights, float)
        if jnp.issubdtype(target.dtype, jnp.floating):
            return (target.astype(w.dtype) * columns(w, target)).sum(axis=-1)
        labels = wide_integers(target)
        each = jnp.take(w, labels, mode="clip")
        counted = not_ignored(labels, ignore)
        return each if counted is None else jnp.where(counted, each, 0)

    return loss(
        *(value_and_grad, probabilities, most_probable, reduction),
        ignored=None if ignore is None else ignored,
        sizes=None if weights is None and ignore is None else sizes,
        targets=(0, 1) if soft else None,
    )


def most_probable(y: Array) -> Array:
    """The class of the largest score, −1 where one is NaN."""
    return jnp.where(jnp.isnan(y).any(axis=-1), -1, y.argmax(axis=-1))


def is_soft(y: Array, target: Any) -> bool:
    """Whether these are soft labels: floating point, one number per class."""
    floating = hasattr(target, "dtype") and jnp.issubdtype(target.dtype, jnp.floating)
    return floating and y.ndim > 1 and target.shape == y.shape


def soft_labels(name: str, y: Array, target: Array) -> Array:
    """The soft labels in the dtype of y; DataError where one is not from 0 to 1."""
    check_range(f"{name}: soft label", target, 0, 1)
    return target.astype(y.dtype)


def one_hot(labels: Array, y: Array) -> Array:
    """1 at each row's label and 0 elsewhere, in the dtype of y; zeros for a label out of range."""
    return hits(labels, y.shape[-1]).astype(y.dtype)


def hits(labels: Array, classes: int) -> Array:
    """Whether each class is the row's label, (N, ..., C)."""
    # NumPy's labels have 64 bits, which JAX may not have.
    numbers = jnp.arange(classes, dtype=jax.dtypes.canonicalize_dtype(labels.dtype))
    each = labels[..., None]
    return each == columns(numbers, each)


def not_ignored(labels: Array, ignore: int | None) -> Array | None:
    """The rows whose label is not the ignored one; None where all count."""
    if ignore is None or not _fits(ignore, labels.dtype):
        return None
    return labels != ignore


def check_labels(name: str, y: Array, labels: Array, ignore: int | None, soft: bool) -> None:
    """Raise unless y is (N, ..., C) and the labels (N, ...), integers from 0 to C − 1."""
    require_array(f"{name}: labels", labels)
    hint = "; for one-hot labels, pass labels.argmax(-1)" + (", or floats" if soft else "")
    require(
        y.ndim >= 2 and labels.shape == y.shape[:-1],
        f"{name}: y is {y.shape} and labels {labels.shape}; they must be (N, C) and (N,), "
        f"or (N, T, C) and (N, T){hint if y.shape == labels.shape else ''}",
    )
    require(
        jnp.issubdtype(labels.dtype, jnp.integer),
        f"{name}: labels are {labels.dtype}; they must be integers, from 0 to C - 1",
    )
    if ignore is not None and not isinstance(labels, jax.core.Tracer):
        known = np.asarray(labels)
        labels = np.where(known == ignore, 0, known)
    check_range(f"{name}: label", labels, 0, y.shape[-1] - 1)


def check_weights(name: str, weights: Any) -> None:
    """Raise ConfigurationError unless these are None or one number, at least 0, per class."""
    numbers = isinstance(weights, tuple) and all(
        isinstance(weight, int | float) and 0 <= weight < np.inf for weight in weights
    )
    if weights is not None and not (numbers and sum(weights) > 0):
        raise ConfigurationError(
            f"{name}: weights is {weights!r}; it must be a tuple of one number per class, each "
            "finite and at least 0, and not all 0"
        )


def check_ignored(name: str, ignore: Any) -> None:
    """Raise ConfigurationError unless this is None or a whole number."""
    whole = isinstance(ignore, int) and not isinstance(ignore, bool)
    if ignore is not None and not whole:
        raise ConfigurationError(
            f"{name}: ignore is {ignore!r}; it must be the label of rows that do not count: -1"
        )


def _weights(name: str, weights: tuple[float, ...], y: Array) -> Array:
    require(
        len(weights) == y.shape[-1],
        f"{name}: there are {len(weights)} weights, and y is {y.shape}, of {y.shape[-1]} classes",
    )
    return jnp.asarray(weights, y.dtype)


def _reduce(
    values: Array, dy: Array, where: Array | None, reduction: str, sizes: Array | None
) -> tuple[Array, Array]:
    """As `reduce`; with the sizes of rows, a mean divides by their sum."""
    if sizes is None or reduction != "mean":
        return reduce(values, dy, where, reduction)
    total, dy = reduce(values, dy, where, "sum")
    size, _ = reduce(sizes, sizes, where, "sum")
    size = jnp.where(size > 0, size, 1)
    return total / size, dy / size


def _fits(number: int, dtype: Any) -> bool:
    return bool(np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)
