"""What of the input of an affine layer is a row, and what is wrong with it."""

import math
from typing import Any

from chex import Array

from fnet.core.expect import OF_ONE, require, require_floating


def kept_axes(axes: int | None, rank: int) -> int:
    """How many axes, that of the batch first, are not flattened."""
    require(
        axes is None or axes < rank,
        f"affine: axes is {axes}, and x has {rank - 1} beside that of the batch",
    )
    return 1 if axes is None else rank - axes


def rows_of(params: Any, x: Array) -> Array:
    """x (N, ..., d1, ..., dk) as rows (R, D), which meet w (M, D)."""
    width = params.w.shape[1]
    return x.reshape(x.size // max(width, 1), width)


def check_rows(params: Any, x: Array, axes: int | None) -> None:
    """Raise ShapeError, or TypeError, unless the parameters take x."""
    require(
        hasattr(params, "w"),
        f"affine: params are of type {type(params).__name__}; give what init returns first, then x",
    )
    require_floating("affine: x", x, ": convert it, or rescale images by fnet.data.rescale")
    given, wanted = math.prod(x.shape[kept_axes(axes, max(x.ndim, 1)) :]), params.w.shape[1]
    require(
        x.ndim > 0 and given == wanted,
        f"affine: x is {x.shape}, {given} numbers per row, "
        f"and w {params.w.shape} takes {wanted}" + (OF_ONE if x.size == wanted else ""),
    )
