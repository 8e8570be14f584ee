"""A learned vector for each id of a vocabulary."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, by_itself, layer, rows
from fnet.core.expect import (
    check_range,
    require,
    require_array,
    require_key_and_shape,
    require_whole,
)
from fnet.core.products import wide
from fnet.core.trees import is_shape, wide_integers
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.initializers import Initializer, normal, require_initializer

STANDARD = normal(1.0)


class Embedding(NamedTuple):
    """The parameters of `embedding`, and their gradients: w (V, D).

    >>> import jax
    >>> embedding(5, 3).init(jax.random.key(0), (7,))[0].w.shape
    (5, 3)
    """

    w: Array


@constructor
def embedding(
    vocabulary: int, width: int, padding: int | None = None, w_init: Initializer = STANDARD
) -> Layer:
    """The row of a table that each id stands for.

        y  = w[x]                            x: (N, ...) ids   w: (V, D)   y: (N, ..., D)
        dw[v] = Σ dy     over all places where x = v

    V is `vocabulary`, D `width`; ids are integers from 0 to V − 1 and have no gradient, dx = None.
    The id `padding` is 0 in y and adds nothing to dw. dw is added up in float32 or wider: an id
    that occurs 5,000 times has 5,000 terms, where bfloat16 would stop at 256. An id out of range
    raises DataError; inside a compiled function, which cannot raise, its y is NaN.

    A table that is the output's weight too, as `affine(V, bias=False, axes=1)` has it, is written
    with `tied`. Cache: x. Raises ShapeError where x is not of integers.
    Source: Bengio et al. (2003), A Neural Probabilistic Language Model.

    >>> from fnet.layers.embedding import Embedding
    >>> params, ids = Embedding(jnp.array([[1.0, 2.0], [3.0, 4.0]])), jnp.array([[1, 0, 1]])
    >>> y, cache = embedding(2, 2).forward(params, ids)
    >>> y.tolist(), embedding(2, 2).backward(params, cache, y)[0].w.tolist()
    ([[[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]], [[1.0, 2.0], [6.0, 8.0]])
    """
    require_whole("embedding: vocabulary", vocabulary, least=1)
    require_whole("embedding: width", width, least=1)
    require_initializer("embedding: w_init", w_init)
    if padding is not None:
        require_whole("embedding: padding", padding, least=0)
        if padding >= vocabulary:
            raise ConfigurationError(
                f"embedding: padding is {padding}; it must be an id, below {vocabulary}"
            )

    def init(key: PRNGKey, shape: Shape) -> tuple[Embedding, Shape]:
        require_key_and_shape(key, shape)
        require(is_shape(tuple(shape)), f"embedding takes one array of ids, not {shape}")
        return Embedding(w_init.draw(key, (vocabulary, width))), (*shape, width)

    def forward(params: Embedding, x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        _check(params, x)
        ids = wide_integers(x)
        table = jnp.asarray(params.w)  # that of NumPy takes no traced ids
        taken = table[jnp.where(_known(params, ids), ids, 0)]
        y = jnp.where(rows(_known(params, ids), taken), taken, jnp.nan)
        return (y if padding is None else jnp.where(rows(ids != padding, y), y, 0)), x

    def backward(params: Embedding, x: Array, dy: Array) -> tuple[Embedding, None]:
        ids = wide_integers(x)
        counts = _known(params, ids)
        counts = counts if padding is None else counts & (ids != padding)
        dy = jnp.where(rows(counts, dy), dy, 0).astype(wide(dy.dtype))
        dw = jnp.zeros(params.w.shape, dy.dtype).at[jnp.where(counts, ids, 0)].add(dy)
        return Embedding(dw.astype(params.w.dtype)), None

    return layer(init, forward, backward, stream=by_itself(forward))


def _known(params: Embedding, ids: Array) -> Array:
    """Where there is an id: an integer from 0 to V − 1."""
    return (ids >= 0) & (ids < len(params.w))


def _check(params: Embedding, x: Array) -> None:
    require(
        hasattr(params, "w"),
        f"embedding: params are of type {type(params).__name__}; give what init returns first, "
        "then x",
    )
    require_array("embedding: x", x)
    require(
        jnp.issubdtype(x.dtype, jnp.integer),
        f"embedding: x is {x.dtype}; it must be ids, integers from 0 to {len(params.w) - 1}",
    )
    require(x.ndim > 0, "embedding: x is a single id; it must be a batch: (N, ...)")
    check_range("embedding: x", x, 0, len(params.w) - 1)
