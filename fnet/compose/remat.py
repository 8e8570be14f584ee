"""Less memory for more time: a layer that remembers only its input and its output."""

from typing import Any

import jax
from chex import ArrayTree, PRNGKey

from fnet.compose.parts import require_layers
from fnet.core import Layer, Recipe, Shape, Stream, Tape, afresh, layer
from fnet.core.values import constructor


@constructor
def remat(block: Layer) -> Layer:
    """The layer, with its cache recomputed in the backward pass.

        y = f(θ, x)      dθ, dx = backward(θ, cache(θ, x), dy)

    Cache: x, the key, and y if the layer caches it, or what its recipe makes y from; whatever
    follows keeps y anyway. Only what these do not give is computed again: of an `affine` and an
    activation, nothing but elementwise functions.
    Source: Chen et al. (2016), Training Deep Nets with Sublinear Memory Cost.

    >>> import jax.numpy as jnp
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

    def known(y: Any, cache: ArrayTree) -> Any:
        return block.recipe.source(cache) if block.recipe else y

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        y, cache = block.forward(params, x, key)
        kept = known(y, cache)
        return y, (x, kept if _share(kept, cache) else None, key)

    def recomputed(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        """The block's cache: what is kept, and the rest computed again as far as it is used."""
        x, kept, key = cache
        y, own = block.forward(params, x, key)
        if kept is None:
            return own
        kept_y = block.recipe.output(kept) if block.recipe else kept
        return Tape.of(own, known=(y, known(y, own))).caches(known=(kept_y, kept))

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        cache, dy = afresh(cache, dy)
        return block.backward(params, recomputed(params, cache), dy)

    def observe(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        assert block.observe is not None
        return block.observe(params, recomputed(params, cache))

    watch = observe if block.observe else None
    recipe = block.recipe and Recipe(lambda cache: cache[1], block.recipe.output)
    inner = block.stream
    stream = inner and Stream(
        lambda params, cache, *sizes: inner.resume(params, recomputed(params, cache), *sizes),
        inner.step,
    )
    return layer(init, forward, backward, block.penalty, (block,), watch, recipe, stream)


def _share(a: ArrayTree, b: ArrayTree) -> bool:
    """Whether an array of one is in the other."""
    return not {id(leaf) for leaf in jax.tree.leaves(a)}.isdisjoint(map(id, jax.tree.leaves(b)))
