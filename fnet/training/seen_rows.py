"""A model whose embeddings give the gradients of the rows that a batch has seen, not of tables."""

from typing import Any

from chex import Array

from fnet.compose import serial
from fnet.core import Layer, layer
from fnet.core.remembering import remembered
from fnet.core.values import made_of
from fnet.layers import embedding
from fnet.layers.embedding import Embedding
from fnet.optimizers import by_part, by_rows, scheduled
from fnet.optimizers.seen import Rows


@remembered
def seen_rows(model: Layer, optimizer: Any) -> Layer:
    """The model as this optimizer takes it: with the same parameters, and outputs.

    Where a part of the optimizer is `by_rows`, the gradient of an `embedding` in a `serial` model
    is `Rows`; where none is, or the model has a penalty on its parameters, it is the model.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from fnet.optimizers import sgd
    >>> model = seen_rows(embedding(5, 2), by_rows(sgd(0.1)))
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> _, ids = model.forward(params, jnp.array([[4, 0, 4]]))
    >>> grads, _ = model.backward(params, ids, jnp.ones((1, 3, 2)))
    >>> grads.w.ids.tolist(), grads.w.dense()[4].tolist()
    ([4, 0, 4], [2.0, 2.0])
    """
    return _opened(model) if _has_rows(optimizer) and model.penalty is None else model


def _has_rows(optimizer: Any) -> bool:
    """Whether gradients reach a `by_rows` as the model gives them."""
    construct, parts, named = made_of(optimizer)
    if construct is by_part:
        return any(_has_rows(part) for _, part in parts) or _has_rows(named["rest"])
    return _has_rows(parts[0]) if construct is scheduled else construct is by_rows


def _opened(model: Layer) -> Layer:
    construct, parts, _ = made_of(model)
    if construct is serial:
        opened: Layer = serial(*map(_opened, parts))
        return opened
    return _by_rows(model) if construct is embedding else model


def _by_rows(table: Layer) -> Layer:
    """The embedding, without the sums over all rows."""
    vocabulary, _, padding, *_ = table.made[1]

    def backward(params: Embedding, x: Array, dy: Array) -> tuple[Any, None]:
        return Embedding(Rows.of(x, dy, vocabulary, padding)), None

    return layer(table.init, table.forward, backward)
