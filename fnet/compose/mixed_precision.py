"""Computing in fewer bits than the parameters have."""

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.values import constructor
from fnet.errors import ConfigurationError


@constructor
def mixed_precision(model: Layer) -> Layer:
    """The model computed in bfloat16; its parameters, and so the optimizer's moments, keep theirs.

        y = f(p, x)   with p = bfloat16(params), x = bfloat16(x)         y in the dtype of x
        dparams, dx = backward(p, cache, bfloat16(dy))                   in the dtypes of params, x

    A product of bfloat16 numbers is added up in float32, an update in the dtype of the parameters,
    where a small one is not lost; the loss is computed from the wide y. bfloat16 has the exponents
    of float32, so that no gradient needs scaling. Cache: the model's, of half the bytes.

    Source: Micikevicius et al. (2018), Mixed Precision Training, section 3.1; Kalamkar et al.
    (2019), A Study of BFLOAT16 for Deep Learning Training.

    >>> from fnet.layers import affine
    >>> model = mixed_precision(affine(2))
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> y, (cache, _) = model.forward(params, jnp.ones((4, 3), jnp.float32))
    >>> print(y.dtype, cache.dtype)
    float32 bfloat16
    """
    if not isinstance(model, Layer):
        raise ConfigurationError(f"mixed_precision: {model!r} is not a Layer")

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        return model.init(key, shape)

    def forward(
        params: ArrayTree, x: Array, key: PRNGKey | None = None
    ) -> tuple[Array, tuple[ArrayTree, Array]]:
        y, cache = model.forward(_narrow(params), _narrow(x), key)
        return y.astype(x.dtype), (cache, x[:0])  # of no bytes: what dtype dx has

    def backward(
        params: ArrayTree, cache: tuple[ArrayTree, Array], dy: Array
    ) -> tuple[ArrayTree, Array]:
        inner, like = cache
        dparams, dx = model.backward(_narrow(params), inner, _narrow(dy))
        return jax.tree.map(lambda d, p: d.astype(p.dtype), dparams, params), dx.astype(like.dtype)

    return layer(init, forward, backward, model.penalty, (model,))


def _narrow(tree: ArrayTree) -> ArrayTree:
    """Its floating arrays in bfloat16."""

    def narrow(leaf: Array) -> Array:
        return leaf.astype(jnp.bfloat16) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(narrow, tree)
