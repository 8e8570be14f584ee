"""Convolutions by XLA's own routine for a CPU, in the one form in which it is fast.

XLA hands a convolution of float32 to Eigen, which reads windows where they lie and works on all
cores, where x is (N, inputs..., C) and w (window..., C, M), in this order in memory. It brings
others into this form in the outermost part of a program only: in a loop they take 13 to 40 times as
long (jaxlib 0.10.2). So the gradients, at stride 1, are written in this form:

    dx   of dy and the reversed kernel, (window..., M, C)
    dw   of x as (C, inputs..., N) and dy as the kernel (outputs..., N, M), a few images at a time

Against products over patches it gains where windows overlap much and channels are few, for then a
patch is many times what it was made of, and its product narrow. Letters are those of `patches`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.blocks import BLOCK, over_images
from fnet.core.broadcasting import columns
from fnet.core.patches import Sums, column_sums
from fnet.core.windows import Windows

AXES = 2  # of images: with three, XLA has no fast routine
OVERLAP = 9  # windows that each input is in
LEAST = 8  # outputs, and images of a gradient: of fewer, Eigen's products are too narrow
MOST = 32 * 32  # channels times outputs, in windows of `OVERLAP` entries
IMAGES = 8  # whose windows a gradient's kernel spans
ALIGNED = 4  # channels are a multiple of this, or Eigen reads them one by one


def suits(x: Array, shape: tuple[int, ...], windows: Windows, groups: int) -> bool:
    """Whether this is the way for x and a kernel of this shape."""
    *_, channels, width = shape
    plain = groups == 1 and x.dtype == jnp.float32 and set(windows.strides) == {1}
    if not plain or len(windows.sizes) > AXES or windows.taps < OVERLAP:
        return False
    if channels < ALIGNED - 1 or width < LEAST:
        return False
    return windows.taps > OVERLAP or channels * width <= MOST


def suits_gradient(x: Array, shape: tuple[int, ...], windows: Windows, groups: int) -> bool:
    """The same for the gradient of the kernel."""
    return suits(x, shape, windows, groups) and len(x) >= LEAST


def correlate(x: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """y (N, outputs..., M)."""
    missing = -x.shape[-1] % ALIGNED
    y = _convolved(_widened(x, -1, missing), _widened(w, -2, missing), _placed(windows))
    return y if b is None else y + columns(b, y)


def kernel_gradient(x: Array, dy: Array, windows: Windows, bias: bool) -> Sums:
    """dw (window..., C, M), and db (M,) where there is a bias."""
    channels, width = x.shape[-1], dy.shape[-1]
    # What steps through x, entry by entry, is the window; what has gaps is dy.
    placed = _placed(windows._replace(strides=windows.dilations, dilations=windows.strides))

    def of_images(sums: Sums, x: Array, dy: Array) -> tuple[Sums, None]:
        dw, db = sums
        few = jnp.moveaxis(dy, 0, -2)
        dw = dw + _convolved(jnp.swapaxes(x, 0, -1), few, placed)
        return (dw, None if db is None else db + column_sums(dy.reshape(-1, width))), None

    zero = jnp.zeros((channels, *windows.sizes, width), dy.dtype)
    sums = zero, jnp.zeros(width, dy.dtype) if bias else None
    dw, db = over_images(of_images, sums, BLOCK // IMAGES, x, dy)[0]
    return jnp.moveaxis(dw, 0, -2), db


def spread(dy: Array, w: Array, b: Array | None, windows: Windows) -> Array:
    """dx (N, inputs..., C), plus b (C,) where there is a bias."""
    pairs = zip(windows.spans, windows.padding, strict=True)
    around = tuple((span - 1 - p, span - 1 - q) for span, (p, q) in pairs)
    reversed_w = jnp.flip(w, range(w.ndim - 2)).swapaxes(-1, -2)
    return correlate(dy, reversed_w, b, windows._replace(inputs=windows.outputs, padding=around))


def _widened(x: Array, axis: int, more: int) -> Array:
    """x, with so many zeros behind it along an axis."""
    ends = [(0, 0)] * x.ndim
    ends[axis] = (0, more)
    return jnp.pad(x, ends) if more else x


def _placed(windows: Windows) -> tuple[Any, ...]:
    return windows.strides, windows.padding, windows.dilations


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _convolved(x: Array, w: Array, placed: tuple[Any, ...]) -> Array:
    """`lax.conv_general_dilated`, which `jax.vmap` calls once for each w.

    JAX makes many kernels groups of one convolution, for which XLA has no fast routine.
    """

    @jax.custom_batching.custom_vmap
    def one(x: Array, w: Array) -> Array:
        return _plain(x, w, placed)

    @one.def_vmap
    def many(size: int, mapped: list[bool], x: Array, w: Array) -> tuple[Array, bool]:
        if mapped[1]:
            return lax.map(lambda i: one(x[i] if mapped[0] else x, w[i]), jnp.arange(size)), True
        y = one(x.reshape(-1, *x.shape[2:]), w)
        return y.reshape(*x.shape[:2], *y.shape[1:]), True

    y: Array = one(x, w)
    return y


@_convolved.defjvp
def _convolved_jvp(
    placed: tuple[Any, ...], primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """It is linear in both, and JAX's own transposes are right, if slow."""
    (x, w), (dx, dw) = primals, tangents
    return _convolved(x, w, placed), _plain(dx, w, placed) + _plain(x, dw, placed)


def _plain(x: Array, w: Array, placed: tuple[Any, ...]) -> Array:
    strides, padding, dilations = placed
    letters = "HWD"[: len(strides)]
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_general_dilated(
        x, w, strides, padding, rhs_dilation=dilations, dimension_numbers=numbers
    )
