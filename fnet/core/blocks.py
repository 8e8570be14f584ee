"""Loops over a few images, or bands of one, so that what is made of them stays in the cache."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array
from jax import lax

from fnet.core.windows import Windows

BLOCK = 2**21  # bytes that a step of a loop makes

Step = Callable[..., tuple[Any, Any]]


def is_small(size: int) -> bool:
    """Whether so many bytes need not be made in parts."""
    return size <= 4 * BLOCK


def over_images(step: Step, carry: Any, image_bytes: int, *arrays: Array) -> tuple[Any, Any]:
    """carry, ys = step(carry, *arrays), for as many images at a time as take `BLOCK` bytes."""
    count = arrays[0].shape[0]
    size = _even(count, image_bytes)
    if size >= count:
        return step(carry, *arrays)
    whole = count // size

    def of_images(carry: Any, parts: tuple[Array, ...]) -> tuple[Any, Any]:
        return step(carry, *parts)

    first = tuple(a[: whole * size].reshape(whole, size, *a.shape[1:]) for a in arrays)
    carry, ys = _scan(of_images, carry, first, arrays[0])
    ys = jax.tree.map(lambda y: y.reshape(whole * size, *y.shape[2:]), ys)
    if whole * size == count:
        return carry, ys
    carry, last = step(carry, *(a[whole * size :] for a in arrays))
    return carry, _joined(ys, last, 0)


def over_bands(
    step: Step, carry: Any, image_bytes: int, windows: Windows, x: Array, *arrays: Array
) -> tuple[Any, Any]:
    """The same for bands along the first spatial axis, of images that alone take far more.

    x is padded; a band of it holds what the windows of a band of outputs cover, and `arrays` have
    outputs in place of inputs.
    """
    outputs = (x.shape[1] - windows.spans[0]) // windows.strides[0] + 1
    together = image_bytes * x.shape[0]
    if is_small(together) or outputs == 1:
        return step(carry, x, *arrays)
    size = _even(outputs, math.ceil(together / outputs))
    whole, stride = outputs // size, windows.strides[0]

    def of_band(carry: Any, start: Array, size: int = size) -> tuple[Any, Any]:
        reach = (size - 1) * stride + windows.spans[0]
        band = lax.dynamic_slice_in_dim(x, start * stride, reach, 1)
        return step(carry, band, *(lax.dynamic_slice_in_dim(a, start, size, 1) for a in arrays))

    carry, ys = _scan(of_band, carry, size * jnp.arange(whole), x)

    def in_a_row(y: Array) -> Array:
        y = y.swapaxes(0, 1)
        return y.reshape(y.shape[0], whole * size, *y.shape[3:])

    ys = jax.tree.map(in_a_row, ys)
    if whole * size == outputs:
        return carry, ys
    carry, last = of_band(carry, jnp.array(whole * size), outputs - whole * size)
    return carry, _joined(ys, last, 1)


def _scan(step: Step, carry: Any, xs: Any, x: Array) -> tuple[Any, Any]:
    """`lax.scan`, whose outputs' memory is taken once x is there, and filled by x's first entry.

    XLA's own begins as zeros, which depend on nothing: it makes those of a whole backward pass
    before the first step of the forward pass.
    """

    def one(state: Any, x: Any) -> tuple[Any, None]:
        carry, ys, place = state
        carry, parts = step(carry, x)
        put = functools.partial(lax.dynamic_update_index_in_dim, index=place, axis=0)
        return (carry, jax.tree.map(put, ys, parts), place + 1), None

    times = jax.tree.leaves(xs)[0].shape[0]
    _, parts = jax.eval_shape(step, carry, jax.tree.map(lambda leaf: leaf[0], xs))
    first = x[(0,) * x.ndim]
    ys = jax.tree.map(
        lambda part: jnp.broadcast_to(first.astype(part.dtype), (times, *part.shape)), parts
    )
    carry, ys, _ = lax.scan(one, (carry, ys, jnp.uint32(0)), xs)[0]
    return carry, ys


def divisor(number: int, most: int) -> int:
    """The largest divisor that is not above `most`; 0 for 0."""
    sizes = range(min(most, number), 0, -1)
    return next((size for size in sizes if number % size == 0), number)


def _even(count: int, each: int) -> int:
    """How many at a time: of `BLOCK` bytes together, and, if possible, without a rest."""
    most = min(max(BLOCK // max(each, 1), 1), count)
    size = divisor(count, most)
    return size if size > most // 2 else most


def _joined(first: Any, last: Any, axis: int) -> Any:
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis), first, last)
