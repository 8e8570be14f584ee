"""Convolution with 3 x 3 windows by Winograd's F(2 x 2, 3 x 3): 16 products in place of 36.

For one axis, two outputs of a window of three are four products of sums:

    v = Bᵀ x = (x₀ − x₂, x₁ + x₂, x₂ − x₁, x₁ − x₃)                      x a tile of four inputs
    u = G w  = (w₀, (w₀ + w₁ + w₂) / 2, (w₀ − w₁ + w₂) / 2, w₂)
    y = Aᵀ (u v) = (p₀ + p₁ + p₂, p₁ − p₂ − p₃)                          p = u v, entry by entry

For two axes each is applied along one and then along the other, and p is a matrix product over the
channels, one for each of 16 places of a tile. A tile gives 2 x 2 outputs, and overlaps the next by
two. The formula is linear in x and in w, so that its gradient is its transpose:

    dp = A dy    du = vᵀ dp    dw = Gᵀ du

and dx is the convolution of dy with the flipped kernel. The values are those of the definition up
to rounding, which is relative to the largest number in a tile.

Source: Lavin & Gray (2016), Fast algorithms for convolutional neural networks, section 4.1,
arXiv:1509.09308.
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from chex import Array
from jax import lax

from fnet.core.blocks import over_bands, over_images
from fnet.core.broadcasting import columns
from fnet.core.patches import Sums, column_sums, copied, padded
from fnet.core.products import by_rows, product
from fnet.core.spreading import reversed_kernel
from fnet.core.windows import Windows

LEAST = 32  # channels on either side: with fewer, the sums cost what the products save
LEAST_OF_GRADIENT = 64  # the same for the gradient of the kernel

Parts = list[Array]


def suits(
    windows: Windows, channels: int, width: int, itemsize: int, gradient: bool = False
) -> bool:
    """Whether this is the way for such windows, with so many channels and outputs.

    Not for narrow floats, whose sums of four inputs would be rounded before they are multiplied;
    nor for causal padding: what lies behind an output must not reach it, not even by rounding.
    """
    least = LEAST_OF_GRADIENT if gradient else LEAST
    plain = windows.sizes == (3, 3) and windows.strides == windows.dilations == (1, 1)
    causal = any(sorted(pair) == [0, 2] for pair in windows.padding)
    return plain and not causal and min(channels, width) >= least and itemsize >= 4


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., M)."""
    tiles, (channels, width) = _tiles(windows), w.shape[-2:]
    u = product(_kernel_sums(w.dtype), w.reshape(9, -1)).reshape(16, channels, width)

    def of_images(carry: None, x: Array) -> tuple[None, Array]:
        return over_bands(of_band, carry, _bytes(x, width, tiles), tiles, padded(x, tiles))

    def of_band(carry: None, x: Array) -> tuple[None, Array]:
        v, (n, down, across) = _of_tiles(x)
        p = product(v, u).reshape(4, 4, n, down, across, width)
        y = jnp.stack(_of_products(list(_alone(_of_products(list(p)), 3))), 4)
        y = y if b is None else y + columns(b, y)
        return None, y.reshape(n, down, 2, 2 * across, width)

    y: Array = over_images(of_images, None, _bytes(x, width, tiles), x)[1]
    y = y.reshape(x.shape[0], *(2 * count for count in tiles.outputs), width)
    return y[(slice(None), *map(slice, windows.outputs))]


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (3, 3, C, M), and db (M,) where there is a bias."""
    tiles, channels, width = _tiles(windows), x.shape[-1], dy.shape[-1]
    down, across = tiles.outputs
    filled = [(0, 2 * count - dy.shape[axis]) for axis, count in ((1, down), (2, across))]
    dy = jnp.pad(dy, [(0, 0), *filled, (0, 0)])

    def of_images(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        dy = copied(dy).reshape(-1, down, 2, across, 2, width)
        return over_bands(of_band, sums, _bytes(x, width, tiles), tiles, padded(x, tiles), dy)

    def of_band(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        du, db = sums
        dp = _alone(_to_products([dy[:, :, i] for i in range(2)]), 0)
        dp = jnp.stack(_to_products([dp[..., j, :] for j in range(2)]), 1).reshape(16, -1, width)
        du = du + product(by_rows(_of_tiles(x)[0].swapaxes(1, 2)), dp)
        return (du, None if db is None else db + column_sums(dy.reshape(-1, width))), None

    zero = jnp.zeros((16, channels, width), dy.dtype)
    start = zero, zero[0, 0] if bias else None
    du, db = over_images(of_images, start, _bytes(x, width, tiles), x, dy)[0]
    dw = product(_kernel_sums(dy.dtype).T, du.reshape(16, -1))
    return dw.reshape(3, 3, channels, width), db


def spread(dy: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """dx (N, inputs..., C), plus b (C,) where there is a bias."""
    (phase,) = windows.phases()
    assert phase.reached is not None  # at stride 1 every tap reaches every entry
    return correlate(dy, reversed_kernel(w, phase.reached), b, phase.reached.windows)


def _tiles(windows: Windows) -> Windows:
    """The tiles, as windows of four inputs, two apart; padded behind, so that the last is whole."""
    counts = [-(-size // 2) for size in windows.outputs]
    pairs = tuple(
        (before, 2 * count + 2 - n - before)
        for count, n, (before, _) in zip(counts, windows.inputs, windows.padding, strict=True)
    )
    return Windows(windows.inputs, (4, 4), (2, 2), (1, 1), pairs)


def _of_tiles(x: Array) -> tuple[Array, tuple[int, int, int]]:
    """v (16, tiles, C) of a padded input or a band of one, and the tiles per image and axis."""
    n, rows, columns, channels = x.shape
    down, across = rows // 2 - 1, columns // 2 - 1
    x = x.reshape(n, down + 1, 2, columns, channels)
    x = _alone(_of_inputs([x[:, i // 2 : i // 2 + down, i % 2] for i in range(4)]), 0)
    x = x.reshape(4, n, down, across + 1, 2, channels)
    v = jnp.stack(_of_inputs([x[..., j // 2 : j // 2 + across, j % 2, :] for j in range(4)]), 1)
    return v.reshape(16, -1, channels), (n, down, across)


def _of_inputs(x: Parts) -> Parts:
    return [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]]


def _of_products(p: Parts) -> Parts:
    return [p[0] + p[1] + p[2], p[1] - p[2] - p[3]]


def _to_products(dy: Parts) -> Parts:
    return [dy[0], dy[0] + dy[1], dy[0] - dy[1], -dy[1]]


def _alone(sums: Parts, axis: int) -> Array:
    """The sums along one axis of the tiles, stacked, before those along the other.

    Without the barrier XLA would compute each anew for all that use it, in kernels which take it a
    second to compile.
    """
    behind_barrier: Array = lax.optimization_barrier(jnp.stack(sums, axis))
    return behind_barrier


def _kernel_sums(dtype: Any) -> Array:
    """(16, 9): G applied along both axes of a kernel."""
    g = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    return jnp.asarray(np.kron(g, g), dtype)


def _bytes(x: Array, width: int, tiles: Windows) -> int:
    """How many bytes the sums and products of one image take."""
    size: int = 16 * math.prod(tiles.outputs) * (x.shape[-1] + width) * x.dtype.itemsize
    return size
