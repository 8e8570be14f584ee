"""Layers side by side, each on an input of its own or all on the same."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from chex import ArrayTree, PRNGKey

from fnet.compose.joins import joined, joined_shape, parted, require_join
from fnet.compose.parts import (
    observe_parts,
    penalty_of_parts,
    require_layers,
    require_several,
)
from fnet.compose.serial import serial
from fnet.compose.streams import Call, stream_of_parts
from fnet.core import Layer, Shape, Stream, Tape, layer, split
from fnet.core.containers import alike
from fnet.core.trees import add
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, ShapeError


@constructor
def parallel(*layers: Layer, join: str | None = None) -> Layer:
    """Each layer on an input of its own.

        yᵢ  = fᵢ(xᵢ)        y = (y₁, ..., y_k)
        dxᵢ = Jᵢᵀ dyᵢ       Jᵢ: the Jacobian of fᵢ   dyᵢ: its part of dy

    x is a tuple with one input per layer. With join "add" y is the sum of the yᵢ; "concatenate"
    puts them side by side along the last axis. Integers, one per example (such as its length), are
    then taken from the first output. A key is split among the layers. Cache: theirs, as a Tape, and
    arrays of no bytes. Raises ShapeError where inputs or outputs do not fit.

    >>> from fnet.layers import affine
    >>> model = parallel(affine(3), affine(3), join="add")
    >>> params, out_shape = model.init(jax.random.key(0), ((5,), (2,)))
    >>> model.apply(params, (jnp.ones((4, 5)), jnp.ones((4, 2)))).shape
    (4, 3)
    """
    require_layers("parallel", *layers)
    return _side_by_side("parallel", layers, join, shared=False)


@constructor
def fan_out(*layers: Layer, join: str | None = None) -> Layer:
    """Each layer on the same input.

        yᵢ = fᵢ(x)          y = (y₁, ..., y_k)
        dx = Σᵢ Jᵢᵀ dyᵢ     Jᵢ: the Jacobian of fᵢ   dyᵢ: its part of dy

    join: None, "add" or "concatenate", as in `parallel`. A key is split among the layers. Cache:
    theirs, as a Tape that holds x once, and arrays of no bytes.

    >>> from fnet.layers import affine, relu, tanh
    >>> fan_out(relu(), tanh(), join="concatenate").init(jax.random.key(0), (7,))[1]
    (14,)
    """
    require_layers("fan_out", *layers)
    return _side_by_side("fan_out", layers, join, shared=True)


@constructor
def first(*layers: Layer) -> Layer:
    """The layers on the first of several inputs; the others pass through.

        y  = (f(x₁), x₂, ..., x_k)
        dx = (Jᵀ dy₁, dy₂, ..., dy_k)       J: the Jacobian of f

    f is the chain of the layers. It carries masks, lengths and memories past layers that take a
    single array. Cache: that of f.

    >>> from fnet.layers import relu
    >>> y = first(relu()).apply(((),), (jnp.array([-1.0]), jnp.array([7])))
    >>> [leaf.tolist() for leaf in y]
    [[0.0], [7]]
    """
    require_layers("first", *layers)
    from_first = serial(*layers)

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        require_several("first", shape)
        params, out_shape = from_first.init(key, shape[0])
        return params, alike(shape, (out_shape, *shape[1:]))

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        require_several("first", x)
        y, cache = from_first.forward(params, x[0], key)
        return alike(x, (y, *x[1:])), cache

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        dparams, dx = from_first.backward(params, cache, dy[0])
        return dparams, alike(dy, (dx, *dy[1:]))

    inner = from_first.stream

    def step(params: ArrayTree, state: Any, x: Any) -> tuple[Any, Any]:
        assert inner is not None
        y, state = inner.step(params, state, x[0])
        return alike(x, (y, *x[1:])), state

    stream = inner and Stream(inner.resume, step)
    watch, cost = from_first.observe, from_first.penalty
    return layer(init, forward, backward, cost, (from_first,), watch, stream=stream)


@constructor
def each(block: Layer) -> Layer:
    """The same layer, with the same parameters, on each of several inputs.

        yᵢ = f(θ, xᵢ)       dxᵢ = Jᵢᵀ dyᵢ       dθ = Σᵢ dθᵢ

    x is a tuple of inputs for which f has parameters of the same shapes: of one shape themselves,
    or sequences of different lengths, where f takes these. A key is split among the inputs. Cache:
    one per input. `init` raises ShapeError where parameters differ.

    >>> from fnet.layers import affine
    >>> params, out_shape = each(affine(3)).init(jax.random.key(0), ((5,), (5,)))
    >>> params.w.shape, out_shape
    ((3, 5), ((3,), (3,)))
    """
    require_layers("each", block)

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        require_several("each", shape)
        inits = [block.init(key, own) for own in shape]
        sizes = [jax.tree.map(jnp.shape, params) for params, _ in inits]
        for own, its in zip(shape, sizes, strict=True):
            if its != sizes[0]:
                raise ShapeError(
                    f"each: {block} has other parameters for an example of {own} than for one of "
                    f"{shape[0]}; its inputs share them, so must fit them, unlike in parallel(...)"
                )
        return inits[0][0], alike(shape, (out_shape for _, out_shape in inits))

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, Tape]:
        require_several("each", x)
        calls = zip(x, split(key, len(x)), strict=True)
        outputs, caches = zip(*(block.forward(params, own, k) for own, k in calls), strict=True)
        return alike(x, outputs), Tape.of(caches)

    def backward(params: ArrayTree, tape: Tape, dy: Any) -> tuple[ArrayTree, Any]:
        calls = zip(tape.caches(), dy, strict=True)
        dparams, dx = zip(*(block.backward(params, its, d) for its, d in calls), strict=True)
        return functools.reduce(add, dparams), alike(dy, dx)

    def observe(params: ArrayTree, tape: Tape) -> ArrayTree:
        assert block.observe is not None
        return functools.reduce(block.observe, tape.caches(), params)

    watch = observe if block.observe else None
    return layer(init, forward, backward, block.penalty, (block,), watch)


def _side_by_side(name: str, layers: tuple[Layer, ...], join: str | None, shared: bool) -> Layer:
    """`fan_out` of a shared input, `parallel` of one for each layer."""
    require_join(name, join)
    number = len(layers)
    if not layers:
        raise ConfigurationError(f"{name}: give one layer or more")

    def inputs(x: Any) -> Any:
        if shared:
            return [x] * number
        require_several(name, x, number)
        return x

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        calls = zip(layers, split(key, number), inputs(shape), strict=True)
        params, shapes = zip(*(part.init(k, own) for part, k, own in calls), strict=True)
        return params, joined_shape(name, join, list(shapes))

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        if len(params) != number:
            wrong = f"{name}: {len(params)} parameters for {number} layers"
            raise ShapeError(f"{wrong}: give what init returns first, then x")
        calls = zip(layers, params, inputs(x), split(key, number), strict=True)
        outputs, caches = zip(*(part.forward(*rest) for part, *rest in calls), strict=True)
        y, widths = joined(join, list(outputs))
        kind = None if shared else alike(x, [()] * number)  # what x is, without arrays
        return y, (Tape.of(caches), widths, kind)

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        tape, widths, kind = cache
        calls = zip(layers, params, tape.caches(), parted(join, widths, dy, number), strict=True)
        dparams, dx = zip(*(part.backward(*rest) for part, *rest in calls), strict=True)
        return dparams, functools.reduce(add, dx) if shared else alike(kind, dx)

    observe = observe_parts(layers, lambda cache: cache[0].caches())

    def passed(call: Call, x: Any) -> Any:
        return joined(join, [call(place, own) for place, own in enumerate(inputs(x))])[0]

    stream = stream_of_parts(layers, lambda cache: cache[0].caches(), passed)
    cost = penalty_of_parts(layers)
    return layer(init, forward, backward, cost, layers, observe, stream=stream)
