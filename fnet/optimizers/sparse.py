"""Follow the regularised leader: weights that are exactly zero."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.optimizers.rule import lifted, require_settings


class Ftrl(NamedTuple):
    """The state of `ftrl`: n, the sum of the squares of the gradients, and z, the linear term.

    >>> ftrl(0.5, initial=0.25).init(jnp.zeros(2)).n.tolist()
    [0.25, 0.25]
    """

    step: Array
    learning_rate: Array
    n: ArrayTree
    z: ArrayTree


@constructor
def ftrl(
    learning_rate: float,
    l1: float = 0.0,
    l2: float = 0.0,
    beta: float = 0.0,
    initial: float = 0.0,
) -> Optimizer:
    """Follow the regularised leader, in proximal form, with a rate for each parameter.

        σ = (√(n + g²) − √n) / α
        z ← z + g − σ θ      n ← n + g²
        θ ← (l1 sign(z) − z) / ((β + √n) / α + l2)

    Where |z| ≤ l1, θ ← 0. n begins at `initial`. In Keras it is 0.1, and the penalty is twice this
    l2. Parameters without a gradient so far stay, where the formula, and Keras, would set them to
    0.

    Source: McMahan et al. (2013), Ad Click Prediction: a View from the Trenches, algorithm 1.

    >>> optimizer, w = ftrl(1.0, l1=1.5), jnp.array([0.5, 0.5])
    >>> updates, _ = optimizer.update(jnp.array([2.0, 4.0]), optimizer.init(w), w)
    >>> (w + updates).tolist()  # the first is 0 exactly
    [0.0, -0.125]
    """
    require_settings("ftrl", learning_rate)
    for name, value in {"l1": l1, "l2": l2, "beta": beta, "initial": initial}.items():
        require_number(f"ftrl: {name}", value, least=0)

    def formula(
        g: Array, p: Array, chosen: bool, n: Array, z: Array, a: Array
    ) -> tuple[Array, ...]:
        more = n + g**2
        z = z + g - (jnp.sqrt(more) - jnp.sqrt(n)) / a * p
        below = (beta + jnp.sqrt(more)) / a + l2
        seen = (more > initial) | (z != 0)
        led = (jnp.clip(z, -l1, l1) - z) / jnp.where(below > 0, below, 1)
        return jnp.where(seen, led - p, 0), more, z

    begin = {"n": initial}
    return lifted("ftrl", Ftrl, learning_rate, formula, ("n", "z"), begin=begin, mask="all")
