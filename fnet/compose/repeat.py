"""The same block many times, compiled once."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.compose.parts import require_layers
from fnet.core import Layer, Penalty, Shape, Stream, Tape, layer, out_shape, penalty
from fnet.core.expect import require_bool, require_whole
from fnet.core.trees import add, cast_like, gradient_of, is_none, widened, zeros_like
from fnet.core.values import constructor
from fnet.errors import ShapeError


@constructor
def repeat(block: Layer, times: int, tied: bool = False) -> Layer:
    """The block, `times` times in a row, in one loop whose body is compiled once.

        x₀ = x    xᵢ = f(θᵢ, xᵢ₋₁)    y = x_n
        dx_n = dy    dθᵢ, dxᵢ₋₁ = backward(θᵢ, cacheᵢ, dxᵢ)

    The block must return the shape and dtype that it takes, of an array or a tree, else ShapeError.
    Parameters are the block's with a leading axis of size `times`; if `tied` there is one θ,
    without that axis, and its gradient is the sum of the dθᵢ. A key is split among the rounds.
    Cache: x, each xᵢ, or what the block's recipe makes it from, and whatever the block caches in a
    round besides these, so that no array is stored twice. Parts of x that the block hands on
    unchanged, such as masks, are stored once.

    >>> from fnet import serial
    >>> from fnet.layers import affine, tanh
    >>> model = repeat(serial(affine(5), tanh()), 12)
    >>> params, shape = model.init(jax.random.key(0), (5,))
    >>> params[0].w.shape, shape
    ((12, 5, 5), (5,))
    """
    require_layers("repeat", block)
    require_whole("repeat: times", times, least=1)
    require_bool("repeat: tied", tied)

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        after = out_shape(block, shape)
        if after != shape:
            raise ShapeError(
                f"repeat: {block} turns an example of {shape} into {after}; it must return the "
                "shape that it takes"
            )
        if tied:
            return block.init(key, shape)
        return jax.vmap(lambda key: block.init(key, shape)[0])(jax.random.split(key, times)), shape

    def kept(x: Any, y: Any, cache: ArrayTree) -> Any:
        """What is stored of a round's output: its source, or what is not handed on unchanged."""
        if block.recipe:
            return block.recipe.source(cache)
        return jax.tree.map(lambda x, y: None if y is x else y, x, y)

    def output(kept: Any, x: Any) -> Any:
        if block.recipe:
            return block.recipe.output(kept)
        return jax.tree.map(lambda y, x: x if y is None else y, kept, x, is_leaf=is_none)

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        def body(x: Any, inputs: Any) -> Any:
            own, own_key = inputs
            y, cache = block.forward(params if tied else own, x, own_key)
            _require_same(block, x, y)
            known = kept(x, y, cache)
            return y, (known, Tape.of(cache, known=(x, y, known)))

        _require_rounds(None if tied else params, times)
        keys = None if key is None else jax.random.split(key, times)
        y, (ys, tape) = jax.lax.scan(body, x, (None if tied else params, keys), times)
        return y, (x, ys, tape)

    def caches_of(round_: Any, x: Any, ys: Any) -> ArrayTree:
        """The block's cache in round k, whose input is the output of the round before."""
        k, own_y, tape = round_
        before = output(jax.tree.map(lambda leaf: leaf[k - 1], ys), x)
        # Indexed in place: a stack of inputs, shifted by one, would be a copy.
        own_x = jax.tree.map(lambda x, y: x if y is x else jnp.where(k == 0, x, y), x, before)
        return tape.caches(known=(own_x, output(own_y, x), own_y))

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        x, ys, tape = cache

        def body(carry: Any, inputs: Any) -> Any:
            (dy, total), (own, round_) = carry, inputs
            dparams, dx = block.backward(params if tied else own, caches_of(round_, x, ys), dy)
            if tied:
                return (dx, add(total, cast_like(dparams, total))), None
            return (dx, None), dparams

        total = zeros_like(widened(params)) if tied else None  # a sum of many small terms
        rounds = None if tied else params, (jnp.arange(times), ys, tape)
        begin = gradient_of(x, dy), total
        (dx, total), stacked = jax.lax.scan(body, begin, rounds, reverse=True)
        return cast_like(total, params) if tied else stacked, dx

    def observe(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        x, ys, tape = cache

        def observe_round(own: ArrayTree, round_: Any) -> ArrayTree:
            return block.observe(own, caches_of(round_, x, ys))  # type: ignore[misc]

        rounds = jnp.arange(times), ys, tape
        if tied:
            return jax.lax.scan(
                lambda own, round_: (observe_round(own, round_), None), params, rounds
            )[0]
        return jax.vmap(observe_round)(params, rounds)

    inner = block.stream

    def resume(params: ArrayTree, cache: ArrayTree, steps: int, length: int) -> Any:
        assert inner is not None
        x, ys, tape = cache

        def resume_round(own: ArrayTree, round_: Any) -> Any:
            its = caches_of(round_, x, ys)
            return inner.resume(params if tied else own, its, steps, length)

        rounds = jnp.arange(times), ys, tape
        stacked = jax.vmap(resume_round)(None if tied else params, rounds)
        return tuple(_of_round(stacked, number) for number in range(times))

    def step(params: ArrayTree, state: Any, x: Any) -> tuple[Any, Any]:
        assert inner is not None
        after = []
        for number in range(times):  # unrolled: a loop would copy what a round only reads
            own = params if tied else _of_round(params, number)
            x, its = inner.step(own, state[number], x)
            after.append(its)
        return x, tuple(after)

    watch = observe if block.observe else None
    cost = block.penalty if tied else _penalty(block.penalty)
    stream = Stream(resume, step) if inner else None
    return layer(init, forward, backward, cost, (block,), watch, stream=stream)


def _penalty(own: Penalty | None) -> Penalty | None:
    """The sum of the block's penalties over all rounds."""
    if own is None:
        return None

    def value_and_grad(params: ArrayTree) -> tuple[Array, ArrayTree]:
        values, gradients = jax.vmap(own.value_and_grad)(params)
        return values.sum(), gradients

    return penalty(value_and_grad)


def _of_round(stacked: ArrayTree, number: int) -> ArrayTree:
    return jax.tree.map(lambda leaf: leaf[number], stacked)


def _require_rounds(params: ArrayTree, times: int) -> None:
    for leaf in jax.tree.leaves(params):
        if leaf.shape[:1] != (times,):
            raise ShapeError(
                f"repeat: a parameter is {leaf.shape}; its first axis must be that of {times} "
                "rounds: give what init returns first, then x"
            )


def _require_same(block: Layer, x: Any, y: Any) -> None:
    def described(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree)

    if described(x) != described(y):
        raise ShapeError(
            f"repeat: {block} turns {described(x)} into {described(y)}; it must return the shape "
            "and dtype that it takes"
        )
