"""Adam: momentum over a running mean square."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_state
from fnet.core.values import constructor
from fnet.optimizers.rule import require_settings, start, zeros


class Adam(NamedTuple):
    """The state of `adam`: m and v, the first and second moments, shaped like the parameters.

    >>> state = adam(0.5).init(jnp.zeros(2))
    >>> state.m.tolist(), state.v.tolist()
    ([0.0, 0.0], [0.0, 0.0])
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    v: ArrayTree


@constructor
def adam(learning_rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Momentum over a running mean square, each corrected for its initialisation at zero.

        m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
        θ ← θ − α m̂ / (√v̂ + ε)                             t = 1, 2, ...

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1.

    >>> optimizer = adam(0.01)  # the first step has size α for every parameter
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.01]
    """
    require_settings("adam", learning_rate, eps=eps, b1=b1, b2=b2)

    def init_state(params: ArrayTree) -> Adam:
        return Adam(*start(learning_rate), zeros(params), zeros(params))

    def update(grads: ArrayTree, state: Adam, params: Any = None) -> tuple[ArrayTree, Adam]:
        require_state("adam", Adam, state)
        t = state.step + 1
        # α m̂ / (√v̂ + ε) = α (r₂ / r₁) m / (√v + ε r₂) with r₁ = 1 − β₁ᵗ, r₂ = √(1 − β₂ᵗ): two
        # divisions fewer per entry. In float32 or wider, since bfloat16 rounds 0.999 to 1.
        time = t.astype(state.learning_rate.dtype)
        r1, r2 = 1 - b1**time, jnp.sqrt(1 - b2**time)
        rate, floor = state.learning_rate * r2 / r1, eps * r2

        def first(g: Array, m: Array) -> Array:
            return b1 * m + (1 - b1) * g.astype(m.dtype)

        def second(g: Array, v: Array) -> Array:
            return b2 * v + (1 - b2) * g.astype(v.dtype) ** 2

        def delta(g: Array, m: Array, v: Array) -> Array:
            a, e = rate.astype(m.dtype), floor.astype(m.dtype)
            return (-a * m / (jnp.sqrt(v) + e)).astype(g.dtype)

        m = jax.tree.map(first, grads, state.m)
        v = jax.tree.map(second, grads, state.v)
        return jax.tree.map(delta, grads, m, v), state._replace(step=t, m=m, v=v)

    return Optimizer(init_state, update)
