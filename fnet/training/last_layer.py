"""A model whose last affine layer is left to its loss, so that logits are never stored whole."""

from typing import Any

from chex import Array, ArrayTree, PRNGKey

from fnet.compose import frozen, low_rank, serial, tied, weight_norm
from fnet.core import Layer, Loss, layer
from fnet.core.remembering import remembered
from fnet.errors import ConfigurationError
from fnet.layers import affine
from fnet.layers.affine import Affine
from fnet.layers.flattening import check_rows, kept_axes
from fnet.losses import linear_cross_entropy

WRAPPERS = (frozen, low_rank, tied, weight_norm)  # whose output is that of the model in them


@remembered
def open_for(loss: Loss, model: Layer) -> Layer:
    """The model as this loss takes it: with the same parameters, and their gradients.

    For `linear_cross_entropy` its last layer, an `affine`, gives in place of y = x wᵀ + b the
    triple (x, w, b), which has their gradients for its dy. For any other loss it is the model.
    Raises ConfigurationError for a model with another last layer.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> model = serial(affine(3), affine(5))
    >>> opened = open_for(linear_cross_entropy(), model)
    >>> params, _ = model.init(jax.random.key(0), (2,))
    >>> [part.shape for part in opened.apply(params, jnp.ones((1, 2)))]
    [(1, 3), (5, 3), (5,)]
    """
    return _opened(model, model) if _is(loss, linear_cross_entropy) else model


def _opened(model: Layer, whole: Layer) -> Layer:
    if _is(model, affine):
        return _handed_on(model)
    if _is(model, serial) and model.layers:
        *others, last = model.layers
        return serial(*others, _opened(last, whole))
    if any(_is(model, wrapper) for wrapper in WRAPPERS):
        construct, (inner, *rest), named = model.made
        opened: Layer = construct(_opened(inner, whole), *rest, **named)
        return opened
    raise ConfigurationError(
        f"linear_cross_entropy is of the last affine layer, affine(V, axes=1), and {whole} ends in "
        f"{model}; take cross_entropy()"
    )


def _handed_on(last: Layer) -> Layer:
    """The affine layer without its product: x with one row for each of its rows, w, and b."""
    *_, axes = last.made[1]

    def forward(params: Affine, x: Array, key: PRNGKey | None = None) -> tuple[Any, Array]:
        check_rows(params, x, axes)
        rows = x.reshape(*x.shape[: kept_axes(axes, x.ndim)], -1)
        return (rows, params.w, params.b), x

    def backward(params: Affine, x: Array, dy: Any) -> tuple[ArrayTree, Array]:
        dx, dw, db = dy
        return Affine(dw, db), dx.reshape(x.shape)

    return layer(last.init, forward, backward, last.penalty)


def _is(value: Any, construct: Any) -> bool:
    """Whether this constructor made the value."""
    return bool(value.made) and value.made[0] is construct
