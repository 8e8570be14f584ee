"""How the outputs of several layers become one: added, concatenated, or left as a tuple."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require
from fnet.core.trees import is_floating, is_none, is_shape, map_shapes
from fnet.errors import ConfigurationError, ShapeError

JOINS = ("add", "concatenate", None)


class Widths(NamedTuple):
    """The cache of a join: for each output an array of no bytes, which has its shape."""

    empty: tuple[Any, ...]


def require_join(name: str, join: Any) -> None:
    """Raise ConfigurationError unless this is one of `JOINS`."""
    if join not in JOINS:
        raise ConfigurationError(f"{name}: join is {join!r}; it must be one of {JOINS}")


def joined_shape(name: str, join: str | None, shapes: list[Any]) -> Any:
    """The shape of the joined outputs; ShapeError where they do not fit."""
    if join is None:
        return tuple(shapes)

    def join_sizes(*sizes: tuple[int, ...]) -> tuple[int, ...]:
        if join == "add" or sizes[0] == ():
            same, words = set(sizes), "to be added" if join == "add" else "to be one"
        else:
            same = {(len(shape), *shape[:-1]) for shape in sizes}
            words = "but for the last axis"
        if len(same) > 1:
            raise ShapeError(f"{name}: outputs are {list(sizes)}; they must have one shape {words}")
        if join == "add" or sizes[0] == ():
            return sizes[0]
        return (*sizes[0][:-1], sum(shape[-1] for shape in sizes))

    if len({jax.tree.structure(shape, is_leaf=is_shape) for shape in shapes}) > 1:
        raise ShapeError(f"{name}: outputs are {shapes}; they must be of one kind to be joined")
    result: Any = map_shapes(join_sizes, *shapes)
    return result


def joined(join: str | None, outputs: list[Any]) -> tuple[Any, Widths | None]:
    """The joined outputs, and what is needed to split their gradient.

    Integers, one per example (such as its length), are taken from the first output.
    """
    if join is None:
        return tuple(outputs), None

    def join_arrays(*arrays: Array) -> Array:
        first = arrays[0]
        if not is_floating(first):
            require(first.ndim == 1, f"join: an output is {first.dtype}; it must be floating point")
            return first
        if join == "add":
            return sum(arrays[1:], first)
        require(first.ndim > 1, "join: outputs are one number per example: no axis to concatenate")
        return jnp.concatenate(arrays, axis=-1)

    empty = tuple(jax.tree.map(lambda leaf: leaf[:0], outputs)) if join == "concatenate" else ()
    return jax.tree.map(join_arrays, *outputs), Widths(empty)


def parted(join: str | None, widths: Any, dy: Any, number: int) -> list[Any]:
    """The gradient of each output."""
    if join is None:
        return list(dy)
    if join == "add":
        return [dy] * number
    begins = jax.tree.map(lambda leaf: 0, widths.empty[0])
    parts = []
    for empty in widths.empty:

        def part(d: Any, begin: int, like: Array) -> Any:
            return None if d is None else d[..., begin : begin + like.shape[-1]]

        parts.append(jax.tree.map(part, dy, begins, empty, is_leaf=is_none))
        begins = jax.tree.map(lambda begin, like: begin + like.shape[-1], begins, empty)
    return parts
