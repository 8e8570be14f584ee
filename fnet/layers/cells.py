"""What recurrent cells do in a step, and the way back.

u is read as (H, G H) forwards and (G H, H) backwards: the transpose is made once, not at each step.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import columns
from fnet.layers.stepping import Kind, State, weight_product


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

    def back(params: Rnn, saved: Any, before: Array, after: Array, d: State) -> Any:
        (dh,) = d
        da = jnp.where(after > 0, dh, 0) if relu else dh * (1 - after * after)
        return da, (da @ params.u,), ()

    def of_weights(
        params: Rnn, da: Array, saved: Any, before: Array, more: Any
    ) -> dict[str, Array]:
        return {"u": weight_product(da, before)}

    return Kind(step, back, of_weights)


def lstm_kind() -> Kind:
    """i, f, g, o = σ, σ, tanh, σ of a; c' = f c + i g; h' = o tanh c', or that times p.

    A step saves the gates and c; c' is made of them again.
    """

    def step(params: Lstm, a: Array, state: State) -> tuple[State, tuple[Array, ...]]:
        h, c = state
        i, f, g, o = jnp.split(a + h @ params.u, 4, axis=-1)
        i, f, o = map(jax.nn.sigmoid, (i, f, o))
        g = jnp.tanh(g)
        after = f * c + i * g
        h = o * jnp.tanh(after)
        h = h if params.p is None else h @ params.p.T
        return (h, after), (i, f, g, o, c)

    def back(params: Lstm, saved: Any, before: Array, after: Array, d: State) -> Any:
        i, f, g, o, c = saved
        m = jnp.tanh(f * c + i * g)
        dh = d[0] if params.p is None else d[0] @ params.p
        dc = d[1] + dh * o * (1 - m * m)
        parts = (
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dc * i * (1 - g * g),
            dh * m * o * (1 - o),
        )
        da = jnp.concatenate(parts, axis=-1)
        more = () if params.p is None else (d[0], o * m)
        return da, (da @ params.u, dc * f), more

    def of_weights(
        params: Lstm, da: Array, saved: Any, before: Array, more: Any
    ) -> dict[str, Array]:
        dp = {} if params.p is None else {"p": weight_product(*more)}
        return {"u": weight_product(da, before)} | dp

    return Kind(step, back, of_weights)


def gru_kind(reset_after: bool) -> Kind:
    """r, z = σ of a; n = tanh(aₙ + r (uₙ h + c)), or tanh(aₙ + uₙ (r h)); h' = (1 − z) n + z h."""

    def step(params: Gru, a: Array, state: State) -> tuple[State, tuple[Array, ...]]:
        (h,), width = state, state[0].shape[-1]
        v = h @ (params.u if reset_after else params.u[:, : 2 * width])
        r, z = jnp.split(jax.nn.sigmoid(a[:, : 2 * width] + v[:, : 2 * width]), 2, axis=-1)
        saved: tuple[Array, ...]
        if reset_after:
            inner = v[:, 2 * width :] + columns(params.c, v)
            n = jnp.tanh(a[:, 2 * width :] + r * inner)
            saved = r, z, n, inner
        else:
            n = jnp.tanh(a[:, 2 * width :] + (r * h) @ params.u[:, 2 * width :])
            saved = r, z, n
        return ((1 - z) * n + z * h,), saved

    def back(params: Gru, saved: Any, before: Array, after: Array, d: State) -> Any:
        h, (dh,), width = before, d, before.shape[-1]
        r, z, n, *inner = saved
        dn, dz = dh * (1 - z) * (1 - n * n), dh * (h - n) * z * (1 - z)
        if reset_after:
            dr = dn * inner[0] * r * (1 - r)
            dv = jnp.concatenate((dr, dz, dn * r), axis=-1)
            dbefore = dh * z + dv @ params.u
        else:
            dreset = dn @ params.u[2 * width :]
            dr = dreset * h * r * (1 - r)
            dv = jnp.concatenate((dr, dz), axis=-1)
            dbefore = dh * z + dreset * r + dv @ params.u[: 2 * width]
        return jnp.concatenate((dr, dz, dn), axis=-1), (dbefore,), dv

    def of_weights(
        params: Gru, da: Array, saved: Any, before: Array, dv: Array
    ) -> dict[str, Array]:
        width = before.shape[-1]
        du = weight_product(dv, before)
        if reset_after:
            return {"u": du, "c": dv[:, 2 * width :].sum(0)}
        of_candidate = weight_product(da[:, 2 * width :], saved[0] * before)
        return {"u": jnp.concatenate((du, of_candidate))}

    return Kind(step, back, of_weights)
