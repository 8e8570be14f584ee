"""Sums over parts of a large array, on a CPU a block at a time.

A norm reads its input several times and computes little, so that it takes as long as memory does.
What it adds up is therefore added in blocks that stay in the processor's cache, by products with
ones, which no fusion takes apart; what is elementwise is left to the compiler. On a GPU, whose
compiler fuses sums with what they are sums of, there is one block, of everything.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

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


PLAIN = Sums(lambda z, w: (z * w).sum(axis=1, keepdims=True), lambda z: z.sum(axis=0))
PRODUCTS = Sums(lambda z, w: (z @ w)[:, None], lambda z: jnp.ones(len(z), z.dtype) @ z)


def over_blocks(
    of_block: Callable[..., Any], carry: Any, size: int | None, *arrays: Any
) -> tuple[Any, Any]:
    """carry, out = of_block(sums, carry, *arrays), on a CPU for `size` rows after the other.

    `out` is put together; None for `size` is one block of all rows.
    """

    def whole(carry: Any, *arrays: Any) -> Any:
        return of_block(PLAIN, carry, *arrays)

    def in_blocks(carry: Any, *arrays: Any) -> Any:
        def one(carry: Any, each: Any) -> Any:
            return of_block(PRODUCTS, carry, *each)

        cut = jax.tree.map(lambda a: a.reshape(-1, size, *a.shape[1:]), arrays)
        carry, out = jax.lax.scan(one, carry, cut)
        return carry, jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), out)

    if size is None:
        found: tuple[Any, Any] = whole(carry, *arrays)
    else:
        found = jax.lax.platform_dependent(carry, *arrays, cpu=in_blocks, default=whole)
    return found


def block_of(rows: int, width: int) -> int | None:
    """The largest divisor of `rows` that makes a block; None where all rows are no more than one,
    or where the divisor is so small that a loop would cost more than it saves."""
    most = max(NUMBERS // max(width, 1), 1)
    if rows <= most:
        return None
    size = divisor(rows, most)
    return size if 8 * size >= most else None


def divisor(number: int, most: int) -> int:
    """The largest divisor that is not above `most`."""
    return next(size for size in range(min(most, number), 0, -1) if number % size == 0)
