"""Convolutions as matrix products over patches, a few images at a time: what a CPU does fastest.

A patch is what one window covers, laid out as a row. All patches of a batch are many times its
size, so a loop builds those of a few images, or of a band of one, which stay in the processor's
cache, multiplies them, and forgets them. XLA's own convolution is slower on a CPU, and inside a
loop many times so.

    correlate         y[o]  = Σ_k x[s o + d k − p] w[k] + b
    kernel_gradient   dw[k] = Σ_o x[s o + d k − p]ᵀ dy[o]        db = Σ_o dy[o]
    spread            dx[i] = Σ_{o, k: s o + d k − p = i} dy[o] w[k]ᵀ

x is (N, inputs..., C), w (window..., C, M), b (M,), y and dy (N, outputs..., M); s, d and p are
stride, dilation and padding, and all have an entry per axis: `Windows`.
"""

import math
from typing import Any

import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.blocks import over_bands, over_images
from fnet.core.products import product, wide, wide_product
from fnet.core.windows import Windows

Sums = tuple[Array, Array | None]


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., M)."""
    flat = w.reshape(-1, w.shape[-1])

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        return None, _correlate(x, flat, b, windows)

    y: Array = over_images(of_images, None, image_bytes(x, windows), x)[1]
    return y


def _correlate(x: Array, flat: Array, b: Array | None, windows: Windows) -> Array:
    def of_band(carry: None, x: Array) -> tuple[None, Array]:
        rows, places = patches(x, windows)
        y = product(rows, flat)
        y = y if b is None else y + b
        return None, y.reshape(*places, flat.shape[-1])

    y: Array = over_bands(of_band, None, image_bytes(x, windows), windows, padded(x, windows))[1]
    return y


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (window..., C, M), and db (M,) where there is a bias; summed in float32 or wider."""
    width, channels = dy.shape[-1], x.shape[-1]

    def of_images(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        size = image_bytes(x, windows)
        return over_bands(of_band, sums, size, windows, padded(x, windows), dy)

    def of_band(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        dw, db = sums
        rows, _ = patches(x, windows)
        dy = dy.reshape(-1, width)
        dw = dw + wide_product(dy.T, rows)
        return (dw, None if db is None else db + dy.sum(0, dtype=db.dtype)), None

    dtype = wide(dy.dtype)
    zero = jnp.zeros((width, windows.taps * channels), dtype)
    sums = zero, jnp.zeros(width, dtype) if bias else None
    dw, db = over_images(of_images, sums, image_bytes(x, windows), x, dy)[0]
    dw = dw.T.reshape(*windows.sizes, channels, width).astype(dy.dtype)
    return dw, None if db is None else db.astype(dy.dtype)


def spread(dy: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """dx (N, inputs..., C), plus b (C,) where there is a bias.

    Entries of x whose places agree modulo the stride are reached by the same taps. So dx is made of
    phases, each a correlation of dy at stride 1; none multiplies by the zeros between strides.
    """
    channels = w.shape[-2]

    def of_images(carry: None, dy: Array) -> tuple[None, Array]:
        parts = []
        for counts, reached in windows.phases():
            if reached is None:
                part = jnp.zeros((dy.shape[0], *counts, channels), dy.dtype)
                parts.append(part if b is None else part + b)
            else:
                taps, over = reached
                parts.append(_correlate(dy, _phase_kernel(w, taps), b, over))
        return None, interleaved(parts, windows)

    size = image_bytes(dy, windows)
    dx: Array = over_images(of_images, None, size, dy)[1]
    return dx


def _phase_kernel(w: Array, taps: tuple[slice, ...]) -> Array:
    """(taps M, C): the taps that reach a phase, last first, each transposed."""
    part = jnp.flip(w[taps], range(len(taps))).swapaxes(-1, -2)
    return part.reshape(-1, part.shape[-1])


def interleaved(parts: list[Array], windows: Windows) -> Array:
    """The array whose entries at each place modulo the strides are those of the phase."""
    if len(parts) == 1:
        return parts[0]
    rank, n, channels = len(windows.inputs), parts[0].shape[0], parts[0].shape[-1]
    full = parts[0].shape[1:-1]  # no other phase has more
    grown = [
        jnp.pad(
            part,
            [(0, 0), *((0, f - m) for f, m in zip(full, part.shape[1:-1], strict=True)), (0, 0)],
        )
        for part in parts
    ]
    stacked = jnp.stack(grown, 1).reshape(n, *windows.strides, *full, channels)
    order = (0, *(1 + axis + rank * half for axis in range(rank) for half in (1, 0)), 2 * rank + 1)
    sizes = tuple(s * m for s, m in zip(windows.strides, full, strict=True))
    joined = stacked.transpose(order).reshape(n, *sizes, channels)
    return joined[(slice(None), *map(slice, windows.inputs))]


def padded(x: Array, windows: Windows) -> Array:
    """x with its padding, which may be negative: then it is cut."""
    pairs = [(0, 0, 0), *((before, behind, 0) for before, behind in windows.padding), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), pairs)


def patches(x: Array, windows: Windows) -> tuple[Array, tuple[int, ...]]:
    """(places, taps C) of a padded input or a band of one, and (N, outputs...)."""
    taps = list(shifted(x, windows))
    rows = jnp.concatenate(taps, -1) if len(taps) > 1 else taps[0]
    return rows.reshape(-1, rows.shape[-1]), rows.shape[:-1]


def shifted(x: Array, windows: Windows) -> Any:
    """For each tap what it covers, (N, outputs..., C), of a padded input or a band of one."""
    sizes, strides = x.shape[1:-1], windows.strides
    ends = [n - span + 1 for n, span in zip(sizes, windows.spans, strict=True)]
    for offsets in windows.offsets():
        starts = (0, *offsets, 0)
        stops = (x.shape[0], *(o + end for o, end in zip(offsets, ends, strict=True)), x.shape[-1])
        yield lax.slice(x, starts, stops, (1, *strides, 1))


def image_bytes(x: Array, windows: Windows) -> int:
    """How many bytes the patches of one image take."""
    size: int = math.prod(windows.outputs) * windows.taps * x.shape[-1] * x.dtype.itemsize
    return size
