"""Optimizers: stateless (init_state, update) pairs. updates are added to the parameters.

The learning rate stands in the state as an array: it can be read there, and changed
by `set_learning_rate` without a new compilation. Moments of bfloat16 parameters
are kept in float32, where 1 − 0.999 is not lost; an update has the dtype of its gradient.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, Numeric

from fnet.configuration import constructor
from fnet.core import Optimizer
from fnet.expect import require_learning_rate, require_number, require_settable, require_state


class Sgd(NamedTuple):
    """The state of `sgd`.

    >>> state = sgd(0.5).init(jnp.zeros(2))
    >>> int(state.step), float(state.learning_rate)
    (0, 0.5)
    """

    step: Array
    learning_rate: Array


class Momentum(NamedTuple):
    """The state of `momentum`: v, the velocity, like the parameters.

    >>> momentum(0.5).init(jnp.zeros(2)).v.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    v: ArrayTree


class RmsProp(NamedTuple):
    """The state of `rmsprop`: s, the mean square of the gradients, like the parameters.

    >>> rmsprop(0.5).init(jnp.zeros(2)).s.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    s: ArrayTree


class Adam(NamedTuple):
    """The state of `adam`: m and v, the first and second moments, like the parameters.

    >>> state = adam(0.5).init(jnp.zeros(2))
    >>> state.m.tolist(), state.v.tolist()
    ([0.0, 0.0], [0.0, 0.0])
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    v: ArrayTree


@constructor
def sgd(learning_rate: float) -> Optimizer:
    """Gradient descent, stochastic where the gradient is of a batch.

        θ ← θ − α g

    Source: Robbins & Monro (1951), A Stochastic Approximation Method.

    >>> params, grads, optimizer = jnp.array([1.0, 2.0]), jnp.array([1.0, -4.0]), sgd(0.5)
    >>> updates, state = optimizer.update(grads, optimizer.init(params))
    >>> apply_updates(params, updates).tolist()
    [0.5, 4.0]
    """
    _check("sgd", learning_rate)

    def init_state(params: ArrayTree) -> Sgd:
        return Sgd(*_start(learning_rate))

    def update(grads: ArrayTree, state: Sgd, params: Any = None) -> tuple[ArrayTree, Sgd]:
        def delta(g: Array) -> Array:
            return -state.learning_rate.astype(g.dtype) * g

        require_state("sgd", Sgd, state)
        return jax.tree.map(delta, grads), state._replace(step=state.step + 1)

    return Optimizer(init_state, update)


@constructor
def momentum(learning_rate: float, decay: float = 0.9, nesterov: bool = False) -> Optimizer:
    """Gradient descent that keeps a velocity; β is `decay`.

        v ← β v − α g      θ ← θ + v
                           θ ← θ + β v − α g      with nesterov

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods;
    Sutskever et al. (2013), On the importance of initialization and momentum, section 2.

    >>> optimizer = momentum(1.0, decay=0.5)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for _ in range(3):  # one slope again and again: the steps grow towards α / (1 − β)
    ...     updates, state = optimizer.update(jnp.ones(()), state)
    ...     print(float(updates))
    -1.0
    -1.5
    -1.75
    """
    _check("momentum", learning_rate, decay=decay)

    def init_state(params: ArrayTree) -> Momentum:
        return Momentum(*_start(learning_rate), _zeros(params))

    def update(grads: ArrayTree, state: Momentum, params: Any = None) -> tuple[ArrayTree, Momentum]:
        def velocity(g: Array, v: Array) -> Array:
            return decay * v - state.learning_rate.astype(v.dtype) * g.astype(v.dtype)

        def delta(g: Array, v: Array) -> Array:
            return (velocity(g, v) if nesterov else v).astype(g.dtype)

        require_state("momentum", Momentum, state)
        v = jax.tree.map(velocity, grads, state.v)
        return jax.tree.map(delta, grads, v), state._replace(step=state.step + 1, v=v)

    return Optimizer(init_state, update)


@constructor
def rmsprop(learning_rate: float, decay: float = 0.9, eps: float = 1e-8) -> Optimizer:
    """Gradient descent divided by the root of a running mean square; β is `decay`.

        s ← β s + (1 − β) g²      θ ← θ − α g / √(s + ε)

    Source: Tieleman & Hinton (2012), Neural Networks for Machine Learning, lecture 6.5.

    >>> optimizer = rmsprop(0.01)  # its steps know the sign of a gradient, and hardly its size
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.0316  0.0316]
    """
    _check("rmsprop", learning_rate, eps=eps, decay=decay)

    def init_state(params: ArrayTree) -> RmsProp:
        return RmsProp(*_start(learning_rate), _zeros(params))

    def update(grads: ArrayTree, state: RmsProp, params: Any = None) -> tuple[ArrayTree, RmsProp]:
        def mean_square(g: Array, s: Array) -> Array:
            return decay * s + (1 - decay) * g.astype(s.dtype) ** 2

        def delta(g: Array, s: Array) -> Array:
            a = state.learning_rate.astype(s.dtype)
            return (-a * g.astype(s.dtype) / jnp.sqrt(s + eps)).astype(g.dtype)

        require_state("rmsprop", RmsProp, state)
        s = jax.tree.map(mean_square, grads, state.s)
        return jax.tree.map(delta, grads, s), state._replace(step=state.step + 1, s=s)

    return Optimizer(init_state, update)


@constructor
def adam(learning_rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Momentum and a running mean square, each corrected for having begun at zero.

        m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
        θ ← θ − α m̂ / (√v̂ + ε)                             t = 1, 2, ...

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1.

    >>> optimizer = adam(0.01)  # its first step is α for every parameter
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.01]
    """
    _check("adam", learning_rate, eps=eps, b1=b1, b2=b2)

    def init_state(params: ArrayTree) -> Adam:
        return Adam(*_start(learning_rate), _zeros(params), _zeros(params))

    def update(grads: ArrayTree, state: Adam, params: Any = None) -> tuple[ArrayTree, Adam]:
        require_state("adam", Adam, state)
        t = state.step + 1
        # α m̂ / (√v̂ + ε) = α (r₂ / r₁) m / (√v + ε r₂) with r₁ = 1 − β₁ᵗ, r₂ = √(1 − β₂ᵗ): two
        # divisions fewer an entry. In float32 or wider, for in bfloat16 0.999 is 1.
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


def apply_updates(params: ArrayTree, updates: ArrayTree) -> ArrayTree:
    """θ + Δθ, leaf by leaf, in the dtype of θ.

    >>> apply_updates({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 1.5]
    """
    return jax.tree.map(lambda p, u: p + u.astype(p.dtype), params, updates)


def set_learning_rate(state: Any, learning_rate: Numeric) -> Any:
    """The state of an fnet optimizer with another learning rate: a number, or a schedule's value.

    >>> state = sgd(0.5).init(jnp.zeros(2))
    >>> float(set_learning_rate(state, 0.25).learning_rate)
    0.25
    """
    require_settable(state, learning_rate)
    # In the same dtype, or a compiled step would be traced again.
    return state._replace(learning_rate=jnp.asarray(learning_rate, state.learning_rate.dtype))


def _start(learning_rate: float) -> tuple[Array, Array]:
    return jnp.zeros((), jnp.int32), jnp.asarray(learning_rate, dtype=float)


def _zeros(params: ArrayTree) -> ArrayTree:
    """Zeros like the parameters, in float32 where they have fewer bits."""
    dtypes = jax.tree.map(lambda p: p.dtype if p.dtype.itemsize >= 4 else jnp.float32, params)
    return jax.tree.map(lambda p, dtype: jnp.zeros(p.shape, dtype), params, dtypes)


def _check(name: str, learning_rate: float, eps: float = 1.0, **rates: float) -> None:
    require_learning_rate(name, learning_rate)
    require_number(f"{name}: eps", eps, above=0)
    for key, rate in rates.items():
        require_number(f"{name}: {key}", rate, least=0, below=1)
