"""The loop of every iteration, within one jit: until there is a reason, or no step is left."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from chex import Array

from fnet.solvers.outcomes import RUNNING

T = TypeVar("T")


def looped(
    step: Callable[[Any], tuple[Any, Array, Array]],
    state: Any,
    row: Array,
    most: int,
    reason: Any = RUNNING,
) -> tuple[Any, Array, Array, Array]:
    """The last state, the reason to end, the steps k done, and the rows: k + 1 of them are filled.

        step(state) -> state, reason, row        at most so often, as long as the reason is RUNNING

    The first row is that of the start.

    >>> def halved(x):
    ...     return x / 2, jnp.where(x < 1, 1, 0), x
    >>> x, reason, k, rows = looped(halved, jnp.array(2.0), jnp.array(9.0), 5)
    >>> float(x), int(reason), int(k), rows.tolist()
    (0.25, 1, 3, [9.0, 2.0, 1.0, 0.5, 0.0, 0.0])
    """

    def going(carry: tuple[Any, Array, Array, Array]) -> Array:
        return (carry[1] == RUNNING) & (carry[2] < most)

    def once(carry: tuple[Any, Array, Array, Array]) -> tuple[Any, Array, Array, Array]:
        state, _, k, rows = carry
        state, reason, row = step(state)
        rows = jax.lax.dynamic_update_index_in_dim(rows, row, k + 1, 0)
        return state, jnp.asarray(reason, jnp.int32), k + 1, rows

    rows = jnp.zeros((most + 1, *row.shape), row.dtype).at[0].set(row)
    begin = (state, jnp.asarray(reason, jnp.int32), jnp.int32(0), rows)
    return repeated(going, once, begin)


def repeated(going: Callable[[T], Array], once: Callable[[T], T], begin: T) -> T:
    """`jax.lax.while_loop`, which carries the scalars of each dtype as one array.

    XLA on a CPU computes each array that a loop carries in a kernel of its own, and copies it; of
    small problems that would be a quarter of the time.

    >>> repeated(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * 2), (jnp.int32(0), jnp.int32(1)))
    (Array(5, dtype=int32), Array(32, dtype=int32))
    """
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, begin))
    places: dict[Any, list[int]] = {}
    for place, leaf in enumerate(leaves):
        if not leaf.ndim and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            places.setdefault(leaf.dtype, []).append(place)
    others = sorted(set(range(len(leaves))) - {k for of in places.values() for k in of})

    def packed(carry: T) -> tuple[list[Array], list[Array]]:
        given = jax.tree.leaves(carry)
        rows = [_row([given[k] for k in of], dtype) for dtype, of in places.items()]
        return rows, [given[k] for k in others]

    def unpacked(carried: tuple[list[Array], list[Array]]) -> T:
        rows, arrays = carried
        found = dict(zip(others, arrays, strict=True))
        for row, of in zip(rows, places.values(), strict=True):
            found |= {place: row[k] for k, place in enumerate(of)}
        back: T = jax.tree.unflatten(tree, [found[k] for k in range(len(leaves))])
        return back

    end = jax.lax.while_loop(
        lambda carried: going(unpacked(carried)),
        lambda carried: packed(once(unpacked(carried))),
        packed(begin),
    )
    return unpacked(end)


def _row(scalars: list[Array], dtype: Any) -> Array:
    """One array of them, by selection: in a concatenation each would have a kernel of its own."""
    row = jnp.zeros(len(scalars), dtype)
    for k, scalar in enumerate(scalars):
        row = jnp.where(jnp.arange(len(scalars)) == k, scalar, row)
    return row
