"""Layers that only change the shape of an array, and move none of its numbers."""

import math
from collections.abc import Callable

from chex import Array, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.expect import require, require_one_array
from fnet.core.values import constructor


def _reshape(name: str, out_shape_of: Callable[[Shape], Shape]) -> Layer:
    """The layer that changes the shape of every row to out_shape_of(its shape).

    The cache is x[:0], an array of no bytes that has the shape of dx's rows.
    """

    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        require_one_array(name, shape)
        return (), out_shape_of(shape)

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        require(x.ndim > 0, "x is a single number; a layer takes a batch: (N, ...)")
        return x.reshape(x.shape[:1] + out_shape_of(x.shape[1:])), x[:0]

    def backward(params: tuple[()], empty: Array, dy: Array) -> tuple[tuple[()], Array]:
        return (), dy.reshape(dy.shape[:1] + empty.shape[1:])

    return layer(init, forward, backward)


@constructor
def flatten() -> Layer:
    """Every row becomes a vector.

        y  = x as (N, D)               x: (N, d1, ..., dk)   D = d1 ··· dk
        dx = dy as (N, d1, ..., dk)

    Cache: x[:0], an empty array that has the shape of a row.

    >>> import jax.numpy as jnp
    >>> y, cache = flatten().forward((), jnp.zeros((8, 32, 32, 3)))
    >>> y.shape, cache.size, flatten().backward((), cache, y)[1].shape
    ((8, 3072), 0, (8, 32, 32, 3))
    """
    return _reshape("flatten", lambda shape: (math.prod(shape),))


@constructor
def squeeze() -> Layer:
    """A last axis of size one is dropped: (N, 1) predictions become (N,), the shape of targets.

        y  = x as (N, d1, ..., dk)         x: (N, d1, ..., dk, 1)
        dx = dy as (N, d1, ..., dk, 1)

    Cache: x[:0], an empty array that has the shape of a row. Raises ShapeError where the last axis
    is not of size one.

    >>> import jax.numpy as jnp
    >>> squeeze().apply((), jnp.zeros((8, 1))).shape
    (8,)
    """

    def out_shape_of(shape: Shape) -> Shape:
        require(shape[-1:] == (1,), f"squeeze: a row is {shape}; its last axis must be of size 1")
        return shape[:-1]

    return _reshape("squeeze", out_shape_of)
