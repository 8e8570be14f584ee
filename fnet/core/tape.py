"""The memory of a chain between its forward and its backward pass."""

from typing import Any

import jax
from chex import Array, ArrayTree


@jax.tree_util.register_pytree_node_class
class Tape:
    """What the layers of a chain remember, each array once, however many of them remember it.

    An activation's output is the next layer's input: both caches hold the same array, and left
    alone a compiled function would return it twice.
    """

    def __init__(self, arrays: tuple[Array, ...], structure: Any) -> None:
        self.arrays, self.structure = arrays, structure

    @classmethod
    def of(cls, caches: ArrayTree) -> "Tape":
        leaves, tree = jax.tree.flatten(caches)
        arrays = {id(leaf): leaf for leaf in leaves}
        places = {key: place for place, key in enumerate(arrays)}
        return cls(tuple(arrays.values()), (tree, tuple(places[id(leaf)] for leaf in leaves)))

    def caches(self) -> ArrayTree:
        tree, places = self.structure
        return jax.tree.unflatten(tree, [self.arrays[place] for place in places])

    def tree_flatten(self) -> tuple[tuple[Array, ...], Any]:
        return self.arrays, self.structure

    @classmethod
    def tree_unflatten(cls, structure: Any, arrays: tuple[Array, ...]) -> "Tape":
        return cls(arrays, structure)
