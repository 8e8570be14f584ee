"""Arguments split into arrays to differentiate by, other arrays, and constants."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import thresholds
from fnet.core import NonTrainable
from fnet.errors import ConfigurationError


def is_known(leaf: Any) -> bool:
    """Whether this is an array of numbers or keys; anything else is a constant."""
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic):
        return False
    kind = getattr(leaf.dtype, "kind", "")
    return kind not in set("OSUMm") and getattr(leaf.dtype, "names", None) is None


def is_key(leaf: Any) -> bool:
    """Whether this is an array of typed keys, which NumPy cannot hold."""
    return is_known(leaf) and jnp.issubdtype(leaf.dtype, jax.dtypes.extended)


def is_float(leaf: Any) -> bool:
    """Whether this is an array of floating-point numbers."""
    return is_known(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)


def real(array: Any) -> Any:
    """The array; of a complex one whose imaginary part is rounding error, as of a Fourier
    transform, its real part."""
    if not np.iscomplexobj(array):
        return array
    least = thresholds.ROUNDING * thresholds.EPSILON * np.abs(array).max(initial=0)
    return array.real if np.abs(array.imag).max(initial=0) <= least else array


def is_none(leaf: Any) -> bool:
    """Whether this is None, which JAX takes for an empty tree by default."""
    return leaf is None


def of_arrays(
    function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Callable[..., Any], list[Any]]:
    """The function of the arrays alone, other arguments fixed; and the arrays."""
    leaves, tree = jax.tree.flatten(arguments)

    def only(*arrays: Any) -> Any:
        left = iter(arrays)
        full = [next(left) if is_known(leaf) else leaf for leaf in leaves]
        return function(*jax.tree.unflatten(tree, full))

    return only, [leaf for leaf in leaves if is_known(leaf)]


class Same:
    """A key for anything: compared by value if it is hashable, by identity if not."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing
        try:
            self.key: Any = type(thing), hash(thing), thing
        except TypeError:  # unhashable, such as a callable dataclass
            self.key = id(thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and (self.thing is other.thing or self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)


def signature(arguments: tuple[Any, ...]) -> Any:
    """A key equal for arguments of the same structure, shapes, dtypes and constants."""
    leaves, tree = jax.tree.flatten(arguments)
    kinds = [(leaf.shape, leaf.dtype) if is_known(leaf) else Same(leaf) for leaf in leaves]
    return Same(tree), tuple(kinds)


class Layout(NamedTuple):
    """Where the arrays to differentiate by are among the arguments, and their names."""

    tree: Any
    leaves: tuple[Any, ...]
    places: tuple[int, ...]  # of the arrays to differentiate by, among the leaves
    names: tuple[str, ...]  # of these arrays: x, params.w
    called: tuple[str, ...]  # of all leaves
    frozen: tuple[int, ...] = ()  # places of floating-point arrays inside NonTrainable

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
    """The layout of these arguments; raises where there is nothing to differentiate by."""
    for name, argument in zip(names, arguments, strict=True):
        numbers = jax.tree.leaves(argument) if isinstance(argument, list) else []
        if numbers and all(isinstance(number, int | float) for number in numbers):
            raise ConfigurationError(f"{where}: {name} is a list; give np.asarray({name})")
    found, tree = jax.tree_util.tree_flatten_with_path(arguments)
    leaves = tuple(leaf for _, leaf in found)
    floats = [
        place
        for place, (path, leaf) in enumerate(found)
        if is_float(leaf) and names[path[0].idx] not in constants
    ]
    inside = _within_non_trainable(arguments)
    frozen = tuple(place for place in floats if place in inside)
    places = tuple(place for place in floats if place not in inside)
    for path, leaf in found:
        if is_known(leaf) and jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise ConfigurationError(
                f"{where}: {_called(path, names)} is complex; give real arrays"
            )
    if not places:
        but = " outside of NonTrainable" if frozen else ""
        kinds = [kind_of(leaf) for leaf in leaves]
        raise ConfigurationError(
            f"{where}: no argument is a floating-point array{but} (given: "
            f"{', '.join(dict.fromkeys(kinds)) or 'nothing'}); write x.astype(float), or "
            "np.array(2.0) for a number"
        )
    called = tuple(_called(path, names) for path, _ in found)
    return Layout(tree, leaves, places, tuple(called[place] for place in places), called, frozen)


def _within_non_trainable(arguments: tuple[Any, ...]) -> set[int]:
    """The places of leaves inside NonTrainable."""

    def is_frozen(node: Any) -> bool:
        return isinstance(node, NonTrainable)

    places: set[int] = set()
    place = 0
    for node in jax.tree.leaves(arguments, is_leaf=is_frozen):
        size = len(jax.tree.leaves(node))
        places |= set(range(place, place + size)) if is_frozen(node) else set()
        place += size
    return places


def kind_of(leaf: Any) -> str:
    """The dtype of an array, or the type of anything else, for a message."""
    leaf = getattr(leaf, "value", leaf)  # of an array that is held
    return str(getattr(leaf, "dtype", type(leaf).__name__))


def _called(path: Any, names: tuple[str, ...]) -> str:
    return f"{names[path[0].idx]}{jax.tree_util.keystr(path[1:])}"


def in_layout(
    gradients: tuple[Any, ...], form: Layout, places: tuple[int, ...] | None = None
) -> list[Any] | str:
    """The gradients of the arrays to differentiate by, or of those at `places`; None is zero.

    A message instead, where a gradient's tree does not match its argument's.
    """
    arguments = form.rebuild([form.leaves[place] for place in form.places])
    flat: list[Any] = []
    for gradient, argument in zip(gradients, arguments, strict=True):
        leaves = _leaves_of(gradient, argument)
        if leaves is None:
            tree, other = (jax.tree.structure(one) for one in (argument, gradient))
            return f"the gradient's tree is {other}, and must be that of its argument, {tree}"
        flat += leaves
    return [flat[place] for place in (form.places if places is None else places)]


def _leaves_of(gradient: Any, argument: Any) -> list[Any] | None:
    """One per leaf of the argument; None, for a leaf or a subtree, means no gradient."""
    leaves: list[Any] = []

    def place(found: Any, branch: Any) -> None:
        size = len(jax.tree.leaves(branch))
        if found is not None and not (size == 1 and jax.tree.structure(branch) == LEAF):
            raise ValueError
        leaves.extend([found] * size)

    try:
        jax.tree.map(place, gradient, argument, is_leaf=is_none)
    except ValueError:
        # Where there is a None, containers may be of different types: a tuple for a list.
        found = jax.tree.leaves(gradient, is_leaf=is_none)
        like = len(found) == len(jax.tree.leaves(argument)) and any(map(is_none, found))
        return found if like else None
    return leaves


LEAF: Any = jax.tree.structure(0)


def beside(dout: Any, out: Any) -> list[Any]:
    """The cotangent of each leaf of the output; None for one without, such as integers."""
    tree: Any = jax.tree.structure(out)
    return list(tree.flatten_up_to(dout))


def filled(dout: Any, out: Any) -> Any:
    """The cotangent for `jax.vjp`: in the dtypes of out, float0 where dout has None."""
    leaves, tree = jax.tree.flatten(out)
    return jax.tree.unflatten(
        tree,
        [
            np.zeros(np.shape(y), jax.dtypes.float0) if d is None else jnp.asarray(d, y.dtype)
            for d, y in zip(beside(dout, out), leaves, strict=True)
        ],
    )


def cast(floats: Iterable[Any], numpy: bool) -> tuple[Any, ...]:
    """Copies of the floating-point arrays in float64, of NumPy or JAX."""
    new = tuple(np.array(array, np.float64) for array in floats)
    return new if numpy else tuple(map(on_device, new))


def copied(tree: Any) -> Any:
    """Copies of NumPy's arrays, which a function may write to."""
    return jax.tree.map(lambda leaf: np.array(leaf) if isinstance(leaf, np.ndarray) else leaf, tree)


def widened(tree: Any) -> Any:
    """The tree with NumPy's narrow floating-point arrays in float64, in which all is computed."""
    return jax.tree.map(
        lambda leaf: (
            leaf.astype(np.float64)
            if isinstance(leaf, np.ndarray | np.generic) and is_float(leaf)
            else leaf
        ),
        tree,
    )


def constant(leaves: Iterable[Any], numpy: bool) -> tuple[Any, ...]:
    """The leaves, their arrays copied as NumPy's or converted to JAX's."""
    # JAX caches whether a NumPy index had 32 or 64 bits, even from outside of x64.
    make: Any = np.array if numpy else on_device
    return tuple(make(leaf) if is_known(leaf) and not is_key(leaf) else leaf for leaf in leaves)


def on_device(tree: Any) -> Any:
    """The tree with its arrays as JAX's; `jnp.asarray` compiles a program for each new shape."""

    def moved(leaf: Any) -> Any:
        # A copy: JAX may remember an array of NumPy as one of 32 bits, from outside of x64.
        if not is_known(leaf):
            return leaf
        return jax.device_put(np.array(leaf) if isinstance(leaf, np.ndarray) else leaf)

    return jax.tree.map(moved, tree)


def in_numpy(leaf: Any) -> np.ndarray:
    """The leaf as a NumPy array; a key as the numbers it consists of."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
