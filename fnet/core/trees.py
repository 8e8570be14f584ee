"""Pytrees: shapes of inputs, leaves without gradients, and sums, norms and bytes over leaves.

The shape of an input is a tree too, whose leaves are tuples of sizes: (3, 5) for one array,
((3, 5), (7,)) for a pair of them, {"x": (3, 5)} for a dict. The gradient of a leaf that has none
(integers, booleans, keys) is None.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class NonTrainable:
    """Parameters that no gradient reaches: frozen weights, statistics that `observe` updates.

    Their gradient is zero, whatever the forward pass does with them. The arrays must be floating
    point, since optimizers keep moments like every parameter.

    >>> jax.tree.map(lambda leaf: 2 * leaf, NonTrainable(3))
    NonTrainable(value=6)
    """

    value: Any


def is_non_trainable(node: Any) -> bool:
    """Whether this is a part of the parameters that no gradient reaches."""
    return isinstance(node, NonTrainable)


def is_shape(node: Any) -> bool:
    """Whether this is the shape of one array: a tuple of sizes."""
    return isinstance(node, tuple) and all(isinstance(size, int) for size in node)


def map_shapes(function: Callable[..., Any], shapes: Any, *others: Any) -> Any:
    """function(shape) for each array's shape in a tree of shapes."""
    return jax.tree.map(function, shapes, *others, is_leaf=is_shape)


def is_floating(leaf: Any) -> bool:
    """Whether this leaf is differentiated: an array of floating-point numbers."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)


def is_none(leaf: Any) -> bool:
    """Whether this leaf is None, which `jax.tree` would take for an empty tree."""
    return leaf is None


def cast(tree: ArrayTree, dtype: Any) -> ArrayTree:
    """The tree with its floating-point arrays cast to this dtype."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if is_floating(leaf) else leaf, tree)


def add(a: ArrayTree, b: ArrayTree) -> ArrayTree:
    """The sum of two gradients, leaf by leaf: None where both are None."""

    def total(x: Any, y: Any) -> Any:
        if x is None or y is None:
            return y if x is None else x
        return x + y

    return jax.tree.map(total, a, b, is_leaf=is_none)


def gradient_of(x: ArrayTree, dx: ArrayTree) -> ArrayTree:
    """dx, with None for each leaf of x that has no gradient."""
    return jax.tree.map(lambda leaf, d: d if is_floating(leaf) else None, x, dx)


def widened(tree: ArrayTree) -> ArrayTree:
    """The tree with its floating-point arrays in float32 or wider, for sums of many terms."""

    def wide(leaf: Any) -> Any:
        narrow = is_floating(leaf) and leaf.dtype.itemsize < 4
        return leaf.astype(jnp.float32) if narrow else leaf

    return jax.tree.map(wide, tree)


def wide_integers(x: Array) -> Array:
    """Integers of at least 32 bits: 200 classes do not fit int8, nor 256 ids uint8."""
    return x.astype(jnp.int32) if x.dtype.itemsize < 4 else x


def cast_like(tree: ArrayTree, like: ArrayTree) -> ArrayTree:
    """The tree with its arrays cast to the dtypes of `like`; None stays None."""
    return jax.tree.map(
        lambda leaf, other: None if leaf is None else leaf.astype(other.dtype),
        tree,
        like,
        is_leaf=is_none,
    )


def zeros_like(tree: ArrayTree) -> ArrayTree:
    """Zeros for each array."""
    return jax.tree.map(jnp.zeros_like, tree)


def without_gradient(tree: ArrayTree) -> ArrayTree:
    """A gradient with `NonTrainable` parts set to zero."""

    def zeroed(node: Any) -> Any:
        return zeros_like(node) if is_non_trainable(node) else node

    return jax.tree.map(zeroed, tree, is_leaf=is_non_trainable)


def count(tree: ArrayTree) -> int:
    """How many numbers its arrays hold."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def nbytes(tree: ArrayTree) -> int:
    """How many bytes its arrays take; keys count as the numbers they are made of."""

    def size(leaf: Any) -> int:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        numbers: int = math.prod(leaf.shape)
        return numbers * int(leaf.dtype.itemsize)

    return sum(map(size, jax.tree.leaves(tree)))


def all_finite(tree: ArrayTree) -> bool:
    """Whether every number in its arrays is finite; NumPy's stay where they are."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    there = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    here = [leaf for leaf in leaves if not isinstance(leaf, jax.Array)]
    return all(np.isfinite(leaf).all() for leaf in here) and bool(jax.device_get(_finite(there)))


@jax.jit
def _finite(leaves: list[Array]) -> Array:
    return jnp.array([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def largest(tree: ArrayTree) -> float:
    """The largest absolute value among its floating-point numbers; 0 where it has none."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if is_floating(leaf) and leaf.size]
    return max((float(jnp.abs(leaf).max()) for leaf in leaves), default=0.0)


def distance(a: ArrayTree, b: ArrayTree) -> Array:
    """‖a − b‖ over all leaves."""
    squares = jax.tree.map(lambda x, y: jnp.sum((x - y) ** 2), a, b)
    return jnp.sqrt(sum(jax.tree.leaves(squares), jnp.zeros(())))
