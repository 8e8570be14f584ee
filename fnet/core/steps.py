"""What loops over the steps of sequences share: who has a step, and the states before each."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core.broadcasting import rows


def alive(lengths: Array | None, t: Array, tree: ArrayTree, other: ArrayTree | None = None) -> Any:
    """The rows whose sequence has a step t; elsewhere those of `other`, or zeros.

    >>> alive(jnp.array([3, 1]), jnp.array(2), jnp.ones(2)).tolist()
    [1.0, 0.0]
    """
    if lengths is None:
        return tree
    has_step = t < lengths.astype(t.dtype)  # which may be narrow: t need not fit int8

    def chosen(leaf: Array, instead: Any = 0) -> Array:
        return jnp.where(rows(has_step, leaf), leaf, instead)

    return jax.tree.map(chosen, tree) if other is None else jax.tree.map(chosen, tree, other)


def states_before(begin: ArrayTree, states: ArrayTree, reverse: bool) -> Any:
    """The states before each step, of those after each (T, N, ...), and the first (N, ...).

    >>> states_before(jnp.zeros(1), jnp.array([[1.0], [2.0]]), reverse=False).tolist()
    [[0.0], [1.0]]
    >>> states_before(jnp.zeros(1), jnp.array([[2.0], [1.0]]), reverse=True).tolist()
    [[1.0], [0.0]]
    """

    def shifted(first: Array, after: Array) -> Array:
        joined = (after[1:], first[None]) if reverse else (first[None], after[:-1])
        return jnp.concatenate(joined)[: len(after)]  # of no steps, none

    return jax.tree.map(shifted, begin, states)
