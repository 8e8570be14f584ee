"""Pooling: the maximum or the average of each window, or of everything between batch and channels.

Inputs are (N, d1, ..., dk, C) with one, two or three spatial axes; every channel is by itself.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.expect import require, require_bool, require_floating, require_key_and_shape
from fnet.core.patches import shifted, surrounded
from fnet.core.trees import is_shape, widened
from fnet.core.values import constructor
from fnet.core.windows import Padding, Sizes, Windows, check_windows, lay, padding_of, per_axis
from fnet.errors import ConfigurationError
from fnet.layers.windowed import NOWHERE, along, first_maximum, inside, spread


@constructor
def max_pool(
    window: Sizes = 2,
    *,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    ceil: bool = False,
) -> Layer:
    """The maximum of each window.

        y[o]  = max_k x[s o + k − p]          k within the window
        dx[i] = Σ_o dy[o] [first maximum of window o at i]

    x: (N, d1, ..., dr, C)   y: (N, o1, ..., or, C), r = 1, 2 or 3. s is `stride`, by default the
    window's size, and p the padding in front: "valid" has none, "same" leaves ⌈d / s⌉ windows, a
    number stands on every side, and ((1, 1), (0, 2)) gives a pair (before, behind) for each axis.
    There are ⌊(d + padding − window) / s⌋ + 1 windows along an axis; with `ceil` the quotient is
    rounded up, except for a window that would begin behind the input.

    Padding never is a maximum. The first maximum is that in row-major order, so of equal entries
    one alone has a gradient; a NaN is larger than every number. Cache: where in its window each
    maximum lies, one byte per output (four for windows of more than 255 entries). Raises
    ConfigurationError for what is no window, and ShapeError where a window does not fit the input,
    or lies in the padding alone.
    Source: Goodfellow et al., Deep Learning (2016), section 9.3.

    >>> import jax.numpy as jnp
    >>> y, cache = max_pool(2).forward((), jnp.array([[[1.0], [3.0], [2.0], [2.0]]]))
    >>> y.ravel().tolist(), max_pool(2).backward((), cache, y)[1].ravel().tolist()
    ([3.0, 2.0], [0.0, 3.0, 2.0, 0.0])
    """
    laid = _laying("max_pool", window, stride, padding, ceil)

    def back(at: Array, dy: Array, windows: Windows) -> Array:
        return spread(_where_it_is, windows, dy, at)

    return _windowed("max_pool", laid, first_maximum, back)


@constructor
def avg_pool(
    window: Sizes = 2,
    *,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    count_padding: bool = False,
    ceil: bool = False,
) -> Layer:
    """The average of each window.

        y[o]  = Σ_k x[s o + k − p] / n[o]     k within the window
        dx[i] = Σ_o (dy[o] / n[o]) [i in window o]

    x: (N, d1, ..., dr, C)   y: (N, o1, ..., or, C), r = 1, 2 or 3. `window`, `stride`, `padding`
    and `ceil` are those of `max_pool`. n is the number of entries of the window that lie in the
    input; with `count_padding` those in the padding count too, as zeros, but not those behind it,
    which a window of `ceil` may reach. (PyTorch counts padding unless it is told not to; TensorFlow
    never does.)

    Sums of narrow floats are taken in float32. Cache: x[:0], which has the shape of dx. Raises what
    `max_pool` does.
    Source: LeCun et al. (1998), Gradient-Based Learning Applied to Document Recognition, section
    II.B.

    >>> import jax.numpy as jnp
    >>> y, cache = avg_pool(2).forward((), jnp.array([[[1.0], [3.0], [2.0], [2.0]]]))
    >>> y.ravel().tolist(), avg_pool(2).backward((), cache, y)[1].ravel().tolist()
    ([2.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    """
    require_bool("avg_pool: count_padding", count_padding)
    laid = _laying("avg_pool", window, stride, padding, ceil)
    given = padding if count_padding else 0

    def pool(x: Array, windows: Windows) -> tuple[Array, None]:
        total = widened(surrounded(x, windows, 0.0))
        for axis in range(len(windows.sizes)):
            total = sum(shifted(total, along(windows, axis, total.shape[1:-1])))
        counts = _counts(windows, given).astype(total.dtype)
        return (total / counts).astype(x.dtype), None

    def back(cache: None, dy: Array, windows: Windows) -> Array:
        total = widened(dy)
        total = total / _counts(windows, given).astype(total.dtype)
        for axis in range(len(windows.sizes)):
            total = spread(_where_it_is_seen, along(windows, axis, total.shape[1:-1]), total)
        return total.astype(dy.dtype)

    return _windowed("avg_pool", laid, pool, back)


@constructor
def global_avg_pool() -> Layer:
    """The average of each channel.

        y  = Σ_P x / P                 x: (N, d1, ..., dr, C)   P = d1 ··· dr   y: (N, C)
        dx = dy / P

    Sums of narrow floats are taken in float32. Cache: x[:0], which has the shape of dx. Raises
    ShapeError where there is nothing between batch and channels.
    Source: Lin et al. (2014), Network In Network, section 3.2.

    >>> import jax.numpy as jnp
    >>> y, cache = global_avg_pool().forward((), jnp.array([[[1.0, 2.0], [3.0, 2.0]]]))
    >>> y.tolist(), global_avg_pool().backward((), cache, y)[1].tolist()
    ([[2.0, 2.0]], [[[1.0, 1.0], [1.0, 1.0]]])
    """

    def pool(x: Array) -> tuple[Array, None]:
        return widened(x).mean(axis=1).astype(x.dtype), None

    def back(cache: None, dy: Array, places: int) -> Array:
        share = (widened(dy) / places).astype(dy.dtype)
        return jnp.broadcast_to(share[:, None], (dy.shape[0], places, dy.shape[1]))

    return _global("global_avg_pool", pool, back)


@constructor
def global_max_pool() -> Layer:
    """The maximum of each channel.

        y  = max_P x                   x: (N, d1, ..., dr, C)   P = d1 ··· dr   y: (N, C)
        dx = dy [first maximum of a channel here]

    The first maximum is that in row-major order, so of equal entries one alone has a gradient; a
    NaN is larger than every number. Cache: where each maximum lies, (N, C), and x[:0]. Raises
    ShapeError where there is nothing between batch and channels.
    Source: Oquab et al. (2015), Is Object Localization for Free?, section 3.1.

    >>> import jax.numpy as jnp
    >>> y, cache = global_max_pool().forward((), jnp.array([[[1.0, 2.0], [3.0, 2.0]]]))
    >>> y.tolist(), global_max_pool().backward((), cache, y)[1].tolist()
    ([[3.0, 2.0]], [[[0.0, 2.0], [3.0, 0.0]]])
    """

    def pool(x: Array) -> tuple[Array, Array]:
        largest = jax.lax.stop_gradient(x.max(axis=1, keepdims=True))
        here = (x == largest) | (x != x)
        place = jax.lax.broadcasted_iota(jnp.int32, x.shape, 1)
        at = jnp.where(here, place, x.shape[1]).min(axis=1)
        return jnp.take_along_axis(x, at[:, None], axis=1)[:, 0], at

    def back(at: Array, dy: Array, places: int) -> Array:
        place = jnp.arange(places, dtype=at.dtype)[None, :, None]
        return jnp.where(place == at[:, None], dy[:, None], 0)

    return _global("global_max_pool", pool, back)


def _laying(name: str, window: Any, stride: Any, padding: Any, ceil: Any) -> Any:
    """The function from an input's spatial sizes to the windows on it."""
    stride = window if stride is None else stride
    require_bool(f"{name}: ceil", ceil)
    check_windows(name, window, stride, padding, 1)
    if padding == "causal":
        raise ConfigurationError(f'{name}: padding is "causal", which is for convolutions')

    def laid(inputs: tuple[int, ...]) -> Windows:
        pairs: Padding = padding
        if ceil:
            rank = len(inputs)
            sizes = per_axis(name, "window", window, rank)
            strides = per_axis(name, "stride", stride, rank)
            bare = Windows(inputs, sizes, strides, (1,) * rank, ((0, 0),) * rank)
            axes = zip(inputs, sizes, strides, padding_of(name, bare, padding), strict=True)
            pairs = tuple(_rounded_up(*axis) for axis in axes)
        windows = lay(name, inputs, window, stride, pairs, 1)
        for axis, seen in enumerate(inside(windows)):
            require(
                bool(seen.any(1).all()),
                f"{name}: along spatial axis {axis}, of {inputs[axis]} entries, a window lies in "
                f"the padding {windows.padding[axis]} alone: pad by less than the window's "
                f"{windows.sizes[axis]} entries",
            )
        return windows

    return laid


def _rounded_up(n: int, k: int, s: int, pair: tuple[int, int]) -> tuple[int, int]:
    """The padding (before, behind) of an axis for as many windows as `ceil` wants."""
    before, behind = pair
    windows = -(-(n + before + behind - k) // s) + 1
    while windows > 1 and (windows - 1) * s >= n + before:
        windows -= 1
    return before, max(behind, (windows - 1) * s + k - n - before)


def _counts(windows: Windows, given: Padding) -> np.ndarray:
    """How many entries of each window count, (1, o1, ..., or, 1); of size 1 where all agree."""
    margins = padding_of(
        "avg_pool", windows._replace(padding=((0, 0),) * len(windows.sizes)), given
    )
    counts = np.ones(())
    for seen in inside(windows, margins):
        counts = np.multiply.outer(counts, seen.sum(1))
    counts = counts if np.ptp(counts) else counts[(slice(1),) * counts.ndim]
    return counts[None, ..., None]


def _where_it_is(number: np.ndarray, dy: Array, at: Array) -> Array:
    return jnp.where(at == number.astype(at.dtype), dy, 0)


def _where_it_is_seen(number: np.ndarray, dy: Array) -> Array:
    return jnp.where(number == NOWHERE, 0, dy) if (number == NOWHERE).any() else dy


def _windowed(
    name: str,
    laid: Callable[[tuple[int, ...]], Windows],
    pool: Callable[[Array, Windows], tuple[Array, Any]],
    back: Callable[[Any, Array, Windows], Array],
) -> Layer:
    """The layer y, kept = pool(x, windows), dx = back(kept, dy, windows)."""

    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        _require_spatial(name, key, shape, most=3)
        return (), (*laid(tuple(shape[:-1])).outputs, shape[-1])

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        _require_images(name, x, most=3)
        y, kept = pool(x, laid(x.shape[1:-1]))
        return y, (kept, x[:0])

    def backward(params: tuple[()], cache: Any, dy: Array) -> tuple[tuple[()], Array]:
        kept, empty = cache
        return (), back(kept, dy, laid(empty.shape[1:-1]))

    return layer(init, forward, backward)


def _global(
    name: str,
    pool: Callable[[Array], tuple[Array, Any]],
    back: Callable[[Any, Array, int], Array],
) -> Layer:
    """The layer y, kept = pool(x as (N, P, C)), dx = back(kept, dy, P)."""

    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        _require_spatial(name, key, shape)
        return (), shape[-1:]

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        _require_images(name, x)
        y, kept = pool(x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1]))
        return y, (kept, x[:0])

    def backward(params: tuple[()], cache: Any, dy: Array) -> tuple[tuple[()], Array]:
        kept, empty = cache
        shape = (dy.shape[0], *empty.shape[1:])
        return (), back(kept, dy, math.prod(shape[1:-1])).reshape(shape)

    return layer(init, forward, backward)


def _require_spatial(name: str, key: Any, shape: Any, most: int | None = None) -> None:
    """Raise ShapeError unless the shape of one example is (d1, ..., dr, C)."""
    require_key_and_shape(key, shape)
    fits = is_shape(tuple(shape)) and 2 <= len(shape) <= (len(shape) if most is None else most + 1)
    require(fits, f"{name}: an example is {shape}; {_of_axes(most)}")
    require(min(shape[:-1]) > 0, f"{name}: an example is {shape}, of no entries")


def _require_images(name: str, x: Any, most: int | None = None) -> None:
    """Raise ShapeError unless x is (N, d1, ..., dr, C)."""
    require_floating(f"{name}: x", x, ": convert it, or rescale images by fnet.data.rescale")
    fits = 3 <= x.ndim <= (x.ndim if most is None else most + 2)
    require(fits, f"{name}: x is {x.shape}, with its batch axis; {_of_axes(most)}")
    require(min(x.shape[1:-1]) > 0, f"{name}: x is {x.shape}, of no entries")


def _of_axes(most: int | None) -> str:
    number = "axes" if most is None else "one, two or three axes"
    return f"it takes {number} between the batch and the channels: images (N, H, W, C)"
