"""Gradient descent with steps scaled by past gradients."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_state
from fnet.core.values import constructor
from fnet.optimizers.rule import require_settings, start, zeros


class RmsProp(NamedTuple):
    """The state of `rmsprop`: s, the mean square of the gradients, shaped like the parameters.

    >>> rmsprop(0.5).init(jnp.zeros(2)).s.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    s: ArrayTree


@constructor
def rmsprop(learning_rate: float, decay: float = 0.9, eps: float = 1e-8) -> Optimizer:
    """Gradient descent divided by the root of a running mean square; β is `decay`.

        s ← β s + (1 − β) g²      θ ← θ − α g / √(s + ε)

    Source: Tieleman & Hinton (2012), Neural Networks for Machine Learning, lecture 6.5.

    >>> optimizer = rmsprop(0.01)  # steps depend on a gradient's sign, and hardly on its size
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.0316  0.0316]
    """
    require_settings("rmsprop", learning_rate, eps=eps, decay=decay)

    def init_state(params: ArrayTree) -> RmsProp:
        return RmsProp(*start(learning_rate), zeros(params))

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
