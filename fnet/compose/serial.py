"""Layers one after the other: the chain rule."""

from typing import Any

import jax
from chex import ArrayTree, PRNGKey

from fnet.compose.parts import observe_parts, penalty_of_parts
from fnet.compose.streams import stream_of_parts
from fnet.core import Layer, Recipe, Shape, Tape, layer, split
from fnet.core.expect import require_key_and_shape
from fnet.core.trees import zeros_like
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, ShapeError


@constructor
def serial(*layers: Layer) -> Layer:
    """Layers in a chain: each takes the output of the one before it.

        x₀ = x    xᵢ = fᵢ(paramsᵢ, xᵢ₋₁)    y = x_k                      left to right
        dx_k = dy    dparamsᵢ, dxᵢ₋₁ = backwardᵢ(paramsᵢ, cacheᵢ, dxᵢ)    right to left

    params is a tuple with one entry per layer; the penalty is the sum of the layers' own; a key is
    split among the layers. Cache: a Tape of their caches, which holds no array twice. An empty
    chain is the identity.
    Source: Rumelhart et al. (1986), Learning representations by back-propagating errors.

    >>> from fnet.layers import affine, relu
    >>> model = serial(affine(3), relu(), affine(2))
    >>> params, out_shape = model.init(jax.random.key(0), (5,))
    >>> [layer.w.shape for layer in params if layer], out_shape
    ([(3, 5), (2, 3)], (2,))
    """
    for part in layers:
        if not isinstance(part, Layer):
            raise ConfigurationError(
                f"serial: {part!r} is not a Layer; write relu(), not relu, or serial(*a_list)"
            )

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        require_key_and_shape(key, shape)
        params = []
        for part, own_key in zip(layers, split(key, len(layers)), strict=True):
            own, shape = part.init(own_key, shape)
            params.append(own)
        return tuple(params), shape

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, Tape]:
        if hasattr(params, "_fields") or len(params) != len(layers):
            kind = type(params).__name__ if hasattr(params, "_fields") else f"{len(params)}"
            wrong = f"{kind} parameters for {serial(*layers)}"
            raise ShapeError(f"{wrong}: give what init returns first, then x")
        caches = []
        for part, own, own_key in zip(layers, params, split(key, len(layers)), strict=True):
            x, cache = part.forward(own, x, own_key)
            caches.append(cache)
        return x, Tape.of(tuple(caches))

    def backward(params: ArrayTree, tape: Tape, dy: Any) -> tuple[ArrayTree, Any]:
        gradients = []
        for part, own, cache in list(zip(layers, params, tape.caches(), strict=True))[::-1]:
            if jax.tree.leaves(dy):
                dparams, dy = part.backward(own, cache, dy)
            else:  # a later layer takes integers: no gradient comes this far
                dparams, dy = zeros_like(own), None
            gradients.append(dparams)
        return tuple(gradients[::-1]), dy

    observe = observe_parts(layers, Tape.caches)
    last = layers[-1].recipe if layers else None
    recipe = last and Recipe(lambda tape: last.source(tape.caches()[-1]), last.output)

    cost, stream = penalty_of_parts(layers), stream_of_parts(layers, Tape.caches)
    return layer(init, forward, backward, cost, layers, observe, recipe, stream)
