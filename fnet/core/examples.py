"""How an example of a public constructor is written, and what it takes.

Each package says it once, beside its public names: `EXAMPLES` maps the text of a call to the shape
of one example, or to a tree of shapes, with `ints` or `uniform` for inputs of a restricted range.
Laws, `fnet check`, `fnet bench`, `summary` and the reference read it.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.core.trees import is_shape


class Ints(NamedTuple):
    """Integers of this shape, at least 0 and less than `below`.

    >>> ints(5, below=11)
    Ints(shape=(5,), below=11)
    """

    shape: tuple[int, ...]
    below: int


class Uniform(NamedTuple):
    """Numbers of this shape between 0 and 1, such as probabilities.

    >>> uniform(3)
    Uniform(shape=(3,))
    """

    shape: tuple[int, ...]


def uniform(*shape: int) -> Uniform:
    """An input of probabilities: `uniform(3, 5)`.

    >>> bool((drawn(uniform(5), batch=2) < 1).all())
    True
    """
    return Uniform(shape)


def ints(*shape: int, below: int) -> Ints:
    """An input of integers: `ints(5, below=11)`.

    >>> drawn(ints(5, below=3), batch=2).shape
    (2, 5)
    """
    return Ints(shape, below)


def is_input(node: Any) -> bool:
    """Whether this describes one array of an input."""
    return isinstance(node, Ints | Uniform) or is_shape(node)


def shapes_of(takes: Any) -> Any:
    """The tree of shapes to pass to `init`.

    >>> shapes_of(((7,), ints(5, below=11)))
    ((7,), (5,))
    """
    return jax.tree.map(lambda node: getattr(node, "shape", node), takes, is_leaf=is_input)


def drawn(takes: Any, batch: int, seed: int = 0) -> Any:
    """A batch of such inputs as NumPy arrays, N(0, 1) where the range is not restricted.

    >>> [array.dtype.name for array in drawn(((7,), ints(5, below=11)), batch=2)]
    ['float64', 'int32']
    """
    rng = np.random.default_rng(seed)

    def draw(kind: Any) -> np.ndarray:
        if isinstance(kind, Ints):
            return rng.integers(0, kind.below, (batch, *kind.shape)).astype(np.int32)
        if isinstance(kind, Uniform):
            return rng.uniform(0.05, 0.95, (batch, *kind.shape))
        return rng.normal(size=(batch, *kind))

    return jax.tree.map(draw, takes, is_leaf=is_input)
