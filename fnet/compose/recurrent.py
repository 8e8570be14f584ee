"""A cell run along the time axis of a sequence."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import ArrayTree, PRNGKey

from fnet.compose.parallel import fan_out
from fnet.compose.parts import require_layers
from fnet.core import Layer, Shape, Stream, Tape, layer, out_shape
from fnet.core.containers import alike
from fnet.core.expect import require, require_bool, require_key_and_shape
from fnet.core.steps import alive, states_before
from fnet.core.trees import (
    add,
    cast_like,
    gradient_of,
    is_floating,
    is_shape,
    map_shapes,
    widened,
    zeros_like,
)
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, FnetError, ShapeError


@constructor
def recurrent(cell: Layer, reverse: bool = False, last: bool = False) -> Layer:
    """A cell, a layer (h, x) -> h, run along the second axis of a sequence.

        h₀ = 0    hₜ = cell(θ, (hₜ₋₁, xₜ))    y = (h₁, ..., h_T)
        (dhₜ₋₁, dxₜ) = Jₜᵀ (dyₜ + dhₜ)        dθ = Σₜ dθₜ      Jₜ: the Jacobian of the cell at t

    x: (N, T, ...)   y: (N, T, ...), or with `last` y = h_T: (N, ...). `reverse` runs from the last
    step to the first, and h_T is then the state at the first. A state may be a tree, and its shape
    must not depend on that of the state given to the cell, else ShapeError.

    For sequences of different lengths, x is a pair (x, lengths), lengths (N,) integers, and y is a
    pair too unless `last`. A step at or beyond the length changes no state, its output is 0, and it
    has no gradient, whatever the padding holds; h_T is the state at the end of each sequence.

    A key is split among the steps. Cache: x, all states, and whatever the cell caches at a step
    besides hₜ₋₁, xₜ and hₜ. Sums over time are in float32 or wider.
    Source: Werbos (1990), Backpropagation Through Time: What It Does and How to Do It.

    >>> from fnet import serial
    >>> from fnet.compose import parallel
    >>> from fnet.layers import affine, tanh
    >>> cell = serial(parallel(affine(3), affine(3), join="add"), tanh())  # an Elman network
    >>> params, out_shape = recurrent(cell).init(jax.random.key(0), (7, 2))
    >>> out_shape, recurrent(cell).apply(params, jnp.ones((4, 7, 2))).shape
    ((7, 3), (4, 7, 3))
    """
    require_layers("recurrent", cell)
    require_bool("recurrent: reverse", reverse)
    require_bool("recurrent: last", last)
    if cell.observe is not None:
        raise ConfigurationError(
            f"recurrent: {cell} observes its batch, which differs from step to step; normalise "
            "outside the cell, or within it each example by itself"
        )

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        require_key_and_shape(key, shape)
        pair, (shape, with_lengths) = shape, _apart(shape, lambda part: part == ())
        steps = _steps(shape)
        step_shape = map_shapes(lambda sizes: sizes[1:], shape)
        state = _state_shape(cell, step_shape)
        params, _ = cell.init(key, (state, step_shape))
        if last:
            return params, state
        out = map_shapes(lambda sizes: (steps, *sizes), state)
        return params, out if with_lengths is None else alike(pair, (out, ()))

    def zero_state(params: ArrayTree, x: Any) -> Any:
        step_shape = jax.tree.map(lambda leaf: leaf.shape[2:], x)
        number = jax.tree.leaves(x)[0].shape[0]
        floats = [leaf.dtype for leaf in jax.tree.leaves((x, params)) if is_floating(leaf)]
        dtype = jnp.result_type(*floats) if floats else jnp.float32
        shape = _state_shape(cell, step_shape)
        return map_shapes(lambda sizes: jnp.zeros((number, *sizes), dtype), shape)

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        pair, (x, lengths) = x, _apart(x, _is_lengths)
        _require_sequences(x, lengths)
        kind = () if lengths is None else alike(pair, ((), ()))  # without arrays, but a NamedTuple
        h0, steps = zero_state(params, x), jax.tree.leaves(x)[0].shape[1]

        def step(h: Any, inputs: Any) -> Any:
            x, t, own_key = inputs
            x = alive(lengths, t, x)
            after, cache = cell.forward(params, (h, x), own_key)
            tape = Tape.of(cache, known=(h, x, after))
            return alive(lengths, t, after, h), (alive(lengths, t, after), tape)

        keys = None if key is None else jax.random.split(key, steps)
        inputs = (_time_first(x), jnp.arange(steps), keys)
        end, (states, tape) = jax.lax.scan(step, h0, inputs, reverse=reverse)
        states = _time_first(states)
        y = end if last else states
        handed_on = y if last or lengths is None else alike(pair, (y, lengths))
        return handed_on, (x, states, tape, lengths, kind)

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        x, states, tape, lengths, kind = cache
        if lengths is not None and not last:
            dy = dy[0]
        h0, steps = zero_state(params, x), jax.tree.leaves(x)[0].shape[1]
        after = _time_first(states)

        def step_back(carry: Any, inputs: Any) -> Any:
            (dh, total), (x, before, after, dy, holes, t) = carry, inputs
            dh = dh if last else add(dh, alive(lengths, t, dy))
            caches = holes.caches(known=(before, alive(lengths, t, x), after))
            dparams, (dbefore, dx) = cell.backward(params, caches, alive(lengths, t, dh))
            if lengths is not None:  # past the end, state and gradient pass through
                dbefore = add(dbefore, alive(lengths, t, zeros_like(dh), dh))
                dx = alive(lengths, t, dx)
            return (dbefore, add(total, cast_like(dparams, total))), dx

        dys = None if last else _time_first(dy)
        inputs = (
            _time_first(x),
            states_before(h0, after, reverse),
            after,
            dys,
            tape,
            jnp.arange(steps),
        )
        begin = (dy if last else zeros_like(h0), zeros_like(widened(params)))
        (_, total), dxs = jax.lax.scan(step_back, begin, inputs, reverse=not reverse)
        dx = gradient_of(x, _time_first(dxs))
        return cast_like(total, params), dx if lengths is None else alike(kind, (dx, None))

    def resume(params: ArrayTree, cache: ArrayTree, steps: int, length: int) -> Any:
        states, lengths = cache[1], cache[3]
        if lengths is not None:
            raise ShapeError("recurrent: sequences of different lengths have no next step")
        return jax.tree.map(lambda leaf: leaf[:, -1], states)

    def step(params: ArrayTree, state: Any, x: Any) -> tuple[Any, Any]:
        after = cell.forward(params, (state, jax.tree.map(lambda leaf: leaf[:, 0], x)))[0]
        return jax.tree.map(lambda leaf: leaf[:, None], after), after

    stream = None if reverse or last else Stream(resume, step)
    return layer(init, forward, backward, cell.penalty, (cell,), stream=stream)


@constructor
def bidirectional(
    cell: Layer,
    backward_cell: Layer | None = None,
    join: str | None = "concatenate",
    last: bool = False,
) -> Layer:
    """Two cells, one run forwards and one backwards in time, their states joined.

        y = (recurrent(cell)(x), recurrent(backward_cell, reverse=True)(x)), joined

    Each has its own parameters; without `backward_cell` both are `cell`. join: "concatenate", "add"
    or None, as in `parallel`. x, lengths, `last` and the cache are as in `recurrent`.
    Source: Schuster & Paliwal (1997), Bidirectional Recurrent Neural Networks.

    >>> from fnet import serial
    >>> from fnet.compose import parallel
    >>> from fnet.layers import affine, tanh
    >>> cell = serial(parallel(affine(3), affine(3), join="add"), tanh())
    >>> bidirectional(cell).init(jax.random.key(0), (7, 2))[1]
    (7, 6)
    """
    require_layers("bidirectional", cell, *([backward_cell] if backward_cell else []))
    return fan_out(
        recurrent(cell, last=last),
        recurrent(backward_cell or cell, reverse=True, last=last),
        join=join,
    )


def _apart(x: Any, is_lengths: Any) -> tuple[Any, Any]:
    """The sequence and its lengths; None for the lengths where there are none."""
    pair = isinstance(x, tuple) and not is_shape(x) and len(x) == 2 and is_lengths(x[1])
    return (x[0], x[1]) if pair else (x, None)


def _require_sequences(x: Any, lengths: Any) -> None:
    sizes = [leaf.shape for leaf in jax.tree.leaves(x)]
    fits = all(len(shape) > 1 and shape[:2] == sizes[0][:2] for shape in sizes)
    require(fits, f"recurrent: x is {sizes}; each array must be (N, T, ...), of one N and T")
    if lengths is not None:
        many, number = len(lengths), sizes[0][0]
        require(many == number, f"recurrent: {many} lengths for {number} sequences; give each one")


def _is_lengths(leaf: Any) -> bool:
    whole = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.integer)
    return whole and leaf.ndim == 1


def _steps(shape: Shape) -> int:
    shapes = jax.tree.leaves(shape, is_leaf=is_shape)
    if not shapes or any(len(sizes) < 1 for sizes in shapes):
        raise ShapeError(f"recurrent: an example is {shape}; its first axis must be time")
    if len({sizes[0] for sizes in shapes}) > 1:
        raise ShapeError(f"recurrent: an example is {shape}; its parts must be of equal length")
    steps: int = shapes[0][0]
    return steps


def _state_shape(cell: Layer, step_shape: Shape) -> Shape:
    """The shape of the cell's state: of its output for any state, and for that output again."""
    try:
        state = out_shape(cell, (step_shape, step_shape))
        after = out_shape(cell, (state, step_shape))
    except FnetError as error:
        raise ShapeError(
            f"recurrent: {cell} is not a cell for steps of {step_shape}: {error}"
        ) from error
    if after != state:
        raise ShapeError(
            f"recurrent: {cell} turns a state of {state} into one of {after}; a cell is a layer "
            "(h, x) -> h whose states have one shape"
        )
    return state


def _time_first(tree: Any) -> Any:
    """The tree with its first two axes swapped: (N, T, ...) becomes (T, N, ...), and back."""
    return jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), tree)
