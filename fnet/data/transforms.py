"""Transforms: pure functions on a batch (N, ...), for NumPy arrays and, inside jit, for JAX arrays.

Each is a value that prints as the call that made it, so that a checkpoint can store the transform
its model was trained with. Integers become float32 before any arithmetic, so nothing wraps.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnet.core.values import Value, constructor
from fnet.errors import ConfigurationError, ShapeError

Array = Any  # NumPy's or JAX's, through the array API standard


BLOCK = 2**17  # bytes of rows processed together, so that they stay in a core's cache


class Linear(NamedTuple):
    """y = (x − centre) · scale + shift, each a number, or one per entry of the last axis."""

    centre: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transform(Value):
    """transform(batch) -> batch, with the same number of rows.

    `linear` are its coefficients if it is linear, so that adjacent transforms can be merged.

    >>> half = Transform(lambda batch: batch / 2)
    >>> half(np.array([[4.0, 6.0]])).tolist()
    [[2.0, 3.0]]
    """

    function: Callable[[Array], Array]
    linear: Linear | None = None

    def __call__(self, batch: Array) -> Array:
        return self.function(batch)


@constructor
def rescale(
    in_range: tuple[Any, Any] = (0, 255), out_range: tuple[float, float] = (0.0, 1.0)
) -> Transform:
    """Map one range linearly onto another.

        y = (high − low) · (x − in_low) / (in_high − in_low) + low

    `in_range` is (in_low, in_high): two numbers, or two tuples with one entry per entry of the last
    axis. Raises ConfigurationError if in_low = in_high anywhere; drop such a constant column, it
    carries no information.

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
    return _linear(in_low, scale, np.asarray(low))


@constructor
def normalize(mean: Any, std: Any) -> Transform:
    """Normalise to mean 0 and standard deviation 1.

        y = (x − mean) / std

    mean and std: two numbers, or two tuples with one entry per entry of the last axis (the channels
    of an NHWC image). Raises ConfigurationError unless every std is above 0.

    >>> normalize(mean=(4.0, 0.0), std=(2.0, 1.0))(np.array([[4.0, 1.0], [6.0, 1.0]])).tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    _refuse("normalize: std is not above 0", ~(std > 0))
    return _linear(mean, 1 / std, np.zeros(()))


@constructor
def fill_missing(values: Any) -> Transform:
    """Replace every NaN by the value of its column; `values` is a number, or one per column.

    >>> fill_missing((0.0, 5.0))(np.array([[1.0, np.nan], [np.nan, 2.0]])).tolist()
    [[1.0, 5.0], [0.0, 2.0]]
    """

    def fill(x: Array) -> Array:
        xp = _namespace(x)
        return xp.where(xp.isnan(x), xp.asarray(values, dtype=x.dtype), x)

    return Transform(fill)


@constructor
def flatten() -> Transform:
    """Make every row a vector: (N, d1, ..., dk) becomes (N, d1 ··· dk).

    >>> flatten()(np.zeros((8, 32, 32, 3))).shape
    (8, 3072)
    """

    def flat(x: Array) -> Array:
        return _namespace(x).reshape(x, (x.shape[0], math.prod(x.shape[1:])))

    return Transform(flat)


@constructor
def compose(*transforms: Transform) -> Transform:
    """Apply transforms from left to right; compose() changes nothing.

    Adjacent linear transforms, `rescale` and `normalize`, are merged into one.

    >>> compose(rescale(), flatten())(np.full((2, 4, 4, 3), 255, np.uint8)).shape
    (2, 48)
    """

    for transform in transforms:
        if not isinstance(transform, Transform):
            raise ConfigurationError(
                f"compose: {transform!r} is not a transform; pass calls, such as flatten()"
            )

    merged: list[Transform] = []
    for transform in transforms:
        both = _merged(merged[-1], transform) if merged else None
        merged = [*merged[:-1], both] if both else [*merged, transform]

    def apply(x: Array) -> Array:
        for transform in merged:
            x = transform(x)
        return x

    return Transform(apply, merged[0].linear if len(merged) == 1 else None)


def _merged(first: Transform, then: Transform) -> Transform | None:
    """The two as one if both are linear: ((x − c) s + b − c′) s′ + b′."""
    if first.linear is None or then.linear is None:
        return None
    (c, s, b), (c2, s2, b2) = first.linear, then.linear
    if len({_columns(first.linear), _columns(then.linear)} - {1}) > 1:
        return None  # left apart, one of them raises the error
    return _linear(c, s * s2, (b - c2) * s2 + b2)


def _columns(linear: Linear) -> int:
    return max(array.size if array.ndim else 1 for array in linear)


def _linear(centre: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> Transform:
    linear = Linear(centre, scale, shift)
    columns = _columns(linear)

    def apply(x: Array) -> Array:
        xp = _namespace(x)
        if columns > 1 and x.shape[-1] != columns:  # an axis of size 1 would silently broadcast
            raise ShapeError(
                f"a transform for {columns} columns or channels was given an array {x.shape}; "
                f"its last axis must be {columns}"
            )
        dtype = xp.float32 if x.dtype.kind in "biuc" else x.dtype  # bfloat16 is of kind V
        if isinstance(x, np.ndarray):
            return _in_blocks(x, np.dtype(dtype), linear)
        x = x.astype(dtype)
        # Centre first: x · scale + (shift − centre · scale) cancels if |centre| is large.
        x = x - xp.asarray(centre, dtype=dtype) if centre.any() else x
        x = x * xp.asarray(scale, dtype=dtype)
        return x + xp.asarray(shift, dtype=dtype) if shift.any() else x

    return Transform(apply, linear)


def _in_blocks(x: np.ndarray, dtype: np.dtype[Any], linear: Linear) -> np.ndarray:
    """The same for NumPy, which is fastest on long rows, in place, and within the cache."""
    y = np.empty(x.shape, dtype)
    steps: list[tuple[Any, np.ndarray]] = []
    for step, by, needed in (
        (np.subtract, linear.centre, linear.centre.any()),
        (np.multiply, linear.scale, True),
        (np.add, linear.shift, linear.shift.any()),
    ):
        if needed:  # with the numbers repeated along a whole row
            row = np.broadcast_to(by, x.shape[1:]) if by.ndim else by
            steps.append((step, np.ascontiguousarray(row, dtype)))
    size = max(1, BLOCK // max(1, y[:1].nbytes))
    for begin in range(0, len(y), size):
        block = y[begin : begin + size]
        block[...] = x[begin : begin + size]
        for step, by in steps:
            step(block, by, out=block)
    return y


def _refuse(message: str, wrong: np.ndarray) -> None:
    if np.any(wrong):
        column = f" in column {np.argmax(wrong)}" if np.ndim(wrong) else ""
        raise ConfigurationError(f"{message}{column}: it cannot be divided by")


def _namespace(x: Any) -> Any:
    """The functions of NumPy or JAX, whose array this is; ShapeError for several arrays."""
    if not hasattr(x, "__array_namespace__"):
        raise ShapeError(
            f"a transform takes one array, and the input is a {type(x).__name__}; prepare the "
            "arrays of such an input before, or give a Transform of your own"
        )
    return x.__array_namespace__()
