"""Convolutions as matrix products over patches, a few images at a time: what a CPU does fastest.

A patch is what one window covers, laid out as a row. All patches of a batch are many times its
size, so a loop builds those of a few images, or of a band of one, which stay in the processor's
cache, multiplies them, and forgets them. XLA's own convolution is slower on a CPU, and inside a
loop many times so.

    correlate         y[o]  = Σ_k x[s o + d k − p] w[k] + b
    kernel_gradient   dw[k] = Σ_o x[s o + d k − p]ᵀ dy[o]        db = Σ_o dy[o]

x is (N, inputs..., C), w (window..., C, M), b (M,), y and dy (N, outputs..., M); s, d and p are
stride, dilation and padding, and all have an entry per axis: `Windows`.
"""

import math
from collections.abc import Iterator

import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.blocks import over_bands, over_images
from fnet.core.broadcasting import columns
from fnet.core.products import by_rows, product, wide, wide_product
from fnet.core.windows import Windows

NARROW = 64  # columns of patches whose transpose is multiplied as it lies

Sums = tuple[Array, Array | None]


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., M)."""
    flat = w.reshape(-1, w.shape[-1])

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        return None, correlate_few(x, flat, b, windows)

    y: Array = over_images(of_images, None, image_bytes(x, windows), x)[1]
    return y


def correlate_few(x: Array, flat: Array, b: Array | None, windows: Windows) -> Array:
    """y of few images, whose patches need not be made in parts; flat is w as (taps C, M)."""

    def of_band(carry: None, x: Array) -> tuple[None, Array]:
        rows, places = patches(x, windows)
        y = product(rows, flat)
        y = y if b is None else y + columns(b, y)
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
        dw = dw + _transposed(dy, rows)
        return (dw, None if db is None else db + column_sums(dy)), None

    dtype = wide(dy.dtype)
    zero = jnp.zeros((width, windows.taps * channels), dtype)
    sums = zero, jnp.zeros(width, dtype) if bias else None
    dw, db = over_images(of_images, sums, image_bytes(x, windows), x, dy)[0]
    dw = dw.T.reshape(*windows.sizes, channels, width).astype(dy.dtype)
    return dw, None if db is None else db.astype(dy.dtype)


def _transposed(dy: Array, rows: Array) -> Array:
    """dyᵀ rows, by the way that a CPU is fastest at: for few columns XLA transposes those."""
    if rows.shape[1] <= NARROW:
        return wide_product(rows.T, dy).T
    return wide_product(by_rows(dy.T), rows)


def column_sums(rows: Array) -> Array:
    """The sum of the rows, in float32 or wider: a product, which a CPU reads at full speed."""
    return wide_product(jnp.ones((1, rows.shape[0]), rows.dtype), rows)[0]


def padded(x: Array, windows: Windows) -> Array:
    """x with zeros as its padding, which may be negative: then it is cut.

    The barrier keeps XLA from padding anew for every tap that is read.
    """
    behind_barrier: Array = lax.optimization_barrier(surrounded(x, windows, 0.0))
    return behind_barrier


def copied(x: Array) -> Array:
    """x, copied: what a loop cuts from an array is not vectorised where it is read several times.

    XLA would read it where it lies, and copies what has an entry more.
    """
    more = [(0, 1, 0), *([(0, 0, 0)] * (x.ndim - 1))]
    alone: Array = lax.optimization_barrier(lax.pad(x, jnp.zeros((), x.dtype), more))[: len(x)]
    return alone


def surrounded(x: Array, windows: Windows, value: float) -> Array:
    """x with `value` as its padding."""
    if not any(map(any, windows.padding)):
        return x
    # The last axis and the channels as one, whose runs are longer: twice as fast.
    channels = x.shape[-1]
    *pairs, (before, behind) = windows.padding
    pairs = [(0, 0), *pairs, (before * channels, behind * channels)]
    joined = x.reshape(*x.shape[:-2], x.shape[-2] * channels)
    joined = lax.pad(joined, jnp.asarray(value, x.dtype), [(*pair, 0) for pair in pairs])
    return joined.reshape(len(x), *windows.padded, channels)


def patches(x: Array, windows: Windows) -> tuple[Array, tuple[int, ...]]:
    """(places, taps C) of a padded input or a band of one, and (N, outputs...)."""
    taps = list(shifted(x, windows))
    places, channels = taps[0].shape[:-1], x.shape[-1]
    # Each is written in place. XLA would compute what it concatenates into arrays of their own, and
    # then copy those; and it would copy what is reshaped after it is written.
    rows = jnp.zeros((math.prod(places), len(taps) * channels), x.dtype)
    for number, tap in enumerate(taps):
        columns = tap.reshape(-1, channels)
        rows = lax.dynamic_update_slice(rows, columns, (0, number * channels))
    return rows, places


def shifted(x: Array, windows: Windows) -> Iterator[Array]:
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
