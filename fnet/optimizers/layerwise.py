"""Steps in proportion to the size of the array that they change, for large batches."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.choices import require_choice
from fnet.core.expect import require_number
from fnet.core.limits import over
from fnet.core.values import constructor
from fnet.optimizers.adam import Adam, corrected
from fnet.optimizers.rule import lifted, require_settings
from fnet.optimizers.selecting import Part, require_part


class Lars(NamedTuple):
    """The state of `lars`: v, the velocity, shaped like the parameters.

    >>> lars(0.5).init(jnp.zeros(2)).v.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    v: ArrayTree


@constructor
def lars(
    learning_rate: float,
    decay: float = 0.9,
    weight_decay: float = 0.0,
    trust: float = 0.001,
    mask: Part = "matrices",
    ratio_to: str = "norms",
) -> Optimizer:
    """Momentum whose rate in each array is in proportion to the array's norm.

        γ = η ‖θ‖ / (‖g‖ + λ ‖θ‖)
        v ← β v + α γ (g + λ θ)      θ ← θ − v

    η is `trust`, λ `weight_decay`, β `decay`. Where ‖θ‖ or the denominator is 0, γ is 1, lest
    weights that are zero stay so. Arrays outside of `mask` have neither γ nor decay. In optax the
    denominator is ‖g + λ θ‖, which is ratio_to="update", and the mask "all".

    Source: You, Gitman & Ginsburg (2017), Large Batch Training of Convolutional Networks,
    algorithm 1.

    >>> optimizer, w = lars(1.0, trust=0.125), jnp.full((2, 2), 4.0)
    >>> updates, _ = optimizer.update(jnp.full((2, 2), 500.0), optimizer.init(w), w)
    >>> print(updates[0].round(4))  # an eighth of the weights, whatever the gradient
    [-0.5 -0.5]
    """
    require_settings("lars", learning_rate, weight_decay=weight_decay, decay=decay)
    require_number("lars: trust", trust, above=0)
    require_part("lars: mask", mask)
    require_choice("lars: ratio_to", ratio_to, "norms", "update")

    def formula(g: Array, p: Array, chosen: bool, v: Array, a: Array) -> tuple[Array, Array]:
        if chosen:
            u = g + weight_decay * p
            below = norm(u) if ratio_to == "update" else norm(g) + weight_decay * norm(p)
            g = ratio(trust * norm(p), below) * u
        v = decay * v + a * g
        return -v, v

    return lifted("lars", Lars, learning_rate, formula, ("v",), mask=mask)


@constructor
def lamb(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    mask: Part = "matrices",
) -> Optimizer:
    """Adam's direction, as long in each array as the array itself.

        r = m̂ / (√v̂ + ε) + λ θ
        θ ← θ − α (‖θ‖ / ‖r‖) r

    m̂ and v̂ are those of `adam`; λ, `weight_decay`, is for the arrays in `mask`. Where ‖θ‖ or ‖r‖ is
    0, their ratio counts as 1. Keras and optax have the same formula, with the mask "all".

    Source: You et al. (2020), Large Batch Optimization for Deep Learning: Training BERT in 76
    minutes, algorithm 2.

    >>> optimizer, w = lamb(0.01), jnp.full((2, 2), 3.0)
    >>> updates, _ = optimizer.update(jnp.full((2, 2), 500.0), optimizer.init(w), w)
    >>> print(updates[0].round(4))
    [-0.03 -0.03]
    """
    require_settings("lamb", learning_rate, eps=eps, weight_decay=weight_decay, b1=b1, b2=b2)
    require_part("lamb: mask", mask)

    def numbers(state: Adam) -> tuple[Array, ...]:
        a, e = corrected(
            state._replace(learning_rate=jnp.ones_like(state.learning_rate)),
            b1,
            b2,
            eps,
            "corrected",
        )
        return state.learning_rate, a, e

    def formula(
        g: Array, p: Array, chosen: bool, m: Array, v: Array, rate: Array, a: Array, e: Array
    ) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        r = a * m / (jnp.sqrt(v) + e)
        r = r + weight_decay * p if chosen else r
        return -rate * ratio(norm(p), norm(r)) * r, m, v

    return lifted("lamb", Adam, learning_rate, formula, ("m", "v"), numbers, mask=mask)


def norm(x: Array) -> Array:
    """‖x‖, of all entries of an array; neither too large nor too small for its squares."""
    largest = jnp.max(jnp.abs(x), initial=0)
    scale = jnp.where(largest > 0, largest, 1)
    return scale * jnp.sqrt(jnp.sum(over(x, scale) ** 2))


def ratio(above: Array, below: Array) -> Array:
    """above / below; 1 where one of them is 0."""
    usable = (above > 0) & (below > 0)
    return jnp.where(usable, above / jnp.where(usable, below, 1), 1)
