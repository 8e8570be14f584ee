"""The memory of a composition between its forward and its backward pass."""

from typing import Any

import jax
from chex import Array, ArrayTree


@jax.tree_util.register_pytree_node_class
class Tape:
    """What the layers of a composition cache, each array once, however many of them cache it.

    An activation's output is the next layer's input: both caches hold the same array, and a
    compiled function would otherwise return it twice. Arrays that will be `known` when the caches
    are read again, such as the input of a loop's body, leave holes and are not stored at all.

    >>> x, y = jax.numpy.ones(2), jax.numpy.zeros(2)
    >>> tape = Tape.of({"affine": x, "relu": y}, known=(x,))
    >>> len(tape.arrays), tape.caches(known=(7 * x,))["affine"].tolist()
    (1, [7.0, 7.0])
    """

    def __init__(self, arrays: tuple[Array, ...], structure: Any) -> None:
        self.arrays, self.structure = arrays, structure

    @classmethod
    def of(cls, caches: ArrayTree, known: ArrayTree = ()) -> "Tape":
        leaves, tree = jax.tree.flatten(caches)
        # Negative places refer to known arrays.
        places = {id(leaf): ~place for place, leaf in enumerate(jax.tree.leaves(known))}
        arrays: list[Array] = []
        for leaf in leaves:
            if id(leaf) not in places:
                places[id(leaf)] = len(arrays)
                arrays.append(leaf)
        return cls(tuple(arrays), (tree, tuple(places[id(leaf)] for leaf in leaves)))

    def caches(self, known: ArrayTree = ()) -> ArrayTree:
        tree, places = self.structure
        holes = jax.tree.leaves(known)
        leaves = [self.arrays[place] if place >= 0 else holes[~place] for place in places]
        return jax.tree.unflatten(tree, leaves)

    def tree_flatten(self) -> tuple[tuple[Array, ...], Any]:
        return self.arrays, self.structure

    @classmethod
    def tree_unflatten(cls, structure: Any, arrays: tuple[Array, ...]) -> "Tape":
        return cls(arrays, structure)
