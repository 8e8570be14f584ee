"""What windows see, and the way back from windows to the entries that they have seen.

The entries of an axis are cut into blocks as long as the stride. An entry in block b, at r from its
beginning, is seen by the windows b, b − 1, ..., where it is number r, r + s, ... as long as that is
less than the window's size. So what is spread from windows is a few shifted copies of them, one
loop without scatter or dilation.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core.patches import shifted, surrounded
from fnet.core.trees import widened
from fnet.core.windows import Windows

NOWHERE = -1  # as a number of an entry that is beyond the window
ONE_BYTE = 255  # entries of a window that one byte can number, beside NOWHERE
LONG = 64  # entries of a window along an axis from which on they are taken in a loop


def along(windows: Windows, axis: int, sizes: tuple[int, ...]) -> Windows:
    """The windows along one axis of an array of these sizes; single entries along the others."""

    def alone(values: tuple[Any, ...], other: Any) -> tuple[Any, ...]:
        return tuple(v if a == axis else other for a, v in enumerate(values))

    return Windows(
        tuple(windows.inputs[a] if a == axis else size for a, size in enumerate(sizes)),
        alone(windows.sizes, 1),
        alone(windows.strides, 1),
        alone(windows.dilations, 1),
        alone(windows.padding, (0, 0)),
    )


def spread(term: Callable[..., Array], windows: Windows, dy: Array, *others: Array) -> Array:
    """Σ over the windows that see an entry of term(k, dy, *others), where k is its number there.

    dy and others: (N, o1, ..., or, C), one per window; the result (N, d1, ..., dr, C). k is an
    array of numbers in row-major order, NOWHERE where the window does not see the entry, which
    broadcasts against dy. Narrow floats are added in float32.
    """
    reach = [-(-k // s) for k, s in zip(windows.sizes, windows.strides, strict=True)]
    starts = [before for before, _ in windows.padding]
    blocks = [
        -(-(n + before) // s)
        for n, before, s in zip(windows.inputs, starts, windows.strides, strict=True)
    ]
    backs = list(itertools.product(*map(range, reach)))
    arrays = [_around(array, reach, blocks) for array in (dy, *others)]
    total: Any = 0
    for back in backs:
        seen = [_shifted(array, reach, blocks, back) for array in arrays]
        part = term(_numbers(windows, back), *seen)
        total = part if len(backs) == 1 else total + widened(part)
    sizes = [b * s for b, s in zip(blocks, windows.strides, strict=True)]
    total = jnp.broadcast_to(total, _cut(dy.shape, blocks, windows.strides))
    whole = total.reshape(dy.shape[0], *sizes, dy.shape[-1]).astype(dy.dtype)
    ends = [before + n for before, n in zip(starts, windows.inputs, strict=True)]
    return jax.lax.slice(whole, (0, *starts, 0), (dy.shape[0], *ends, dy.shape[-1]))


def _around(array: Array, reach: list[int], blocks: list[int]) -> Array:
    """The array with zeros for the windows that would begin before the first or after the last."""
    pairs = [(r - 1, b - o, 0) for r, b, o in zip(reach, blocks, array.shape[1:-1], strict=True)]
    if not any(map(any, pairs)):
        return array
    return jax.lax.pad(array, jnp.zeros((), array.dtype), [(0, 0, 0), *pairs, (0, 0, 0)])


def _shifted(array: Array, reach: list[int], blocks: list[int], back: tuple[int, ...]) -> Array:
    """For each block the window that begins so many blocks earlier, (N, b1, 1, ..., br, 1, C)."""
    starts = [r - 1 - a for r, a in zip(reach, back, strict=True)]
    ends = [start + b for start, b in zip(starts, blocks, strict=True)]
    n, c = array.shape[0], array.shape[-1]
    seen = jax.lax.slice(array, (0, *starts, 0), (n, *ends, c))
    return seen.reshape(_cut(array.shape, blocks, (1,) * len(blocks)))


def _cut(shape: tuple[int, ...], blocks: list[int], rests: tuple[int, ...]) -> tuple[int, ...]:
    """(N, b1, r1, ..., br, rr, C)"""
    pairs = zip(blocks, rests, strict=True)
    return (shape[0], *itertools.chain.from_iterable(pairs), shape[-1])


def _numbers(windows: Windows, back: tuple[int, ...]) -> np.ndarray:
    """The numbers of a block's entries in the window that begins so many blocks earlier."""
    rank = len(back)
    numbers, inside = np.zeros((), int), np.ones((), bool)
    for axis, (a, k, s) in enumerate(zip(back, windows.sizes, windows.strides, strict=True)):
        shape = [1] * (2 * rank + 2)
        shape[2 * axis + 2] = s
        offset = (np.arange(s) + a * s).reshape(shape)
        numbers, inside = numbers * k + offset, inside & (offset < k)
    return np.where(inside, numbers, NOWHERE)


@functools.partial(jax.jit, static_argnames="windows")
def first_maximum(x: Array, windows: Windows) -> tuple[Array, Array]:
    """The maximum of each window, and its number in the window: the first, in row-major order.

    The maxima of rows first, and then the maximum of these: k₁ + k₂ comparisons and not k₁ k₂. What
    is in the padding is −inf and takes no part: a window of nothing but −inf has its first maximum
    at its first entry that is in the input.
    """
    dtype = jnp.uint8 if windows.taps <= ONE_BYTE else jnp.int32
    best, taps = surrounded(x, windows, -jnp.inf), 1
    at = jnp.zeros(best.shape, dtype)
    for axis, seen in reversed(list(enumerate(inside(windows)))):
        own = along(windows, axis, best.shape[1:-1])
        begins = seen.argmax(1).reshape(*(1,) * (1 + axis), -1, *(1,) * (x.ndim - 2 - axis))
        best, at = _first_along(best, at, own, axis, begins, taps)
        taps *= windows.sizes[axis]
    return best, at


def _first_along(
    x: Array, at: Array, windows: Windows, axis: int, begins: np.ndarray, taps: int
) -> tuple[Array, Array]:
    """The same along one axis, where x are maxima that are number `at` of `taps`."""

    def later(number: Any, found: tuple[Array, Array], x: Array, at: Array) -> tuple[Array, Array]:
        best, place = found
        stays = (x <= best) | (best != best)  # a NaN is larger than every number
        if begins.any():
            stays &= begins != number
        here = at + jnp.asarray(number * taps, at.dtype)
        return jnp.where(stays, best, x), jnp.where(stays, place, here)

    size = windows.sizes[axis]
    first = next(shifted(x, windows)), next(shifted(at, windows))
    if size <= LONG:
        for number, pair in enumerate(zip(shifted(x, windows), shifted(at, windows), strict=True)):
            first = later(number, first, *pair) if number else first
        return first

    def step(number: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        reach = (windows.outputs[axis] - 1) * windows.strides[axis] + 1
        steps = [windows.strides[axis] if a == axis + 1 else 1 for a in range(x.ndim)]
        seen = (jax.lax.dynamic_slice_in_dim(a, number, reach, axis + 1) for a in (x, at))
        return later(number, found, *(jax.lax.slice(a, [0] * x.ndim, a.shape, steps) for a in seen))

    found: tuple[Array, Array] = jax.lax.fori_loop(1, size, step, first)
    return found


def inside(windows: Windows, margins: Any = None) -> Iterator[np.ndarray]:
    """For each axis, whether entry k of window o is in the input, or in these margins of it."""
    margins = margins or ((0, 0),) * len(windows.inputs)
    axes = zip(*windows[:3], windows.outputs, windows.padding, margins, strict=True)
    for n, k, s, o, (before, _), (low, high) in axes:
        places = np.arange(o)[:, None] * s + np.arange(k) - before
        yield (places >= -low) & (places < n + high)
