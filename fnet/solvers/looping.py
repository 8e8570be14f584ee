"""The loop of every iteration, within one jit: until there is a reason, or no step is left."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array

from fnet.solvers.outcomes import RUNNING


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
    end: tuple[Any, Array, Array, Array] = jax.lax.while_loop(going, once, begin)
    return end
