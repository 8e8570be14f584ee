"""Sequences of vectors, which attention, positions and recurrent layers take."""

from typing import Any

from fnet.core.expect import require, require_floating
from fnet.core.trees import is_shape


def require_sequence(name: str, shape: Any) -> None:
    """Raise ShapeError unless this is the shape of a sequence of vectors."""
    require(
        is_shape(tuple(shape)) and len(shape) == 2,
        f"{name}: an example is {shape}; it must be (T, D), a sequence of vectors",
    )


def require_sequences(name: str, x: Any) -> None:
    """Raise ShapeError unless x is a batch of them."""
    require_floating(f"{name}: x", x)
    require(
        x.ndim == 3,
        f"{name}: x is {x.shape}; it must be (N, T, D), a batch of sequences of vectors",
    )
