"""Gradient descent, plain and with momentum."""

from typing import Any, NamedTuple

import jax
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_state
from fnet.core.values import constructor
from fnet.optimizers.rule import require_settings, start, zeros


class Sgd(NamedTuple):
    """The state of `sgd`.

    >>> import jax.numpy as jnp
    >>> state = sgd(0.5).init(jnp.zeros(2))
    >>> int(state.step), float(state.learning_rate)
    (0, 0.5)
    """

    step: Array
    learning_rate: Array


class Momentum(NamedTuple):
    """The state of `momentum`: v, the velocity, shaped like the parameters.

    >>> import jax.numpy as jnp
    >>> momentum(0.5).init(jnp.zeros(2)).v.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    v: ArrayTree


@constructor
def sgd(learning_rate: float) -> Optimizer:
    """Gradient descent, stochastic if the gradient is that of a mini-batch.

        θ ← θ − α g

    Source: Robbins & Monro (1951), A Stochastic Approximation Method.

    >>> import jax.numpy as jnp
    >>> from fnet.optimizers import apply_updates
    >>> params, grads, optimizer = jnp.array([1.0, 2.0]), jnp.array([1.0, -4.0]), sgd(0.5)
    >>> updates, state = optimizer.update(grads, optimizer.init(params))
    >>> apply_updates(params, updates).tolist()
    [0.5, 4.0]
    """
    require_settings("sgd", learning_rate)

    def init_state(params: ArrayTree) -> Sgd:
        return Sgd(*start(learning_rate))

    def update(grads: ArrayTree, state: Sgd, params: Any = None) -> tuple[ArrayTree, Sgd]:
        def delta(g: Array) -> Array:
            return -state.learning_rate.astype(g.dtype) * g

        require_state("sgd", Sgd, state)
        return jax.tree.map(delta, grads), state._replace(step=state.step + 1)

    return Optimizer(init_state, update)


@constructor
def momentum(learning_rate: float, decay: float = 0.9, nesterov: bool = False) -> Optimizer:
    """Gradient descent with a velocity; β is `decay`.

        v ← β v − α g      θ ← θ + v
                           θ ← θ + β v − α g      with nesterov

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods;
    Sutskever et al. (2013), On the importance of initialization and momentum, section 2.

    >>> import jax.numpy as jnp
    >>> optimizer = momentum(1.0, decay=0.5)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for _ in range(3):  # with a constant slope, steps grow towards α / (1 − β)
    ...     updates, state = optimizer.update(jnp.ones(()), state)
    ...     print(float(updates))
    -1.0
    -1.5
    -1.75
    """
    require_settings("momentum", learning_rate, decay=decay)

    def init_state(params: ArrayTree) -> Momentum:
        return Momentum(*start(learning_rate), zeros(params))

    def update(grads: ArrayTree, state: Momentum, params: Any = None) -> tuple[ArrayTree, Momentum]:
        def velocity(g: Array, v: Array) -> Array:
            return decay * v - state.learning_rate.astype(v.dtype) * g.astype(v.dtype)

        def delta(g: Array, v: Array) -> Array:
            return (velocity(g, v) if nesterov else v).astype(g.dtype)

        require_state("momentum", Momentum, state)
        v = jax.tree.map(velocity, grads, state.v)
        return jax.tree.map(delta, grads, v), state._replace(step=state.step + 1, v=v)

    return Optimizer(init_state, update)
