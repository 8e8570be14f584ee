"""Arguments taken apart: the arrays that are differentiated, the other arrays, and constants."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.errors import ConfigurationError


def is_known(leaf: Any) -> bool:
    """Whether this is an array; Python's own numbers and all else are constants."""
    return isinstance(leaf, jax.Array | np.ndarray | np.generic)


def is_float(leaf: Any) -> bool:
    """Whether this is an array of floating-point numbers."""
    return is_known(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)


def is_none(leaf: Any) -> bool:
    """Whether this is None, which JAX takes for an empty tree unless it is told."""
    return leaf is None


def of_arrays(
    function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Callable[..., Any], list[Any]]:
    """The function of the arrays alone, other arguments left as they are; and these arrays."""
    leaves, tree = jax.tree.flatten(arguments)

    def only(*arrays: Any) -> Any:
        left = iter(arrays)
        full = [next(left) if is_known(leaf) else leaf for leaf in leaves]
        return function(*jax.tree.unflatten(tree, full))

    return only, [leaf for leaf in leaves if is_known(leaf)]


class Signature:
    """Arguments that are equal to others of the same structure, shapes, dtypes and constants."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments
        leaves, tree = jax.tree.flatten(arguments)
        kinds = [(leaf.shape, leaf.dtype) if is_known(leaf) else _hashable(leaf) for leaf in leaves]
        self.key = (tree, tuple(kinds))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signature) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _hashable(leaf: Any) -> Any:
    return leaf if isinstance(leaf, Hashable) else id(leaf)


class Layout(NamedTuple):
    """Where in some arguments the arrays to differentiate by stand, and what they are called."""

    tree: Any
    leaves: tuple[Any, ...]
    places: tuple[int, ...]  # among the leaves, of the arrays that are differentiated
    names: tuple[str, ...]  # of these: x, params.w
    called: tuple[str, ...]  # of all leaves

    def rebuild(
        self, floats: Iterable[Any], leaves: Iterable[Any] | None = None
    ) -> tuple[Any, ...]:
        """The arguments with these arrays in their places."""
        full = list(self.leaves if leaves is None else leaves)
        for place, leaf in zip(self.places, floats, strict=True):
            full[place] = leaf
        return tuple(jax.tree.unflatten(self.tree, full))


def layout(
    arguments: tuple[Any, ...], names: tuple[str, ...], where: str, constants: tuple[str, ...] = ()
) -> Layout:
    """The layout of these arguments; raises where nothing is to be differentiated."""
    for name, argument in zip(names, arguments, strict=True):
        numbers = jax.tree.leaves(argument) if isinstance(argument, list) else []
        if numbers and all(isinstance(number, int | float) for number in numbers):
            raise ConfigurationError(f"{where}: {name} is a list; give np.asarray({name})")
    found, tree = jax.tree_util.tree_flatten_with_path(arguments)
    leaves = tuple(leaf for _, leaf in found)
    places = tuple(
        place
        for place, (path, leaf) in enumerate(found)
        if is_float(leaf) and names[path[0].idx] not in constants
    )
    for path, leaf in found:
        if is_known(leaf) and jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise ConfigurationError(
                f"{where}: {_called(path, names)} is complex; give real arrays"
            )
    if not places:
        kinds = [str(leaf.dtype) if is_known(leaf) else type(leaf).__name__ for leaf in leaves]
        raise ConfigurationError(
            f"{where}: no argument is a floating-point array (given: "
            f"{', '.join(dict.fromkeys(kinds)) or 'nothing'}); write x.astype(float), or "
            "np.array(2.0) for a number to differentiate by"
        )
    called = tuple(_called(path, names) for path, _ in found)
    return Layout(tree, leaves, places, tuple(called[place] for place in places), called)


def _called(path: Any, names: tuple[str, ...]) -> str:
    return f"{names[path[0].idx]}{jax.tree_util.keystr(path[1:])}"


def in_layout(gradients: tuple[Any, ...], form: Layout) -> list[Any] | str:
    """The gradients of the floating-point arrays, None for zero; or what is wrong with them."""
    arguments = form.rebuild([form.leaves[place] for place in form.places])
    flat: list[Any] = []
    for gradient, argument in zip(gradients, arguments, strict=True):
        tree: Any = jax.tree.structure(argument)
        if gradient is None:
            flat += [None] * tree.num_leaves
            continue
        found, other = jax.tree.flatten(gradient, is_leaf=is_none)
        complete = all(leaf is not None for leaf in found)
        if len(found) != tree.num_leaves or (complete and tree != other):
            return f"the gradient's tree is {other}, and must be that of its argument, {tree}"
        flat += found
    return [flat[place] for place in form.places]


def filled(dout: Any, out: Any) -> Any:
    """The cotangent that `jax.vjp` wants: of out's dtypes, float0 where dout has None."""
    leaves, tree = jax.tree.flatten(out)
    given = jax.tree.leaves(dout, is_leaf=is_none)
    return jax.tree.unflatten(
        tree,
        [
            np.zeros(np.shape(y), jax.dtypes.float0) if d is None else jnp.asarray(d, y.dtype)
            for d, y in zip(given, leaves, strict=True)
        ],
    )


def cast(floats: Iterable[Any], dtype: Any, numpy: bool) -> tuple[Any, ...]:
    """The floating-point arrays in this dtype, new ones, of NumPy or of JAX."""
    make: Any = np.array if numpy else jnp.array
    return tuple(make(array, dtype) for array in floats)


def copied(tree: Any) -> Any:
    """The same arrays in other memory: what a function may write to."""
    return jax.tree.map(lambda leaf: np.array(leaf) if isinstance(leaf, np.ndarray) else leaf, tree)


def constant(leaves: Iterable[Any], numpy: bool) -> tuple[Any, ...]:
    """The leaves, their arrays of NumPy, new ones, or of JAX."""
    # JAX remembers of an index that is NumPy's whether it had 32 or 64 bits, from outside of x64.
    make: Any = np.array if numpy else jnp.asarray
    return tuple(make(leaf) if _plain(leaf) else leaf for leaf in leaves)


def _plain(leaf: Any) -> bool:
    return is_known(leaf) and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)
