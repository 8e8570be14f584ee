"""Follow the regularised leader: weights that are exactly zero."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_number
from fnet.core.limits import times
from fnet.core.values import constructor
from fnet.optimizers.rule import leafwise, lifted, require_settings


class Ftrl(NamedTuple):
    """The state of `ftrl`: n, the sum of the squares of the gradients, and s, the slope of l1 |θ|.

    >>> ftrl(0.5, initial=0.25).init(jnp.zeros(2)).n.tolist()
    [0.25, 0.25]
    """

    step: Array
    learning_rate: Array
    n: ArrayTree
    s: ArrayTree


@constructor
def ftrl(
    learning_rate: float,
    l1: float = 0.0,
    l2: float = 0.0,
    beta: float = 0.0,
    initial: float = 0.0,
) -> Optimizer:
    """Follow the regularised leader, in proximal form, with a rate for each parameter.

        n ← n + g²               q = (β + √n) / α + l2
        z = s + g − q θ          s ← max(−l1, min(z, l1))
        θ ← (s − z) / q

    Where |z| ≤ l1, θ ← 0 exactly. n begins at `initial` and s at q θ, so that z is 0 before the
    first gradient. Where g is 0 nothing changes, and so parameters without a gradient so far stay,
    where the paper, and Keras, would set them to 0.

    The paper keeps z, which is s − q θ, and adds g − σ θ to it; its σ, by which q grows, are those
    of a rate that does not change. Here z is made from the q of this step: without penalties the
    steps are those of `adagrad` under every schedule. Keras divides σ by the rate of the step and
    keeps z, so that its weights shrink in proportion as the rate falls. Its n begins at 0.1, and
    its penalty is twice this l2.

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
        g: Array, p: Array, chosen: bool, n: Array, s: Array, a: Array
    ) -> tuple[Array, ...]:
        more = n + g**2
        root = beta + jnp.sqrt(more)
        z = s + g - times(p, root / a + l2)
        slope = jnp.clip(z, -l1, l1)
        # (s − z) / q − θ, where α, and with it 1 / q, may be 0
        below = root + a * l2
        step = (s + g - slope) * (a / jnp.where(below > 0, below, 1))
        moves = (g != 0) & (root != 0)  # the square of g may vanish
        u = jnp.where(moves, -jnp.where(z == slope, p, step), 0)
        return u, more, jnp.where(moves, slope, s)

    pair = lifted(
        *("ftrl", Ftrl, learning_rate, formula, ("n", "s")), begin={"n": initial}, mask="all"
    )
    q = (beta + math.sqrt(initial)) / learning_rate + l2
    held = leafwise(lambda s, p, q: s + q * p)

    def init_state(params: ArrayTree) -> Ftrl:
        state: Ftrl = pair.init(params)
        return state._replace(s=held((state.s, params), q))

    return Optimizer(init_state, pair.update)
