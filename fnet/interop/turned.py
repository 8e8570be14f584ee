"""How libraries that name arrays by paths lay out those of a layer: parts, turned axes, gates."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Turned(NamedTuple):
    """An array of a layer, and what it is elsewhere: one array for each of the paths.

    They are the parts along its first axis, each reshaped to `view` and its axes turned as in
    `axes`. Where a part is of several gates, theirs are those of ours in the order of `gates`.

    >>> kernel = Turned(("kernel",), (4, 3), (4, 3), (1, 0))
    >>> kernel.shape, kernel.to_theirs(np.zeros((4, 3)))["kernel"].shape
    ((3, 4), (3, 4))
    """

    paths: tuple[str, ...]
    part: tuple[int, ...]  # the shape of a part here
    view: tuple[int, ...]
    axes: tuple[int, ...]
    gates: tuple[int, ...] = (0,)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of each array there."""
        return tuple(self.view[axis] for axis in self.axes)

    def to_theirs(self, array: np.ndarray) -> dict[str, np.ndarray]:
        """New arrays, in memory in the order of their axes."""
        parts = (_exchanged(part, self.gates) for part in np.split(array, len(self.paths)))
        return {
            path: np.array(part.reshape(self.view).transpose(self.axes), order="C")
            for path, part in zip(self.paths, parts, strict=True)
        }

    def to_ours(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The array of the layer, of those by their paths."""
        back, gates = np.argsort(self.axes), tuple(map(int, np.argsort(self.gates)))
        parts = (arrays[path].transpose(back).reshape(self.part) for path in self.paths)
        return np.concatenate([_exchanged(part, gates) for part in parts])


def _exchanged(array: np.ndarray, gates: tuple[int, ...]) -> np.ndarray:
    blocks = np.split(array, len(gates))
    return np.concatenate([blocks[gate] for gate in gates])


def as_it_is(path: str, shape: tuple[int, ...], gates: tuple[int, ...] = (0,)) -> Turned:
    """An array that is the same elsewhere, but for its gates.

    >>> as_it_is("bias", (3,)).shape
    (3,)
    """
    return Turned((path,), shape, shape, tuple(range(len(shape))), gates)


def matrix(path: str, shape: tuple[int, ...], gates: tuple[int, ...] = (0,)) -> Turned:
    """A matrix (out, in), which is (in, out) elsewhere.

    >>> matrix("kernel", (4, 3)).shape
    (3, 4)
    """
    return Turned((path,), shape, shape, (1, 0), gates)


def by_gate(paths: tuple[str, ...], shape: tuple[int, ...]) -> Turned:
    """A matrix or a bias of several gates, which are arrays of their own elsewhere.

    >>> by_gate(("ir/kernel", "iz/kernel", "in/kernel"), (6, 5)).shape
    (5, 2)
    """
    part = (shape[0] // len(paths), *shape[1:])
    return Turned(paths, part, part, tuple(reversed(range(len(part)))))


def of_heads(module: str, shape: tuple[int, ...], heads: int) -> Turned:
    """A matrix (heads d, in), which is (in, heads, d) elsewhere.

    >>> of_heads("query", (4, 3), 2).shape
    (3, 2, 2)
    """
    width, inputs = shape
    return Turned((f"{module}/kernel",), shape, (heads, width // heads, inputs), (2, 0, 1))


def of_joined_heads(module: str, shape: tuple[int, ...], heads: int) -> Turned:
    """A matrix (out, heads d), which is (heads, d, out) elsewhere.

    >>> of_joined_heads("out", (3, 4), 2).shape
    (2, 2, 3)
    """
    out, width = shape
    return Turned((f"{module}/kernel",), shape, (out, heads, width // heads), (1, 2, 0))
