"""What recurrent cells do in a step, and the way back.

u is read as (H, G H) forwards and (G H, H) backwards: the transpose is made once, not at each step.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.products import transposed_product
from fnet.layers.stepping import Kind, State


class Rnn(NamedTuple):
    """The parameters of `rnn`, and their gradients: w (H, D), u (H, H), b (H,).

    >>> from fnet.layers import rnn
    >>> rnn(3).init(jax.random.key(0), (5, 2))[0].w.shape
    (3, 2)
    """

    w: Array
    u: Array
    b: Array


class Lstm(NamedTuple):
    """The parameters of `lstm`, and their gradients.

    w: (4 H, D), u: (4 H, H), b: (4 H,), of the input, forget, cell and output gates in this order.
    With a projection to P numbers, p: (P, H), else None, and u: (4 H, P).

    >>> from fnet.layers import lstm
    >>> lstm(3).init(jax.random.key(0), (5, 2))[0].u.shape
    (12, 3)
    """

    w: Array
    u: Array
    b: Array
    p: Array | None


class Gru(NamedTuple):
    """The parameters of `gru`, and their gradients.

    w: (3 H, D), u: (3 H, H), b: (3 H,), of reset and update gates and candidate in this order.
    c: (H,), the bias under the reset gate, None unless `reset_after`.

    >>> from fnet.layers import gru
    >>> gru(3).init(jax.random.key(0), (5, 2))[0].c.shape
    (3,)
    """

    w: Array
    u: Array
    b: Array
    c: Array | None


def rnn_kind(relu: bool) -> Kind:
    """h' = tanh a or max(0, a), a = w x + u h + b."""

    def step(params: Rnn, a: Array, state: State) -> tuple[State, tuple[()]]:
        a = a + state[0] @ params.u
        return (jnp.where(a > 0, a, 0) if relu else jnp.tanh(a),), ()

    def back(params: Rnn, saved: Any, before: State, after: State, d: State) -> Any:
        (h,), (dh,) = after, d
        da = jnp.where(h > 0, dh, 0) if relu else dh * (1 - h * h)
        return da, (da @ params.u,), ()

    return Kind(step, back, _of_u)


def lstm_kind() -> Kind:
    """i, f, g, o = σ, σ, tanh, σ of a; c' = f c + i g; h' = o tanh c', or that times p."""

    def step(params: Lstm, a: Array, state: State) -> tuple[State, Array]:
        a = a + state[0] @ params.u
        i, f, g, o = jnp.split(a, 4, axis=-1)
        i, f, o = map(jax.nn.sigmoid, (i, f, o))
        g = jnp.tanh(g)
        c = f * state[1] + i * g
        h = o * jnp.tanh(c)
        h = h if params.p is None else h @ params.p.T
        return (h, c), jnp.concatenate((i, f, g, o), axis=-1)

    def back(params: Lstm, saved: Array, before: State, after: State, d: State) -> Any:
        i, f, g, o = jnp.split(saved, 4, axis=-1)
        tanh = jnp.tanh(after[1])
        dh = d[0] if params.p is None else d[0] @ params.p
        dc = d[1] + dh * o * (1 - tanh * tanh)
        parts = (
            dc * g * i * (1 - i),
            dc * before[1] * f * (1 - f),
            dc * i * (1 - g * g),
            dh * tanh * o * (1 - o),
        )
        da = jnp.concatenate(parts, axis=-1)
        more = () if params.p is None else (d[0], o * tanh)
        return da, (da @ params.u, dc * f), more

    def of_weights(params: Lstm, da: Array, saved: Any, before: State, more: Any) -> Any:
        dp = {} if params.p is None else {"p": transposed_product(*more)}
        return _of_u(params, da, saved, before, more) | dp

    return Kind(step, back, of_weights)


def gru_kind(reset_after: bool) -> Kind:
    """r, z = σ of a; n = tanh(aₙ + r (uₙ h + c)), or tanh(aₙ + uₙ (r h)); h' = (1 − z) n + z h."""

    def step(params: Gru, a: Array, state: State) -> tuple[State, Array]:
        (h,), width = state, state[0].shape[-1]
        v = h @ (params.u if reset_after else params.u[:, : 2 * width])
        r, z = jnp.split(jax.nn.sigmoid(a[:, : 2 * width] + v[:, : 2 * width]), 2, axis=-1)
        if reset_after:
            inner = v[:, 2 * width :] + params.c
            n = jnp.tanh(a[:, 2 * width :] + r * inner)
            saved = jnp.concatenate((r, z, n, inner), axis=-1)
        else:
            n = jnp.tanh(a[:, 2 * width :] + (r * h) @ params.u[:, 2 * width :])
            saved = jnp.concatenate((r, z, n), axis=-1)
        return ((1 - z) * n + z * h,), saved

    def back(params: Gru, saved: Array, before: State, after: State, d: State) -> Any:
        more: tuple[Array, ...] = ()
        (h,), (dh,), width = before, d, before[0].shape[-1]
        r, z, n, *inner = jnp.split(saved, 4 if reset_after else 3, axis=-1)
        dn, dz = dh * (1 - z) * (1 - n * n), dh * (h - n) * z * (1 - z)
        if reset_after:
            dr, more = dn * inner[0] * r * (1 - r), (dn * r,)
            dv = jnp.concatenate((dr, dz, dn * r), axis=-1)
            dbefore = dh * z + dv @ params.u
        else:
            dreset = dn @ params.u[2 * width :]
            dr = dreset * h * r * (1 - r)
            dv = jnp.concatenate((dr, dz), axis=-1)
            dbefore = dh * z + dreset * r + dv @ params.u[: 2 * width]
        return jnp.concatenate((dr, dz, dn), axis=-1), (dbefore,), more

    def of_weights(params: Gru, da: Array, saved: Array, before: State, more: Any) -> Any:
        (h,), width = before, before[0].shape[-1]
        gates = da[:, : 2 * width]
        if reset_after:
            (dinner,) = more
            dv = jnp.concatenate((gates, dinner), axis=-1)
            return {"u": transposed_product(dv, h), "c": dinner.sum(0)}
        dn, reset = da[:, 2 * width :], saved[:, :width] * h
        parts = transposed_product(gates, h), transposed_product(dn, reset)
        return {"u": jnp.concatenate(parts)}

    return Kind(step, back, of_weights)


def _of_u(params: Any, da: Array, saved: Any, before: State, more: Any) -> dict[str, Array]:
    return {"u": transposed_product(da, before[0])}
