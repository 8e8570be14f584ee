"""A recurrent cell run over time, with one product for all inputs before the loop, and one for the
gradient of each weight after it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.products import as_rows, by_rows, transposed_product
from fnet.core.steps import alive, states_before
from fnet.core.trees import cast_like, widened

State = tuple[Array, ...]  # (h,), or (h, c), each (N, H)


class Kind(NamedTuple):
    """A cell: what it does in a step, and what the way back needs of it.

        step(u, a, state)                     -> state, saved     a: (N, G H), w x + b
        back(u, saved, before, after, dstate) -> da, dbefore, more
        of_weights(params, das, saved, befores, more) -> the gradients of what is not w or b

    `u` are the parameters with u stored the way that a step reads it; `more` is what `of_weights`
    needs beside da. Its arrays have all steps and examples as rows.
    """

    step: Callable[[Any, Array, State], tuple[State, Any]]
    back: Callable[[Any, Any, State, State, State], tuple[Array, State, Any]]
    of_weights: Callable[..., dict[str, Array]]


class Run(NamedTuple):
    """What a run over time caches: all but lengths and `begin` have time first."""

    x: Array
    begin: State
    states: State
    saved: Any
    lengths: Array | None


def run(
    kind: Kind, params: Any, x: Array, begin: State, lengths: Array | None, reverse: bool
) -> tuple[Run, State]:
    """What is cached, the states after each step among it, and the last state; of x (N, T, D)."""
    wide, x = widened((params, x.swapaxes(0, 1)))
    steps = x.shape[0]
    a = (as_rows(x) @ wide.w.T + wide.b).reshape(*x.shape[:2], len(wide.w))
    turned = wide._replace(u=by_rows(wide.u.T))

    def step(state: State, inputs: Any) -> Any:
        a, t = inputs
        after, saved = kind.step(turned, a, state)
        after = alive(lengths, t, after, state)
        return after, (after, saved)

    end, (states, saved) = jax.lax.scan(step, begin, (a, jnp.arange(steps)), reverse=reverse)
    return Run(x, begin, states, saved, lengths), end


def back(
    kind: Kind, params: Any, cache: Run, dys: Array | None, end: Array | None, reverse: bool
) -> tuple[Any, Array, State]:
    """dparams, dx (N, T, D) and the gradient of the first state: from dys (T, N, H) of every h, or
    from that of the last one."""
    x, begin, states, saved, lengths = cache
    wide, steps = widened(params), x.shape[0]
    befores = states_before(begin, states, reverse)
    last = tuple(map(jnp.zeros_like, begin))
    last = last if end is None else (end.astype(last[0].dtype), *last[1:])

    def step(dstate: State, inputs: Any) -> Any:
        before, after, saved, dy, t = inputs
        dstate = dstate if dy is None else (dstate[0] + dy.astype(dstate[0].dtype), *dstate[1:])
        passed = dstate
        dstate = alive(lengths, t, dstate)
        da, dbefore, more = kind.back(wide, saved, before, after, dstate)
        return alive(lengths, t, dbefore, passed), (da, more)

    inputs = befores, states, saved, dys, jnp.arange(steps)
    dbegin, (da, more) = jax.lax.scan(step, last, inputs, reverse=not reverse)
    flat = jax.tree.map(as_rows, (da, saved, befores, more))
    das = flat[0]
    others = kind.of_weights(wide, *flat)
    dx = (das @ wide.w).reshape(x.shape).swapaxes(0, 1)
    grads = wide._replace(w=transposed_product(das, as_rows(x)), b=das.sum(0), **others)
    return cast_like(grads, params), dx, dbegin
