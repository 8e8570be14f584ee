"""The gradient of a table of which a batch has seen some rows."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core.products import wide
from fnet.core.trees import wide_integers
from fnet.core.values import made_of


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rows:
    """The gradient of a table (V, D), or its update, which is 0 but for the rows of `ids`.

        g[v] = Σ values     over all places where ids = v

    ids: (M,), from 0 to V, the `size` of the table; V stands for no row. values: (M, D). To an
    optimizer it is one array.

    >>> g = Rows(jnp.array([2, 0, 2, 3]), jnp.ones((4, 1)), 3)
    >>> g.shape, g.dense().tolist()
    ((3, 1), [[1.0], [0.0], [2.0]])
    """

    ids: Array
    values: Array
    size: int = dataclasses.field(metadata={"static": True})

    @classmethod
    def of(cls, ids: Array, dy: Array, size: int, padding: int | None = None) -> "Rows":
        """The gradient of an embedding: of ids (N, ...) and dy (N, ..., D); others count nothing.

        Sums are in float32 or wider.
        """
        ids = wide_integers(ids.ravel())
        counts = (ids >= 0) & (ids < size)
        counts = counts if padding is None else counts & (ids != padding)
        values = dy.reshape(len(ids), -1).astype(wide(dy.dtype))
        return cls(jnp.where(counts, ids, size), values, size)

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.values.shape[1]

    @property
    def ndim(self) -> int:
        return 2

    @property
    def dtype(self) -> Any:
        return self.values.dtype

    def dense(self) -> Array:
        """The gradient of all rows."""
        zeros = jnp.zeros(self.shape, self.dtype)
        return zeros.at[self.ids].add(self.values, mode="drop")

    def merged(self) -> "Rows":
        """Each id once, with its sum; in place of a repetition V, with a sum of 0."""
        ids, size = self.ids, self.size
        places = jnp.arange(len(ids), dtype=jnp.int32)
        first = jnp.full(size + 1, len(ids), jnp.int32).at[ids].min(places)[ids]
        values = jnp.where((ids < size)[:, None], self.values, 0)
        sums = jnp.zeros_like(values).at[first].add(values)
        return Rows(jnp.where(first == places, ids, size), sums, size)


def is_rows(node: Any) -> bool:
    """Whether this is the gradient of some rows."""
    return isinstance(node, Rows)


def dense(tree: ArrayTree) -> ArrayTree:
    """Gradients with an array in place of each `Rows`."""
    return jax.tree.map(lambda g: g.dense() if is_rows(g) else g, tree, is_leaf=is_rows)


def takes_rows(optimizer: Any) -> bool:
    """Whether gradients may be `Rows`: for `by_rows`, and what hands gradients on as they are."""
    construct, *_ = made_of(optimizer)
    return getattr(construct, "__name__", None) in ("by_rows", "by_part", "scheduled")
