"""A recurrent cell as a layer: over a sequence, or of one step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, Stream, layer
from fnet.core.choices import require_choice
from fnet.core.containers import alike
from fnet.core.expect import (
    require,
    require_array,
    require_bool,
    require_floating,
    require_key_and_shape,
)
from fnet.core.products import wide as wide_dtype
from fnet.core.trees import cast_like, is_shape, widened
from fnet.layers.masks import Given, are_lengths, of_lengths
from fnet.layers.sequences import require_sequence
from fnet.layers.sized import Sized
from fnet.layers.stepping import State, back, of_all_weights, run


class Started(NamedTuple):
    """The parameters of a recurrent layer with initial="learned", and their gradients.

    `cell` are those of the layer, and `state` is the state of each example before the first step:
    h (H,), of an LSTM (h, c).

    >>> from fnet.layers import lstm
    >>> params, _ = lstm(3, initial="learned").init(jax.random.key(0), (5, 2))
    >>> params.cell.w.shape, [part.tolist() for part in params.state]
    ((12, 2), [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    """

    cell: Any
    state: Any


def over_time(cell: Sized, reverse: bool, last: bool, initial: str) -> Layer:
    """The layer that runs the cell along the second axis of x (N, T, D)."""
    name = cell.name
    require_bool(f"{name}: reverse", reverse)
    require_bool(f"{name}: last", last)
    require_choice(f"{name}: initial", initial, "zero", "given", "learned")
    given, learned = initial == "given", initial == "learned"

    def apart(x: Any) -> tuple[Any, Any, Any]:
        """The sequence, the first state, and the lengths; None for what is not there."""
        parts = x if isinstance(x, tuple) and not is_shape(x) else (x,)
        most = 3 if given else 2
        require(
            len(parts) in (most - 1, most),
            f"{name} takes {'(x, state)' if given else 'x'}, or lengths beside, and not "
            f"{len(parts)} parts",
        )
        lengths = parts[-1] if len(parts) == most else None
        return parts[0], parts[1] if given else None, lengths

    def init(key: PRNGKey, shape: Shape) -> tuple[Any, Shape]:
        require_key_and_shape(key, shape)
        shape = tuple(shape) if isinstance(shape, list) else shape
        x, state, lengths = apart(shape)
        require_sequence(name, x)
        require(
            state is None or state == cell.state,
            f"{name}: an example's first state is {state}; it must be {cell.state}",
        )
        out = (cell.sizes[0],) if last else (x[0], cell.sizes[0])
        params = cell.draw(key, x[1])
        if learned:
            zeros = tuple(jnp.zeros(size, params.w.dtype) for size in cell.sizes)
            params = Started(params, cell.shaped(zeros, ()))
        return params, out if last or lengths is None else beside(shape, out, ())

    def beside(inputs: Any, y: Any, lengths: Any) -> Any:
        """y and the lengths: a pair such as the inputs, if these are one."""
        return alike(() if given else inputs, (y, lengths))

    def own(params: Any) -> Any:
        """The parameters of the cell."""
        if not learned:
            return params
        require(
            hasattr(params, "cell"),
            f"{name}: params are of type {type(params).__name__}; with a learned state they have "
            "that too: give what init returns first, then x",
        )
        return params.cell

    def begin(params: Any, x: Array, state: Any) -> State:
        if learned:
            firsts = jax.tree.leaves(widened(params.state))
            return tuple(jnp.broadcast_to(each, (len(x), *each.shape)) for each in firsts)
        if state is not None:
            return tuple(jax.tree.leaves(widened(state)))
        return tuple(jnp.zeros((len(x), size), wide_dtype(x.dtype)) for size in cell.sizes)

    def forward(params: Any, x: Any, key: PRNGKey | None = None) -> tuple[Any, Any]:
        inputs, (x, state, lengths) = x, apart(x)
        _check(name, own(params), x, 3)
        if state is not None:
            _check_state(cell, state, len(x))
        there = Given(None, None)
        if lengths is not None:
            _check_lengths(name, lengths, len(x))
            there = of_lengths(lengths, x.shape[1])
        first = begin(params, x, state)
        cache = run(cell.kind, own(params), there.kept(x), first, lengths, reverse)
        y = cache.end[0] if last else there.kept(cache.h.swapaxes(0, 1))
        y = y.astype(x.dtype)
        kind = jax.tree.map(lambda leaf: (), inputs)  # what the inputs are, without arrays
        return (y if last or lengths is None else beside(inputs, y, lengths)), (cache, there, kind)

    def backward(params: Any, cache: Any, dy: Any) -> tuple[Any, Any]:
        cache, there, kind = cache
        dy = dy[0] if isinstance(dy, tuple) else dy
        dys, end = (None, dy) if last else (there.kept(dy).swapaxes(0, 1), None)
        dparams, dx, dbegin = back(cell.kind, own(params), cache, dys, end, reverse)
        if learned:
            dstate = cell.shaped(tuple(d.sum(0) for d in dbegin), ())
            dparams = Started(dparams, cast_like(dstate, params.state))
        parts = [there.kept(dx).astype(dy.dtype)]
        parts += [cell.shaped(tuple(d.astype(dy.dtype) for d in dbegin), kind[1])] if given else []
        parts += [] if cache.lengths is None else [None]
        return dparams, alike(kind, parts) if len(parts) > 1 else parts[0]

    def resume(params: Any, cache: Any, steps: int, length: int) -> State:
        require(
            cache[0].lengths is None, f"{name}: sequences of different lengths have no next step"
        )
        return tuple(cache[0].end)

    def step(params: Any, state: State, x: Array) -> tuple[Array, State]:
        wide, now = widened((own(params), x[:, 0]))
        after, _ = cell.kind.step(wide._replace(u=wide.u.T), now @ wide.w.T + wide.b[None], state)
        return after[0][:, None].astype(x.dtype), after

    ahead = not (reverse or last or given)
    return layer(init, forward, backward, stream=Stream(resume, step) if ahead else None)


def as_cell(cell: Sized) -> Layer:
    """The layer (state, x) -> state of one step."""
    name, kind = cell.name, cell.kind

    def init(key: PRNGKey, shape: Shape) -> tuple[Any, Shape]:
        require_key_and_shape(key, shape)
        require(
            not is_shape(tuple(shape)) and len(shape) == 2 and len(shape[1]) == 1,
            f"{name} takes a pair (state, x), x of a step (D,); an example is {shape}",
        )
        return cell.draw(key, shape[1][0]), cell.state

    def forward(params: Any, x: Any, key: PRNGKey | None = None) -> tuple[Any, Any]:
        require(
            isinstance(x, tuple) and len(x) == 2,
            f"{name} takes a pair (state, x), and not {type(x).__name__}",
        )
        pair, (state, x) = x, x
        _check(name, params, x, 2)
        _check_state(cell, state, len(x))
        own, before = widened(params), tuple(jax.tree.leaves(widened(state)))
        after, saved = kind.step(
            own._replace(u=own.u.T), widened(x) @ own.w.T + own.b[None], before
        )
        after = cell.shaped(tuple(each.astype(x.dtype) for each in after), state)
        return after, (pair, after, saved)

    def backward(params: Any, cache: Any, dy: Any) -> tuple[Any, Any]:
        pair, after, saved = cache
        state, x = pair
        own, wide_x = widened((params, x))
        h, after, d = (jax.tree.leaves(widened(each)) for each in (state, after, dy))
        da, dbefore, more = kind.back(own, saved, h[0], after[0], tuple(d))
        grads = of_all_weights(kind, own, da, wide_x, saved, h[0], more)
        dstate = cell.shaped(tuple(each.astype(x.dtype) for each in dbefore), state)
        return cast_like(grads, params), alike(pair, (dstate, (da @ own.w).astype(x.dtype)))

    return layer(init, forward, backward)


def _check_state(cell: Sized, state: Any, n: int) -> None:
    """Raise ShapeError unless this is a state of n examples."""
    shapes = tuple((n, size) for size in cell.sizes)
    wanted = shapes if len(shapes) > 1 else shapes[0]
    is_pair = isinstance(state, tuple) and len(state) == len(shapes) > 1
    parts = state if is_pair else (state,)
    for part in parts:
        require_floating(f"{cell.name}: the state", part)
    given = tuple(part.shape for part in parts)
    require(
        given == shapes,
        f"{cell.name}: the state is {given if is_pair else given[0]}; it must be {wanted}",
    )


def _check_lengths(name: str, lengths: Any, n: int) -> None:
    require_array(f"{name}: lengths", lengths)
    require(
        are_lengths(lengths, n),
        f"{name}: lengths are {lengths.shape} {lengths.dtype}; they must be ({n},) integers",
    )


def _check(name: str, params: Any, x: Any, rank: int) -> None:
    require(
        hasattr(params, "u"),
        f"{name}: params are of type {type(params).__name__}; give what init returns first, then x",
    )
    require_floating(f"{name}: x", x)
    wanted, form = params.w.shape[1], "(N, T, D)" if rank == 3 else "(N, D)"
    require(
        x.ndim == rank and x.shape[-1] == wanted,
        f"{name}: x is {x.shape}; it must be {form}, D = {wanted}",
    )
