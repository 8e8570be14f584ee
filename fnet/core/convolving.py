"""Convolution and its two gradients, in the form that the platform computes fastest.

    correlate         y[o]  = Σ_k x[s o + d k − p] w[k] + b
    kernel_gradient   dw[k] = Σ_o x[s o + d k − p]ᵀ dy[o]        db = Σ_o dy[o]
    spread            dx[i] = Σ_{o, k: s o + d k − p = i} dy[o] w[k]ᵀ + b

x is (N, inputs..., C), w (window..., C / groups, M), y and dy (N, outputs..., M). By shape:

- a window of one entry at stride 1, without padding or groups, is a matrix product;
- on a CPU a window over one channel (depthwise), and y of windows of few entries, is a
  multiply-add per tap (`taps`);
- on a CPU windows that overlap much, at stride 1, are XLA's own convolution (`native`), those of
  9 entries with few channels only;
- on a CPU 3 x 3 at stride 1 with many channels is `winograd`'s, group by group;
- on a CPU everything else is a product over patches (`patches`), group by group, and the way
  back `spreading`'s;
- elsewhere it is `lax.conv_general_dilated`, which is cuDNN's on a GPU, and its transposes.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from chex import Array
from jax import lax

from fnet.core import native, patches, spreading, taps, winograd
from fnet.core.broadcasting import columns
from fnet.core.patches import Sums
from fnet.core.products import as_rows, product, transposed_product
from fnet.core.windows import Windows


@functools.partial(jax.jit, static_argnames=("windows", "groups"))
def correlate(x: Array, w: Array, b: Array | None, windows: Windows, groups: int) -> Array:
    """y (N, outputs..., M), with b (M,) or None."""
    if windows.plain and groups == 1:
        y = product(as_rows(x), as_rows(w)).reshape(*x.shape[:-1], w.shape[-1])
        return y if b is None else y + columns(b, y)

    def on_cpu(x: Array, w: Array, b: Array | None) -> Array:
        few = groups == 1 and windows.taps * w.shape[-2] <= taps.FEW
        if few or _depthwise(w, groups):
            return taps.correlate(x, w, b, windows)
        if native.suits(x, w.shape, windows, groups):
            return native.correlate(x, w, b, windows)
        way = winograd if _many(x, w.shape, windows, groups) else patches
        return _each_group(functools.partial(way.correlate, windows=windows), groups, x, w, b)

    def by_lax(x: Array, w: Array, b: Array | None) -> Array:
        y = _lax(x, w, windows, groups)
        return y if b is None else y + columns(b, y)

    by_platform: Array = lax.platform_dependent(x, w, b, cpu=on_cpu, default=by_lax)
    return by_platform


@functools.partial(jax.jit, static_argnames=("windows", "groups", "bias"))
def kernel_gradient(x: Array, dy: Array, windows: Windows, groups: int, bias: bool) -> Sums:
    """dw (window..., C / groups, M), and db (M,) if there is a bias, else None."""
    shape = (*windows.sizes, x.shape[-1] // groups, dy.shape[-1])

    def total(dy: Array) -> Array | None:
        return dy.sum(range(dy.ndim - 1)) if bias else None

    if windows.plain and groups == 1:
        return transposed_product(as_rows(dy), as_rows(x)).T.reshape(shape), total(dy)

    def on_cpu(x: Array, dy: Array) -> Sums:
        if shape[-2] == 1 and groups > 1:
            return taps.kernel_gradient(x, dy, windows, bias)
        if native.suits_gradient(x, shape, windows, groups):
            return native.kernel_gradient(x, dy, windows, bias)
        many = _many(x, shape, windows, groups, gradient=True)
        way = winograd if many else patches
        of_group = functools.partial(way.kernel_gradient, windows=windows, bias=bias)
        sums: Sums = _each_group(of_group, groups, x, dy)
        return sums

    def by_lax(x: Array, dy: Array) -> Sums:
        like = jax.ShapeDtypeStruct(shape, dy.dtype)
        (dw,) = jax.linear_transpose(lambda w: _lax(x, w, windows, groups), like)(dy)
        return dw, total(dy)

    sums: Sums = lax.platform_dependent(x, dy, cpu=on_cpu, default=by_lax)
    return sums


@functools.partial(jax.jit, static_argnames=("windows", "groups"))
def spread(dy: Array, w: Array, b: Array | None, windows: Windows, groups: int) -> Array:
    """dx (N, inputs..., C), plus b (C,) if there is one."""
    channels = w.shape[-2] * groups
    shape = (dy.shape[0], *windows.inputs, channels)
    if windows.plain and groups == 1:
        dx = product(as_rows(dy), as_rows(w).T).reshape(shape)
        return dx if b is None else dx + columns(b, dx)

    def on_cpu(dy: Array, w: Array, b: Array | None) -> Array:
        if _depthwise(w, groups):
            return taps.spread(dy, w, b, windows, channels)
        if native.suits(dy, (*w.shape[:-2], *w.shape[:-3:-1]), windows, groups):
            return native.spread(dy, w, b, windows)
        way = winograd if _many(dy, w.shape, windows, groups) else spreading
        return _each_group(functools.partial(way.spread, windows=windows), groups, dy, w, b)

    def by_lax(dy: Array, w: Array, b: Array | None) -> Array:
        like = jax.ShapeDtypeStruct(shape, dy.dtype)
        (dx,) = jax.linear_transpose(lambda x: _lax(x, w, windows, groups), like)(dy)
        return dx if b is None else dx + columns(b, dx)

    by_platform: Array = lax.platform_dependent(dy, w, b, cpu=on_cpu, default=by_lax)
    return by_platform


def _lax(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    letters = "HWD"[: len(windows.inputs)]
    return lax.conv_general_dilated(
        x,
        w,
        windows.strides,
        windows.padding,
        rhs_dilation=windows.dilations,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


def _many(
    x: Array, shape: tuple[int, ...], windows: Windows, groups: int, gradient: bool = False
) -> bool:
    """Whether a kernel of this shape is 3 x 3, at stride 1, for many channels."""
    *_, channels, width = shape
    return winograd.suits(windows, channels, width // groups, x.dtype.itemsize, gradient)


def _depthwise(w: Array, groups: int) -> bool:
    return w.shape[-2] == 1 and groups > 1


def _each_group(function: Callable[..., Any], groups: int, *arrays: Array | None) -> Any:
    """function, mapped over groups of the last axis of every array."""
    if groups == 1:
        return function(*arrays)
    parts = jax.tree.map(lambda a: a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups), arrays)
    of_groups = jax.vmap(function, in_axes=-2, out_axes=-2)(*parts)
    return jax.tree.map(lambda a: a.reshape(*a.shape[:-2], groups * a.shape[-1]), of_groups)
