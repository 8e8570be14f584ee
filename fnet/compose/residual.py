"""Residual blocks: layers whose output is added to their input."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import ArrayTree, PRNGKey

from fnet.compose.parts import (
    observe_parts,
    penalty_of_parts,
    require_floating_leaves,
    require_layers,
)
from fnet.compose.serial import serial
from fnet.compose.streams import Call, stream_of_parts
from fnet.core import Layer, Shape, Tape, layer, split
from fnet.core.trees import add
from fnet.core.values import constructor
from fnet.errors import ShapeError

HINT = "apply it to the floating-point input alone: first(residual(...))"


class Residual(NamedTuple):
    """The parameters of `residual`, and their gradients: of its layers and of its shortcut.

    >>> from fnet.layers import affine
    >>> params, _ = residual(affine(3)).init(jax.random.key(0), (3,))
    >>> params.layers[0].w.shape, params.shortcut
    ((3, 3), ())
    """

    layers: ArrayTree
    shortcut: ArrayTree


@constructor
def residual(*layers: Layer, shortcut: Layer | None = None) -> Layer:
    """The layers in a chain, added to their input.

        y  = f(x) + s(x)
        dx = J_fᵀ dy + J_sᵀ dy      J: the Jacobians of f and s

    f is the chain of the layers; s is the shortcut, the identity where it is None. f(x) and s(x)
    must have one shape, else ShapeError; x may be a tree. Where f changes the shape, a shortcut
    such as affine(width) makes the input fit. A key is split between f and s. Cache: those of f and
    s, as a Tape.
    Source: He et al. (2016), Deep Residual Learning for Image Recognition.

    >>> from fnet.layers import affine, relu
    >>> model = residual(affine(5), relu())
    >>> params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0), (5,))[0])
    >>> model.apply(params, jnp.ones((1, 5))).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    require_layers("residual", *layers, *([shortcut] if shortcut else []))
    pair = serial(*layers), shortcut or serial()

    def init(key: PRNGKey, shape: Shape) -> tuple[Residual, Shape]:
        inits = zip(pair, split(key, 2), strict=True)
        (params, out_shape), (own, other_shape) = [part.init(k, shape) for part, k in inits]
        if out_shape != other_shape:
            raise ShapeError(
                f"residual: its layers turn an example of {shape} into {out_shape}, and "
                f"{shortcut or 'the identity'} into {other_shape}; they are added, so give a "
                f"shortcut that makes {out_shape}, such as affine(width) or a convolution"
            )
        return Residual(params, own), out_shape

    def forward(params: Residual, x: Any, key: PRNGKey | None = None) -> tuple[Any, Tape]:
        calls = zip(pair, params, split(key, 2), strict=True)
        outputs, caches = zip(*(part.forward(own, x, k) for part, own, k in calls), strict=True)
        require_floating_leaves("residual", outputs, hint=HINT)
        return jax.tree.map(jnp.add, *outputs), Tape.of(caches)

    def backward(params: Residual, tape: Tape, dy: Any) -> tuple[Residual, Any]:
        calls = zip(pair, params, tape.caches(), strict=True)
        dparams, dx = zip(*(part.backward(own, its, dy) for part, own, its in calls), strict=True)
        return Residual(*dparams), add(*dx)

    observe = observe_parts(pair, Tape.caches)

    def passed(call: Call, x: Any) -> Any:
        return jax.tree.map(jnp.add, call(0, x), call(1, x))

    stream = stream_of_parts(pair, Tape.caches, passed)
    cost = penalty_of_parts(pair)
    return layer(init, forward, backward, cost, pair, observe, stream=stream)
