"""Sums over parts of a large array, on a CPU a block at a time.

A norm of rows reads them several times and computes little, so that it takes as long as memory
does. What it adds up is therefore added in blocks that stay in the processor's cache, by products
with ones, which no fusion takes apart; what is elementwise is left to the compiler. On a GPU, whose
compiler fuses sums with what they are sums of, there is one block, of everything.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.blocks import divisor

NUMBERS = 2**15  # of x in a block: with dy and what is computed, half of a small L2 cache


class Moments(NamedTuple):
    """What a norm caches of each part: its mean, less its first entry, and 1 / s.

    >>> Moments(None, jnp.ones((5, 1))).rate.shape
    (5, 1)
    """

    mean: Array | None
    rate: Array


class Sums(NamedTuple):
    """How a block z (R, D) is summed: rows(z, w) -> (R, 1), by weights (D,); columns(z) -> (D,)."""

    rows: Callable[[Array, Array], Array]
    columns: Callable[[Array], Array]


PLAIN = Sums(lambda z, w: (z * w[None]).sum(axis=1, keepdims=True), lambda z: z.sum(axis=0))
PRODUCTS = Sums(lambda z, w: (z @ w)[:, None], lambda z: jnp.ones(len(z), z.dtype) @ z)


def over_rows(of_block: Callable[..., Any], size: int | None, *arrays: Any) -> tuple[Any, Any]:
    """sums, out = of_block(how to sum, *arrays), on a CPU for `size` rows after the other.

    The sums of blocks are added up, and `out`, of rows, is put together. None for `size` is one
    block of all rows.
    """
    whole = functools.partial(of_block, PLAIN)

    def in_blocks(*arrays: Any) -> tuple[Any, Any]:
        cut = jax.tree.map(lambda a: a.reshape(-1, size, *a.shape[1:]), arrays)
        sums, out = over_blocks(functools.partial(of_block, PRODUCTS), *cut)
        return sums, jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), out)

    if size is None:
        found: tuple[Any, Any] = whole(*arrays)
    else:
        found = jax.lax.platform_dependent(*arrays, cpu=in_blocks, default=whole)
    return found


def over_blocks(of_block: Callable[..., Any], *arrays: Any) -> tuple[Any, Any]:
    """The sum of sums and the stack of outs of sums, out = of_block(*block), for each block.

    Two loops take every other block, since XLA runs loops that do not depend on each other on two
    cores, and the operations of one on one.
    """
    blocks = len(jax.tree.leaves(arrays)[0])
    beside = 2 - blocks % 2
    cut = jax.tree.map(lambda a: a.reshape(-1, beside, *a.shape[1:]), arrays)

    def loop(place: int) -> tuple[Any, Any]:
        def one(sums: Any, each: Any) -> tuple[Any, Any]:
            more, out = of_block(*jax.tree.map(lambda a: a[place], each))
            return jax.tree.map(jnp.add, sums, more), out

        return jax.lax.scan(one, zeros, cut)

    shapes = jax.eval_shape(of_block, *jax.tree.map(lambda a: a[0], arrays))[0]
    zeros = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    sums, outs = zip(*map(loop, range(beside)), strict=True)
    together = jax.tree.map(
        lambda *parts: jnp.stack(parts, 1).reshape(blocks, *parts[0].shape[1:]), *outs
    )
    return functools.reduce(functools.partial(jax.tree.map, jnp.add), sums), together


def block_of(rows: int, width: int) -> int | None:
    """The largest divisor of `rows` that makes a block; None where all rows are no more than one,
    or where the divisor is so small that a loop would cost more than it saves."""
    most = max(NUMBERS // max(width, 1), 1)
    if rows <= most:
        return None
    size = divisor(rows, most)
    return size if 8 * size >= most else None
