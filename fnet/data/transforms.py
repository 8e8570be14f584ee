"""Transforms: pure functions on a batch (N, ...), for NumPy arrays and, inside jit, for JAX arrays.

Each is a value that prints as it was written, so that a checkpoint can keep the transform a model
was trained behind. Integers become float32 before any arithmetic: nothing wraps.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.configuration import Value, constructor
from fnet.errors import ConfigurationError, ShapeError

Array = Any  # of NumPy or JAX: both answer to the array API standard


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transform(Value):
    """transform(batch) -> batch, of the same number of rows."""

    function: Callable[[Array], Array]

    def __call__(self, batch: Array) -> Array:
        return self.function(batch)


@constructor
def rescale(
    in_range: tuple[Any, Any] = (0, 255), out_range: tuple[float, float] = (0.0, 1.0)
) -> Transform:
    """Map one range onto another.

        y = (high − low) · (x − in_low) / (in_high − in_low) + low

    `in_range` is (in_low, in_high): two numbers, or two tuples with an entry for each entry of
    the last axis. Raises ConfigurationError where in_low = in_high, for a column of one value too:
    drop that column, it says nothing.

    >>> rescale((0, 255), (-1, 1))(np.array([0, 200], np.uint8)).round(3)
    array([-1.   ,  0.569], dtype=float32)
    """
    for name, bounds in (("in_range", in_range), ("out_range", out_range)):
        if not isinstance(bounds, tuple) or len(bounds) != 2:
            raise ConfigurationError(f"rescale: {name} is {bounds}; it must be (low, high)")
    in_low, in_high = (np.asarray(bound, np.float64) for bound in in_range)
    low, high = (float(bound) for bound in out_range)
    width = in_high - in_low
    _refuse("rescale: in_range has width 0", width == 0)
    scale = (high - low) / width
    return Transform(_linear(in_low, scale, low))


@constructor
def normalize(mean: Any, std: Any) -> Transform:
    """Mean 0 and standard deviation 1.

        y = (x − mean) / std

    mean and std: two numbers, or two tuples with an entry for each entry of the last axis (the
    channel of an NHWC image). Raises ConfigurationError where a std is 0.
    """
    mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    _refuse("normalize: std is not above 0", ~(std > 0))
    return Transform(_linear(mean, 1 / std, 0.0))


@constructor
def fill_missing(values: Any) -> Transform:
    """Every NaN becomes the value of its column: a number, or one for each of the last axis."""

    def fill(x: Array) -> Array:
        xp = x.__array_namespace__()
        return xp.where(xp.isnan(x), xp.asarray(values, dtype=x.dtype), x)

    return Transform(fill)


@constructor
def flatten() -> Transform:
    """Every row becomes a vector: (N, d1, ..., dk) becomes (N, d1 ··· dk)."""
    return Transform(lambda x: x.reshape(x.shape[0], math.prod(x.shape[1:])))


@constructor
def compose(*transforms: Transform) -> Transform:
    """Transforms applied in order, the first first; compose() changes nothing.

    >>> compose(rescale(), flatten())(np.full((2, 4, 4, 3), 255, np.uint8)).shape
    (2, 48)
    """

    for transform in transforms:
        if not isinstance(transform, Transform):
            raise ConfigurationError(f"compose: {transform!r} is no transform; write flatten()")

    def apply(x: Array) -> Array:
        for transform in transforms:
            x = transform(x)
        return x

    return Transform(apply)


def _linear(centre: np.ndarray, scale: np.ndarray, shift: float) -> Callable[[Array], Array]:
    """y = (x − centre) · scale + shift"""
    columns = max(centre.size if centre.ndim else 1, scale.size if scale.ndim else 1)

    def apply(x: Array) -> Array:
        if columns > 1 and x.shape[-1] != columns:  # an axis of size 1 would silently grow
            raise ShapeError(
                f"a transform of {columns} columns or channels was given an array of {x.shape}; "
                f"its last axis must be {columns}"
            )
        xp = x.__array_namespace__()
        if not xp.isdtype(x.dtype, "real floating"):
            x = x.astype(xp.float32)
        # Centred first: x · scale + (shift − centre · scale) cancels where |centre| is large.
        return (x - xp.asarray(centre, dtype=x.dtype)) * xp.asarray(scale, dtype=x.dtype) + shift

    return apply


def _refuse(message: str, wrong: np.ndarray) -> None:
    if np.any(wrong):
        column = f" in column {np.argmax(wrong)}" if np.ndim(wrong) else ""
        raise ConfigurationError(f"{message}{column}: dividing by it gives no number")
