"""The moments of groups of channels, and y and dx of a norm that normalises them.

x (N, P, C): the P places of an example, and C channels in groups of neighbours. A group is shifted
by its first entry before anything is added, as rows are in `rows`, and all sums are in float32 or
wider. On a CPU places are laid side by side in lanes, so that few channels are added as fast as
many, and what blocks say of mean and variance is joined by Chan's formula.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.trees import widened
from fnet.layers.blocks import NUMBERS, Moments, divisor, over_blocks

WIDTH = 512  # numbers side by side
LEAST = 2**11  # numbers in a block that is worth a round of a loop


class Lanes(NamedTuple):
    """Blocks (rows, beside · C) of an example's places, `beside` of them in a row."""

    rows: int
    beside: int


def normalized(
    x: Array, scale: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Moments]:
    """y = (x − μ) / s · scale + bias, and the moments (N, 1, groups)."""
    first = _first(x, groups)

    def in_blocks(lanes: Lanes, x: Array, first: Array) -> tuple[Array, Array]:
        def of_block(x: Array, first: Array) -> tuple[None, tuple[Array, Array]]:
            d = widened(x) - first
            mean = _added(d) / len(d)
            return None, (mean, _added((d - mean) ** 2) / len(d))

        means, squares = over_blocks(of_block, _cut(x, lanes), _repeated(first, x, lanes))[1]
        n, channels = x.shape[0], x.shape[-1]
        means, squares = (a.reshape(n, -1, channels) for a in (means, squares))
        mean = _mean(means, groups)
        return mean, _mean(squares + (means - _each(mean, x)) ** 2, groups)

    def whole(x: Array, first: Array) -> tuple[Array, Array]:
        d = widened(x) - first
        mean = _mean(_total(d) / x.shape[1], groups)
        return mean, _mean(_total((d - _each(mean, x)) ** 2) / x.shape[1], groups)

    mean, variance = _by_platform(in_blocks, whole, x, first)
    moments = Moments(mean, jax.lax.rsqrt(variance + eps))
    factor = _each(moments.rate, x)
    y = _centred(x, first, moments) * (factor if scale is None else factor * widened(scale))
    y = y if bias is None else y + widened(bias)
    return y.astype(x.dtype), moments


def gradients(
    x: Array, moments: Moments, scale: Array | None, dy: Array
) -> tuple[Array, Array, Array]:
    """dx, and the gradients of scale and bias, (C,) in float32 or wider."""
    groups = moments.rate.shape[-1]
    first = _first(x, groups)

    def in_blocks(
        lanes: Lanes, x: Array, first: Array, moments: Moments, dy: Array
    ) -> tuple[Array, Array]:
        def of_block(
            x: Array, first: Array, mean: Array, dy: Array
        ) -> tuple[None, tuple[Array, Array]]:
            wide = widened(dy)
            return None, (_added(wide * (widened(x) - first - mean)), _added(wide))

        mean = _repeated(_each(moments.mean, x), x, lanes)
        blocks = _cut(x, lanes), _repeated(first, x, lanes), mean, _cut(dy, lanes)
        along, plain = over_blocks(of_block, *blocks)[1]
        shape = x.shape[0], -1, x.shape[-1]
        return along.reshape(shape).sum(1, keepdims=True), plain.reshape(shape).sum(
            1, keepdims=True
        )

    def whole(x: Array, first: Array, moments: Moments, dy: Array) -> tuple[Array, Array]:
        wide = widened(dy)
        along = wide * _centred(x, first, moments)
        return _total(along), _total(wide)

    along, plain = _by_platform(in_blocks, whole, x, first, moments, dy)
    rate = _each(moments.rate, x)
    along, wide = along * rate, widened(dy)
    sums = along.sum((0, 1)), plain.sum((0, 1))
    if scale is not None:
        along, plain, wide = (a * widened(scale) for a in (along, plain, wide))
    number = x.shape[1]
    along, plain = (_each(_mean(a / number, groups), x) for a in (along, plain))
    dx = rate * (wide - plain - _centred(x, first, moments) * (rate * along))
    return dx.astype(x.dtype), *sums


def _by_platform(in_blocks: Any, whole: Any, x: Array, *others: Any) -> Any:
    lanes = _lanes(*x.shape)
    if lanes is None:
        return whole(x, *others)
    on_cpu = functools.partial(in_blocks, lanes)
    return jax.lax.platform_dependent(x, *others, cpu=on_cpu, default=whole)


def _lanes(n: int, places: int, channels: int) -> Lanes | None:
    """How x is cut, None where it is small, or would fall into too small blocks."""
    beside = divisor(places, max(WIDTH // max(channels, 1), 1))
    rows = divisor(places // beside, max(NUMBERS // (beside * channels), 1))
    large = n * places * channels > NUMBERS and rows * beside * channels >= LEAST
    return Lanes(rows, beside) if large else None


def _cut(x: Array, lanes: Lanes) -> Array:
    """x as blocks."""
    return x.reshape(-1, lanes.rows, lanes.beside * x.shape[-1])


def _repeated(each: Array, x: Array, lanes: Lanes) -> Array:
    """What belongs to the channels of an example (N, 1, C), in the lanes of each of its blocks."""
    n, places, channels = x.shape
    blocks = places // (lanes.rows * lanes.beside)
    whole = jnp.broadcast_to(each[:, :, None], (n, blocks, lanes.beside, channels))
    return whole.reshape(n * blocks, lanes.beside * channels)


def _total(x: Array) -> Array:
    """The sum over places, (N, 1, C); XLA's CPU has a kernel for it, but not for (1, P, C)."""
    total: Array = x[0].sum(axis=0)[None, None] if len(x) == 1 else x.sum(axis=1, keepdims=True)
    return total


def _added(block: Array) -> Array:
    """The sum of each column, by a product with ones, which no fusion takes apart."""
    return jnp.ones(len(block), block.dtype) @ block


def _first(x: Array, groups: int) -> Array:
    """The first entry of its group for each channel, (N, 1, C)."""
    return _each(widened(x[:, :1, :: x.shape[-1] // groups]), x)


def _centred(x: Array, first: Array, moments: Moments) -> Array:
    return widened(x) - first - _each(moments.mean, x)


def _mean(x: Array, groups: int) -> Array:
    """The mean of each group of channels and of all places, (N, 1, groups)."""
    n, _, channels = x.shape
    return x.mean(axis=1).reshape(n, 1, groups, channels // groups).mean(axis=-1)


def _each(of_groups: Any, x: Array) -> Array:
    """What belongs to a group, for each of its channels."""
    n, _, groups = of_groups.shape
    width = x.shape[-1] // groups
    if width == 1:
        return of_groups
    return jnp.broadcast_to(of_groups[..., None], (n, 1, groups, width)).reshape(n, 1, -1)
