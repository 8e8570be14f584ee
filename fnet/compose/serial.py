"""Layers made from layers."""

from typing import Any

import jax
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Penalty, Shape, layer, penalty
from fnet.core.expect import require_key_and_shape
from fnet.core.tape import Tape
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, ShapeError


@constructor
def serial(*layers: Layer) -> Layer:
    """Layers in a chain: each takes what the one before it gives.

        x₀ = x    xᵢ = fᵢ(paramsᵢ, xᵢ₋₁)    y = x_k                      left to right
        dx_k = dy    dparamsᵢ, dxᵢ₋₁ = backwardᵢ(paramsᵢ, cacheᵢ, dxᵢ)    right to left

    params is a tuple with an entry a layer; the penalty is the sum of the layers' own; a key is
    split among them. Cache: a Tape of their caches, which holds no array twice. An empty chain
    is the identity. Source: Rumelhart et al. (1986), Learning representations by
    back-propagating errors.

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
        for part, part_key in zip(layers, _keys(key), strict=True):
            part_params, shape = part.init(part_key, shape)
            params.append(part_params)
        return tuple(params), shape

    def forward(params: ArrayTree, x: Array, key: PRNGKey | None = None) -> tuple[Array, Tape]:
        if len(params) != len(layers):
            wrong = f"{len(params)} parameters for {serial(*layers)}"
            raise ShapeError(f"{wrong}: give what init returns first, then x")
        caches = []
        for part, part_params, part_key in zip(layers, params, _keys(key), strict=True):
            x, cache = part.forward(part_params, x, part_key)
            caches.append(cache)
        return x, Tape.of(tuple(caches))

    def backward(params: ArrayTree, tape: Tape, dy: Array) -> tuple[ArrayTree, Array]:
        gradients = []
        for part, own, cache in list(zip(layers, params, tape.caches(), strict=True))[::-1]:
            dparams, dy = part.backward(own, cache, dy)
            gradients.append(dparams)
        return tuple(gradients[::-1]), dy

    def _keys(key: PRNGKey | None) -> Any:
        return [None] * len(layers) if key is None else jax.random.split(key, len(layers))

    return layer(init, forward, backward, _sum(layers), layers)


def _sum(layers: tuple[Layer, ...]) -> Penalty | None:
    """The penalties of the layers added up; None where no layer has one."""

    def value_and_grad(params: ArrayTree) -> tuple[Array, ArrayTree]:
        values, gradients = [], []
        for part, part_params in zip(layers, params, strict=True):
            if part.penalty is None:
                gradients.append(jax.tree.map(jax.numpy.zeros_like, part_params))
            else:
                value, gradient = part.penalty.value_and_grad(part_params)
                values.append(value)
                gradients.append(gradient)
        return sum(values[1:], values[0]), tuple(gradients)

    return penalty(value_and_grad) if any(part.penalty for part in layers) else None
