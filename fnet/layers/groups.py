"""The moments of groups of channels, and y and dx of a norm that normalises them.

x (N, P, C): the P places of an example, and C channels in groups of neighbours, each example by
itself or all of them `across`. A group is shifted by its first entry before anything is added, as
rows are in `rows`, and all sums are in float32 or wider.

On a CPU XLA adds entry by entry at the full speed of the memory, and sums at a third of it; so
neighbours are added first. Of few channels or places the sum is XLA's, and stands behind a barrier:
a sum of a product is all that XLA should fuse. It has a kernel for that, while one with more in it,
or in which y or dx begin, takes up to ten times as long. For the same reason the mean is subtracted
as one number, t, and what that loses is added to the sums, which know it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import afresh, columns
from fnet.core.across import all_rows, of_first, over_all
from fnet.core.blocks import divisor
from fnet.core.trees import widened
from fnet.layers.sums import Moments

NEIGHBOURS = 8  # places that are added entry by entry


class Centre(NamedTuple):
    """The mean of each channel's group: t as it is rounded, and what is left of it."""

    t: Array
    rest: Array


def normalized(
    x: Array, scale: Array | None, bias: Array | None, groups: int, eps: float, across: bool = False
) -> tuple[Array, Moments]:
    """y = (x − μ) / s · scale + bias, and the moments (N, 1, groups), or (1, 1, groups)."""
    shape, x = x.shape, _without_batch_of_one(x)
    first = _first(x, groups, across)
    mean = _mean(_total(lambda x: widened(x) - first, across, x), groups, x, across)
    t, rest = _centre(first, mean, x)
    square = _mean(_total(lambda x: (widened(x) - t) ** 2, across, x), groups, x, across)
    variance = square - rest[..., :: _width(groups, x)] ** 2
    rate = jax.lax.rsqrt(variance + eps)
    factor = _each(rate, x)
    factor = factor if scale is None else factor * columns(widened(scale), x)
    y = (widened(x) - t - rest) * jax.lax.optimization_barrier(factor)
    y = y if bias is None else y + columns(widened(bias), y)
    moments = Moments(*(m.reshape(-1, 1, groups) for m in (mean, rate)))
    return y.astype(x.dtype).reshape(shape), moments


def gradients(
    x: Array, moments: Moments, scale: Array | None, dy: Array, across: bool = False
) -> tuple[Array, Array, Array]:
    """dx, and the gradients of scale and bias, (C,) in float32 or wider."""
    # Otherwise XLA would keep the x − t of the forward pass.
    (x, moments), dy = afresh((x, moments), dy)
    shape, groups = x.shape, moments.rate.shape[-1]
    given = (x, dy, *moments)
    x, dy, mean, rate = jax.tree.map(lambda a: a[0], given) if len(x) == 1 else given
    wide, rate = widened(dy), _each(rate, x)
    t, rest = _centre(_first(x, groups, across), mean, x)
    plain = _total(widened, across, dy, own=True)
    along = _total(lambda x, dy: widened(dy) * (widened(x) - t), across, x, dy, own=True)
    along = (along - rest * plain) * rate
    axes = tuple(range(x.ndim - 1))
    sums = along.sum(axes), plain.sum(axes)
    along, plain = over_all((along, plain)) if across else (along, plain)
    if scale is not None:
        scale = columns(widened(scale), x)
        along, plain = along * scale, plain * scale
    along, plain = (rate * _each(_mean(a, groups, x, across), x) for a in (along, plain))
    factor, along = rate if scale is None else rate * scale, rate * along
    factor, along, plain = jax.lax.optimization_barrier((factor, along, plain - rest * along))
    dx = wide * factor - (widened(x) - t) * along - plain
    return dx.astype(x.dtype).reshape(shape), *sums


def _without_batch_of_one(x: Array) -> Array:
    """(P, C) for (1, P, C), whose sums XLA's CPU does not hand to its kernel."""
    return x[0] if x.shape[0] == 1 else x


def _total(term: Callable[..., Array], across: bool, *arrays: Array, own: bool = False) -> Array:
    """The sum of terms over places, alone, and then over examples if `across` them, or those of its
    `own` that a device has."""

    def whole(*arrays: Array) -> Array:
        return term(*arrays).sum(axis=-2, keepdims=True)

    found = jax.lax.platform_dependent(*arrays, cpu=functools.partial(_folded, term), default=whole)
    total: Array = jax.lax.optimization_barrier(found)
    total = total.sum(axis=0, keepdims=True) if across and arrays[0].ndim == 3 else total
    return over_all(total) if across and not own else total


def _folded(term: Callable[..., Array], *arrays: Array) -> Array:
    """The sum over places: of neighbours entry by entry, and of what is left by a product.

    The product has two equal rows, since XLA makes a sum of one row, and adds what is folded to it.
    """
    *examples, places, channels = arrays[0].shape
    neighbours = divisor(places, NEIGHBOURS) if channels >= NEIGHBOURS else 1
    if neighbours == 1:
        return term(*arrays).sum(axis=-2, keepdims=True)
    sizes = (*examples, places // neighbours, neighbours, channels)
    cut = [a.reshape(sizes) for a in arrays]
    terms = (term(*(a[..., place, :] for a in cut)) for place in range(neighbours))
    folded = functools.reduce(jnp.add, terms)
    rows = jnp.ones((*examples, 2, folded.shape[-2]), folded.dtype)
    return jnp.matmul(rows, folded)[..., :1, :]


def _first(x: Array, groups: int, across: bool) -> Array:
    """The first entry of its group for each channel, (N, 1, C)."""
    examples = x[:1] if across and x.ndim == 3 else x
    first = _each(widened(examples[..., :1, :: _width(groups, x)]), x)
    alone: Array = jax.lax.optimization_barrier(of_first(first) if across else first)
    return alone


def _centre(first: Array, mean: Array, x: Array) -> Centre:
    each = _each(mean, x)
    t = jax.lax.optimization_barrier(first + each)
    return Centre(t, (first - t) + each)


def _mean(totals: Array, groups: int, x: Array, across: bool) -> Array:
    """The mean of each group, (N, 1, groups), from the totals of its channels."""
    width = _width(groups, x)
    each = totals.reshape(*totals.shape[:-1], groups, width).sum(axis=-1)
    count = x.shape[-2] * width * (x.shape[0] if across and x.ndim == 3 else 1)
    return each / (all_rows(count) if across else count)


def _width(groups: int, x: Array) -> int:
    """How many channels a group has."""
    return int(x.shape[-1] // groups)


def _each(of_groups: Any, x: Array) -> Array:
    """What belongs to a group, for each of its channels."""
    width = _width(of_groups.shape[-1], x)
    if width == 1:
        return of_groups
    each = jnp.broadcast_to(of_groups[..., None], (*of_groups.shape, width))
    return each.reshape(*of_groups.shape[:-1], x.shape[-1])
