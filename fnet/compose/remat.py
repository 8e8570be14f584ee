"""Less memory for more time: a layer that remembers only its input."""

from typing import Any

from chex import ArrayTree, PRNGKey

from fnet.compose.parts import require_layers
from fnet.core import Layer, Shape, afresh, layer
from fnet.core.values import constructor


@constructor
def remat(block: Layer) -> Layer:
    """The layer, with its cache recomputed in the backward pass.

        y = f(θ, x)      dθ, dx = backward(θ, cache(θ, x), dy)

    Cache: x and the key. The forward pass runs twice, and none of it is kept in between.
    Source: Chen et al. (2016), Training Deep Nets with Sublinear Memory Cost.

    >>> import jax, jax.numpy as jnp
    >>> from fnet import serial
    >>> from fnet.layers import affine, tanh
    >>> block = serial(affine(64), tanh(), affine(3))
    >>> params, _ = block.init(jax.random.key(0), (5,))
    >>> x = jnp.ones((4, 5))
    >>> [leaf.shape for leaf in jax.tree.leaves(remat(block).forward(params, x)[1])]
    [(4, 5)]
    """
    require_layers("remat", block)

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        return block.init(key, shape)

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        return block.forward(params, x, key)[0], (x, key)

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        (x, key), dy = afresh(cache, dy)
        return block.backward(params, block.forward(params, x, key)[1], dy)

    def observe(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        assert block.observe is not None
        x, key = cache
        return block.observe(params, block.forward(params, x, key)[1])

    watch = observe if block.observe else None
    return layer(init, forward, backward, block.penalty, (block,), watch)
