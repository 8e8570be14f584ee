"""Depthwise convolutions, each channel on its own: a multiply-add per tap, and no patches.

The functions are those of `patches`, for w (window..., 1, C · m): output channel c m + j is made of
input channel c alone. Their products are as wide as float32 or wider. What is read once per output,
as in y and dx, is computed for many images at a time, on all cores; dw, for which x and dy are read
once per tap, for as many as stay in the cache of one.

`correlate` takes w (window..., C, M) as well, of which every output channel sees every input
channel: with few entries in a window, patches take longer to lay out than to multiply.
"""

import functools
import math
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.blocks import divisor, over_images
from fnet.core.patches import Sums, column_sums, padded, shifted, surrounded
from fnet.core.products import wide
from fnet.core.spreading import interleaved
from fnet.core.windows import Windows

FEW = 27  # entries of a window, of all channels
PARTS = 8  # of an axis, added one by one
LARGE = 4
SMALL = 8  # parts of a block, one at a time, for dw


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., C m), or (N, outputs..., M)."""
    kernel = w.reshape(-1, w.shape[-1])

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        each = x if w.shape[-2] == x.shape[-1] else _repeated(x, kernel)
        return None, _correlate(each, kernel, b, windows)

    y: Array = over_images(of_images, None, _bytes(x, kernel) // LARGE, x)[1]
    return y


def _correlate(x: Array, kernel: Array, b: Array | None, windows: Windows) -> Array:
    dtype = wide(x.dtype)
    taps = shifted(padded(x, windows).astype(dtype), windows)
    parts = (part for tap in taps for part in jnp.split(tap, len(kernel) // windows.taps, -1))
    y = sum(part * k for part, k in zip(parts, kernel.astype(dtype), strict=True))
    y = y if b is None else y + b.astype(dtype)
    narrow: Array = y.astype(x.dtype)
    return narrow


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (window..., 1, C m), and db (C m,) where there is a bias."""
    width = dy.shape[-1]

    def of_images(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        add, each = _adder(x, dy, windows), SMALL * _bytes(x, dy)
        # Two loops: XLA runs those that do not depend on each other on two cores.
        halves = [
            over_images(add, zeros, each, places)[0]
            for places in jnp.array_split(jnp.arange(len(dy), dtype=jnp.uint32), 2)
            if len(places)
        ]
        return functools.reduce(functools.partial(jax.tree.map, jnp.add), halves, sums), None

    zero = jnp.zeros((windows.taps, width), wide(dy.dtype))
    zeros = zero, zero[0] if bias else None
    x, dy = lax.optimization_barrier((x, dy))  # or the padded x of y would be kept for dw
    dw, db = over_images(of_images, zeros, _bytes(x, dy) // LARGE, x, dy)[0]
    dw = dw.reshape(*windows.sizes, 1, width).astype(dy.dtype)
    return dw, None if db is None else db.astype(dy.dtype)


def _adder(x: Array, dy: Array, windows: Windows) -> Callable[[Sums, Array], tuple[Sums, None]]:
    """add(sums, places): dw and db, and those of the images at places that follow each other.

    XLA's loop over a sum is many times slower than one over entries. So the first spatial axis is
    cut into parts, which are added entry by entry, and the rest is added by a product. Each part is
    cut from all images: what is cut from a part that a loop found is not vectorised, nor is it
    where a place may be negative.
    """
    windows, dtype, width = _joinable(windows), wide(dy.dtype), dy.shape[-1]
    x = _repeated(x, dy).reshape(len(x), *windows.inputs, width)
    x = lax.optimization_barrier(_joined(surrounded(x, windows, 0.0)))
    dy = _joined(dy.reshape(len(dy), *windows.outputs, width))
    (rows, *rest, last), (stride, *strides, _) = windows.outputs, windows.strides
    size = rows // divisor(rows, PARTS)
    starts, ones = range(0, rows, size), [1] * len(rest)

    def cut(a: Array, places: Array, begins: list[int], strides: list[int]) -> Array:
        at = map(jnp.uint32, [*begins[:-1], begins[-1] * width])
        reach = [s * (m - 1) + 1 for m, s in zip([size, *rest], strides, strict=True)]
        part = lax.dynamic_slice(a, [places[0], *at], [len(places), *reach, last * width])
        return part[(slice(None), *(slice(None, None, s) for s in strides))].astype(dtype)

    def add(sums: Sums, places: Array) -> tuple[Sums, None]:
        given = {at: cut(dy, places, [at, *(0 for _ in rest), 0], [1, *ones]) for at in starts}

        def total(terms: Iterable[Array]) -> Array:
            return column_sums(jnp.asarray(sum(terms)).reshape(-1, width))

        def seen(at: int, first: int, *others: int) -> Array:
            return cut(x, places, [at * stride + first, *others], [stride, *strides])

        (dw, db), offsets = sums, windows.offsets()
        more = [total(seen(at, *o) * part for at, part in given.items()) for o in offsets]
        return (dw + jnp.stack(more), None if db is None else db + total(given.values())), None

    return add


def _joinable(windows: Windows) -> Windows:
    """Windows that have several axes, of which the last has steps of 1: else with one more."""
    if len(windows.sizes) > 1 and windows.strides[-1] == 1:
        return windows
    inputs, sizes, strides, dilations, padding = windows
    ones = ((*inputs, 1), (*sizes, 1), (*strides, 1), (*dilations, 1))
    return Windows(*ones, (*padding, (0, 0)))


def _joined(x: Array) -> Array:
    """(N, ..., W C) of (N, ..., W, C)."""
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


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
        each = dx.shape[-1] // channels
        dx = jnp.asarray(sum(dx[..., first::each] for first in range(each)))
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
