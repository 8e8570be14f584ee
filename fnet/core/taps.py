"""Depthwise convolutions, each channel on its own: a multiply-add per tap, and no patches.

The functions are those of `patches`, for w (window..., 1, C · m): output channel c m + j is made of
input channel c alone. Their products are as wide as float32 or wider. What is read once per output,
as in y and dx, is computed for many images at a time, on all cores; dw, for which x and dy are read
once per tap, for as many as stay in the cache of one.
"""

import functools
import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.blocks import divisor, over_images
from fnet.core.patches import Sums, column_sums, padded, shifted
from fnet.core.products import wide
from fnet.core.spreading import interleaved
from fnet.core.windows import Windows

PARTS = 8  # of an axis, added one by one
LARGE = 4  # blocks at a time for y and dx
SMALL = 8  # parts of a block, one at a time, for dw


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., C m)."""
    kernel = w.reshape(-1, w.shape[-1])

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        return None, _correlate(_repeated(x, kernel), kernel, b, windows)

    y: Array = over_images(of_images, None, _bytes(x, kernel) // LARGE, x)[1]
    return y


def _correlate(x: Array, kernel: Array, b: Array | None, windows: Windows) -> Array:
    dtype = wide(x.dtype)
    taps = shifted(padded(x, windows).astype(dtype), windows)
    y = sum(tap * k for tap, k in zip(taps, kernel.astype(dtype), strict=True))
    y = y if b is None else y + b.astype(dtype)
    narrow: Array = y.astype(x.dtype)
    return narrow


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (window..., 1, C m), and db (C m,) where there is a bias."""
    zeros = jnp.zeros((windows.taps, dy.shape[-1]), wide(dy.dtype))
    sums = zeros, zeros[0] if bias else None
    add = functools.partial(_add, x=x, dy=dy, windows=windows)
    # Two loops: XLA runs those that do not depend on each other on two cores.
    halves = [
        over_images(add, sums, SMALL * _bytes(x, dy), places)[0]
        for places in jnp.array_split(jnp.arange(len(dy), dtype=jnp.uint32), 2)
        if len(places)
    ]
    dw, db = functools.reduce(functools.partial(jax.tree.map, jnp.add), halves, sums)
    dw = dw.reshape(*windows.sizes, 1, dy.shape[-1]).astype(dy.dtype)
    return dw, None if db is None else db.astype(dy.dtype)


def _add(sums: Sums, places: Array, x: Array, dy: Array, windows: Windows) -> tuple[Sums, None]:
    """The sums and those of the images at `places`, which follow each other.

    XLA's loop over a sum is many times slower than one over entries. So the first spatial axis is
    cut into parts, which are added entry by entry, and the rest is added by a product. Each part of
    dy is cut from the whole: what is cut from a part that is found in a loop is not vectorised. Nor
    is it where a place may be negative, hence unsigned ones.
    """
    (dw, db), n, width = sums, len(places), dy.shape[-1]
    parts = divisor(windows.outputs[0], PARTS)
    x = _repeated(lax.dynamic_slice_in_dim(x, places[0], n), dy)
    if windows.strides[-1] == 1:
        windows, x, dy = windows.joined(width), _joined(x), _joined(dy)
    size = windows.outputs[0] // parts
    starts = range(0, windows.outputs[0], size)

    def given(start: int) -> Array:
        begins = map(jnp.uint32, (start, *(0 for _ in dy.shape[2:])))
        part = lax.dynamic_slice(dy, (places[0], *begins), (n, size, *dy.shape[2:]))
        return part.astype(dw.dtype)

    def total(terms: Iterable[Array]) -> Array:
        return column_sums(jnp.asarray(sum(terms)).reshape(-1, width))

    totals = [
        total(tap[:, start : start + size].astype(dw.dtype) * given(start) for start in starts)
        for tap in shifted(padded(x, windows), windows)
    ]
    return (dw + jnp.stack(totals), None if db is None else db + total(map(given, starts))), None


def _joined(x: Array) -> Array:
    """(N, ..., W C, 1) of (N, ..., W, C)."""
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1], 1)


def spread(dy: Array, w: Array, b: Array | None, windows: Windows, channels: int) -> Array:
    """dx (N, inputs..., C), plus b (C,) where there is a bias."""
    dtype = wide(dy.dtype)

    def of_images(carry: None, dy: Array) -> tuple[None, Array]:
        dy, parts = dy.astype(dtype), []
        for counts, reached in windows.phases():
            if reached is None:
                parts.append(jnp.zeros((dy.shape[0], *counts, dy.shape[-1]), dtype))
            else:
                kernel = jnp.flip(w[reached.taps], range(len(reached.taps)))
                kernel = kernel.reshape(-1, w.shape[-1])
                parts.append(_correlate(dy, kernel, None, reached.windows))
        dx = interleaved(parts, windows)
        if dx.shape[-1] != channels:
            dx = dx.reshape(*dx.shape[:-1], channels, dx.shape[-1] // channels).sum(-1)
        dx = dx if b is None else dx + b.astype(dtype)
        return None, dx.astype(w.dtype)

    dx: Array = over_images(of_images, None, _bytes(dy, w) // LARGE, dy)[1]
    return dx


def _repeated(x: Array, like: Array) -> Array:
    """x with each channel once for each of the outputs made of it."""
    each = like.shape[-1] // x.shape[-1]
    return x if each == 1 else jnp.repeat(x, each, -1)


def _bytes(x: Array, like: Array) -> int:
    """How many bytes one image takes, as wide as it is computed."""
    size: int = math.prod(x.shape[1:-1]) * like.shape[-1] * max(int(x.dtype.itemsize), 4)
    return size
