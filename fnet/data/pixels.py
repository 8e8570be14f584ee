"""Arrays of images as people store them: which axis is which, and which number is white."""

from typing import Any, NamedTuple

import numpy as np

from fnet.errors import DataError

FEW = 4  # channels, at most, where the axes are to be told from the shape
BYTES, WORDS, UNIT, FREE = "0 to 255", "0 to 65535", "0 to 1", "any"  # ranges of pixels
HIGH = {UNIT: 1, BYTES: 255, WORDS: 65535}
SIDE = 8  # pixels of the smallest square that a row of pixels is taken for


class Axes(NamedTuple):
    """The order of axes of (N, H, W, C) images in an array, and a sentence on it."""

    kind: str
    sentence: str | None = None


def axes_of(shape: tuple[int, ...], dtype: Any, count: int) -> Axes:
    """How `count` images lie in an array of this shape. Raises DataError where nothing says so.

    >>> axes_of((60, 3, 32, 32), np.uint8, 60)
    Axes(kind='NCHW', sentence='channels come first, (3, 32, 32), and are moved to the end')
    >>> axes_of((60, 28, 28), np.uint8, 60).kind, axes_of((32, 32, 3, 60), np.uint8, 60).kind
    ('NHW', 'HWCN')
    """
    sides = shape[1:]
    if len(shape) in (3, 4) and shape[-1] == count != shape[0] and count > FEW:
        return Axes("HWCN" if len(shape) == 4 else "HWN", f"samples come last, {shape}")
    if len(shape) == 4 and 0 < sides[0] <= FEW < min(sides[1:]):
        return Axes("NCHW", f"channels come first, {sides}, and are moved to the end")
    if len(shape) == 4:
        return Axes("NHWC")
    if len(shape) == 3:
        return Axes("NHW", f"images are grey, {sides}, of one channel")
    side = round(sides[0] ** 0.5) if len(shape) == 2 else 0
    if side >= SIDE and side * side == sides[0] and dtype == np.uint8:
        return Axes("NP", f"rows of {sides[0]} pixels are taken as images of {side} × {side}")
    raise DataError(
        f"images are {shape} {dtype}; they must be (N, H, W, C) or (N, H, W): for rows of pixels, "
        "images.reshape(N, H, W, C), or for channels first images.reshape(N, C, H, W); rows of "
        "features are for a table (.csv), or in Python for data.memory"
    )


def with_axes(images: np.ndarray, kind: str) -> np.ndarray:
    """The images as (N, H, W, C)."""
    if kind == "NP":
        side = round(images.shape[1] ** 0.5)
        images, kind = images.reshape(len(images), side, side), "NHW"
    if kind in ("HWCN", "HWN"):
        images = np.moveaxis(images, -1, 0)
    if kind in ("NHW", "HWN"):
        images = images[..., None]
    if kind == "NCHW":
        images = np.moveaxis(images, 1, -1)
    return np.ascontiguousarray(images)


def range_of(images: np.ndarray) -> str:
    """The range that pixels of this dtype and these values have. Raises DataError for none.

    Bytes are 0 to 255; other integers and floating numbers are of the least range of 1 (floating
    or bool), 255 and 65535 that holds them all, or, if floating, of any.

    >>> range_of(np.array([0, 4000], np.uint16)), range_of(np.array([-1.0, 1.0]))
    ('0 to 65535', 'any')
    """
    if images.dtype == np.uint8:
        return BYTES
    if images.dtype.kind not in "buif":
        raise DataError(f"images are {images.shape} {images.dtype}; they must be real numbers")
    low, high = images.min(initial=0), images.max(initial=0)
    ranges = [UNIT, BYTES, WORDS] if images.dtype.kind in "bf" else [BYTES, WORDS]
    for name in ranges if low >= 0 else ():
        if high <= HIGH[name]:
            return name
    if images.dtype.kind == "f":
        return FREE
    raise DataError(
        f"images are {images.dtype} from {low} to {high}; integers must be from 0 to 255, or to "
        "65535: save them as float32"
    )


def in_range(images: np.ndarray, pixels: str, name: str) -> np.ndarray:
    """Images called `name` as those before, whose range is `pixels`; integers in its least dtype.

    Raises DataError for pixels of another range, where a number would mean another brightness. A
    part may be dark: values up to 255 may be of the range 0 to 65535, unless they are bytes.
    """
    if images.dtype == np.uint8 and pixels == BYTES:
        return images
    own = range_of(images)
    floating = images.dtype.kind == "f"
    dark = (own, pixels) == (BYTES, WORDS) and images.dtype != np.uint8
    if own != pixels and not dark and not (pixels == FREE and floating):
        raise DataError(
            f"pixels of {name} are {images.dtype} in the range {own}, and the others {pixels}; "
            "bring them to one range"
        )
    if floating:
        return images
    dtype: Any = np.uint16 if pixels == WORDS else np.uint8
    return images.astype(dtype, copy=False)
