"""The shapes of outputs, without a computation."""

import jax
from chex import ArrayTree, PRNGKey

from fnet.core.contract import Layer, Shape


def out_shape(layer: Layer, shape: Shape) -> Shape:
    """The shape of the output for an example of this shape; no parameter is drawn.

    >>> from fnet.layers import affine
    >>> out_shape(affine(10), (32, 32, 3))
    (10,)
    """
    result: Shape = ()

    def init(key: PRNGKey) -> ArrayTree:
        nonlocal result  # a shape is not an array, and a traced function returns nothing else
        params, result = layer.init(key, shape)
        return params

    jax.eval_shape(lambda: init(jax.random.key(0)))
    return result
