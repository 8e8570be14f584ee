"""A recurrent cell run over time: the inputs of some steps are one product, and so are their
gradients, few enough that what lies between stays in the processor's cache."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.blocks import divisor
from fnet.core.products import as_rows, by_rows, transposed_product
from fnet.core.steps import alive, states_before
from fnet.core.trees import add, cast_like, widened, zeros_like

State = tuple[Array, ...]  # (h,), or (h, c), each (N, H)

ROWS = 512  # steps times examples of a product: more are no faster, and leave the cache


class Kind(NamedTuple):
    """A cell: what it does in a step, and what the way back needs of it.

        step(u, a, state)                     -> state, saved     a: (N, G H), w x + b
        back(u, saved, before, after, dstate) -> da, dbefore, more
        of_weights(params, da, saved, before, more) -> the gradients of what is not w or b

    `u` are the parameters with u stored the way that a step reads it; `before` and `after` are h
    before and after the step; `more` is what `of_weights` needs beside da. Its arrays have steps
    and examples as rows.
    """

    step: Callable[[Any, Array, State], tuple[State, Any]]
    back: Callable[[Any, Any, Array, Array, State], tuple[Array, State, Any]]
    of_weights: Callable[..., dict[str, Array]]


class Run(NamedTuple):
    """What a run over time caches: x, h after each step and what it saved have time first."""

    x: Array
    begin: State
    h: Array
    saved: Any
    end: State
    lengths: Array | None


def run(
    kind: Kind, params: Any, x: Array, begin: State, lengths: Array | None, reverse: bool
) -> Run:
    """What is cached of x (N, T, D), h after each step and the last state among it."""
    wide, x = widened((params, x.swapaxes(0, 1)))
    turned = wide._replace(u=by_rows(wide.u.T))

    def step(state: State, inputs: Any) -> Any:
        a, t = inputs
        after, saved = kind.step(turned, a + wide.b[None], state)
        after = alive(lengths, t, after, state)
        return after, (after[0], saved)

    def steps(state: State, inputs: Any) -> Any:
        x, t = inputs
        a = (as_rows(x) @ wide.w.T).reshape(*x.shape[:2], len(wide.w))
        return jax.lax.scan(step, state, (a, t), reverse=reverse)

    end, (h, saved) = _in_parts(steps, begin, (x, jnp.arange(len(x))), x.shape[1], reverse)
    return Run(x, begin, h, saved, end, lengths)


def back(
    kind: Kind, params: Any, cache: Run, dys: Array | None, dend: Array | None, reverse: bool
) -> tuple[Any, Array, State]:
    """dparams, dx (N, T, D) and the gradient of the first state: from dys (T, N, H) of every h, or
    from that of the last one."""
    x, begin, h, saved, _, lengths = cache
    wide = widened(params)

    def step(dstate: State, inputs: Any) -> Any:
        before, after, saved, dy, t = inputs
        dstate = dstate if dy is None else (dstate[0] + dy.astype(dstate[0].dtype), *dstate[1:])
        passed = dstate
        dstate = alive(lengths, t, dstate)
        da, dbefore, more = kind.back(wide, saved, before, after, dstate)
        return alive(lengths, t, dbefore, passed), (da, more)

    def steps(carry: Any, inputs: Any) -> Any:
        (dstate, total), (x, before, _, saved, *_) = carry, inputs
        dstate, made = jax.lax.scan(step, dstate, inputs[1:], reverse=not reverse)
        da, more, saved, before, rows = jax.tree.map(as_rows, (*made, saved, before, x))
        grads = of_all_weights(kind, wide, da, rows, saved, before, more)
        return (dstate, add(total, grads)), (da @ wide.w).reshape(x.shape)

    last = zeros_like(begin)
    last = last if dend is None else (dend.astype(last[0].dtype), *last[1:])
    inputs = x, states_before(begin[0], h, reverse), h, saved, dys, jnp.arange(len(x))
    carry = last, zeros_like(wide)
    (dbegin, grads), dx = _in_parts(steps, carry, inputs, x.shape[1], not reverse)
    return cast_like(grads, params), dx.swapaxes(0, 1), dbegin


def of_all_weights(
    kind: Kind, params: Any, da: Array, x: Array, saved: Any, before: Array, more: Any
) -> Any:
    """The gradients of all parameters, from rows of da, of x and of what a step saved."""
    others = kind.of_weights(params, da, saved, before, more)
    return params._replace(w=weight_product(da, x), b=da.sum(0), **others)


def weight_product(da: Array, x: Array) -> Array:
    """daᵀ x, of da (R, M) and x (R, D): the gradient of a weight.

    As `transposed_product`, but on a CPU a wide daᵀ too is stored by rows first: where da has few
    rows, and is in the cache, that costs less than to read it by columns.
    """
    return by_rows(da.T) @ x if da.shape[1] >= x.shape[1] else transposed_product(da, x)


def _in_parts(
    part: Callable[[Any, Any], tuple[Any, Any]], carry: Any, inputs: Any, each: int, reverse: bool
) -> tuple[Any, Any]:
    """carry, made = part(carry, inputs), for so many steps at a time as are `ROWS`."""
    steps = len(jax.tree.leaves(inputs)[0])
    most = min(max(ROWS // max(each, 1), 1), steps)
    size = divisor(steps, most)
    size = size if 2 * size > most else most
    if size == steps:
        return part(carry, inputs)
    whole = steps // size * size
    cut = jax.tree.map(lambda a: a[:whole].reshape(-1, size, *a.shape[1:]), inputs)
    rest, made_of_rest = jax.tree.map(lambda a: a[whole:], inputs), None
    if reverse and whole < steps:
        carry, made_of_rest = part(carry, rest)
    carry, made = jax.lax.scan(part, carry, cut, reverse=reverse)
    made = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), made)
    if not reverse and whole < steps:
        carry, made_of_rest = part(carry, rest)
    if made_of_rest is not None:
        made = jax.tree.map(lambda a, b: jnp.concatenate((a, b)), made, made_of_rest)
    return carry, made
