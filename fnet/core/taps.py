"""Depthwise convolutions, each channel on its own: a multiply-add per tap, and no patches.

The functions are those of `patches`, for w (window..., 1, C · m): output channel c m + j is made of
input channel c alone. Their products are as wide as float32 or wider, and few images at a time.

`correlate` takes w (window..., C, M) as well, of which every output channel sees every input
channel: with few entries in a window, patches take longer to lay out than to multiply.
"""

import math

import jax.numpy as jnp
from chex import Array

from fnet.core.blocks import divisor, over_images
from fnet.core.broadcasting import columns
from fnet.core.patches import Sums, column_sums, padded, shifted
from fnet.core.products import wide
from fnet.core.spreading import interleaved
from fnet.core.windows import Windows

FEW = 9  # entries of a window, of all channels: of 27, products over patches take less on two cores
PARTS = 16  # of an axis, added one by one


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., C m), or (N, outputs..., M)."""
    kernel = w.reshape(-1, w.shape[-1])

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        each = x if w.shape[-2] == x.shape[-1] else _repeated(x, kernel)
        return None, _correlate(each, kernel, b, windows)

    y: Array = over_images(of_images, None, _bytes(x, kernel), x)[1]
    return y


def _correlate(x: Array, kernel: Array, b: Array | None, windows: Windows) -> Array:
    dtype = wide(x.dtype)
    taps = shifted(padded(x, windows).astype(dtype), windows)
    parts = (part for tap in taps for part in jnp.split(tap, len(kernel) // windows.taps, -1))
    y = sum(part * columns(k, part) for part, k in zip(parts, kernel.astype(dtype), strict=True))
    y = y if b is None else y + columns(b.astype(dtype), y)
    narrow: Array = y.astype(x.dtype)
    return narrow


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (window..., 1, C m), and db (C m,) where there is a bias."""
    dtype = wide(dy.dtype)
    width = dy.shape[-1]

    def of_images(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        dw, db = sums
        dy = dy.astype(dtype)
        taps = shifted(padded(_repeated(x, dy), windows).astype(dtype), windows)
        dw = dw + jnp.stack([_summed(tap, dy) for tap in taps])
        return (dw, None if db is None else db + column_sums(dy.reshape(-1, width))), None

    zero = jnp.zeros((windows.taps, width), dtype)
    sums = zero, zero[0] if bias else None
    dw, db = over_images(of_images, sums, _bytes(x, dy), x, dy)[0]
    dw = dw.reshape(*windows.sizes, 1, width).astype(dy.dtype)
    return dw, None if db is None else db.astype(dy.dtype)


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
        dx = dx if b is None else dx + columns(b.astype(dtype), dx)
        return None, dx.astype(w.dtype)

    dx: Array = over_images(of_images, None, _bytes(dy, w), dy)[1]
    return dx


def _summed(tap: Array, dy: Array) -> Array:
    """Σ tap dy over all but the channels.

    XLA's loop over a sum is many times slower than one over entries. So the first spatial axis is
    cut into parts, which are added entry by entry, and the rest is added by a product.
    """
    rows = tap.shape[1]
    parts = divisor(rows, PARTS)
    cuts = (slice(start, start + rows // parts) for start in range(0, rows, rows // parts))
    total = sum(tap[:, cut] * dy[:, cut] for cut in cuts)
    return column_sums(jnp.asarray(total).reshape(-1, dy.shape[-1]))


def _repeated(x: Array, like: Array) -> Array:
    """x with each channel once for each of the outputs made of it."""
    each = like.shape[-1] // x.shape[-1]
    return x if each == 1 else jnp.repeat(x, each, -1)


def _bytes(x: Array, like: Array) -> int:
    """How many bytes one image takes, as wide as it is computed."""
    size: int = math.prod(x.shape[1:-1]) * like.shape[-1] * max(int(x.dtype.itemsize), 4)
    return size
