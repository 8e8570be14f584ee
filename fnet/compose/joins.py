"""How the outputs of several layers become one: added, concatenated, or as they are."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require
from fnet.core.trees import is_floating, is_none, is_shape, map_shapes
from fnet.errors import ConfigurationError, ShapeError

JOINS = ("add", "concatenate", None)


class Widths(NamedTuple):
    """The cache of a join: of each output an array of no bytes, which has its shape."""

    empty: tuple[Any, ...]


def require_join(name: str, join: Any) -> None:
    """Raise ConfigurationError unless this is one of `JOINS`."""
    if join not in JOINS:
        raise ConfigurationError(f"{name}: join is {join!r}, and not one of {JOINS}")


def joined_shape(name: str, join: str | None, shapes: list[Any]) -> Any:
    """The shape of the joined outputs; ShapeError where they do not fit."""
    if join is None:
        return tuple(shapes)

    def one(*each: tuple[int, ...]) -> tuple[int, ...]:
        if join == "add" or each[0] == ():
            same, words = set(each), "to be added"
        else:
            same, words = {(*shape[:-1], 0) for shape in each}, "but for the last axis"
        if len(same) > 1:
            raise ShapeError(f"{name}: outputs are {list(each)}; they must have one shape {words}")
        if join == "add" or each[0] == ():
            return each[0]
        return (*each[0][:-1], sum(shape[-1] for shape in each))

    if len({jax.tree.structure(shape, is_leaf=is_shape) for shape in shapes}) > 1:
        raise ShapeError(f"{name}: outputs are {shapes}; they must be of one kind to be joined")
    joined: Any = map_shapes(one, *shapes)
    return joined


def joined(join: str | None, outputs: list[Any]) -> tuple[Any, Widths | None]:
    """The outputs as one, and what is needed to part a gradient again.

    One integer per example, such as its length, is taken from the first output.
    """
    if join is None:
        return tuple(outputs), None

    def one(*each: Array) -> Array:
        if not is_floating(each[0]):
            require(each[0].ndim == 1, f"join: an output is {each[0].dtype}; join numbers alone")
            return each[0]
        by_axis = join == "add" or each[0].ndim > 1
        require(by_axis, "join: outputs are one number an example, with no axis to concatenate")
        return jnp.concatenate(each, axis=-1) if join == "concatenate" else sum(each[1:], each[0])

    empty = tuple(jax.tree.map(lambda leaf: leaf[:0], outputs)) if join == "concatenate" else ()
    return jax.tree.map(one, *outputs), Widths(empty)


def parted(join: str | None, widths: Any, dy: Any, number: int) -> list[Any]:
    """The gradient of each output."""
    if join is None:
        return list(dy)
    if join == "add":
        return [dy] * number
    begins = jax.tree.map(lambda leaf: 0, widths.empty[0])
    each = []
    for empty in widths.empty:

        def one(d: Any, begin: int, like: Array) -> Any:
            return None if d is None else d[..., begin : begin + like.shape[-1]]

        each.append(jax.tree.map(one, dy, begins, empty, is_leaf=is_none))
        begins = jax.tree.map(lambda begin, like: begin + like.shape[-1], begins, empty)
    return each
