"""Steps by the sign of a gradient."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_bool, require_number
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.rule import lifted, require_settings


class Lion(NamedTuple):
    """The state of `lion`: m, the momentum, shaped like the parameters.

    >>> lion(0.5).init(jnp.zeros(2)).m.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    m: ArrayTree


class Rprop(NamedTuple):
    """The state of `rprop`: `size`, that of each step in learning rates, and the last step.

    >>> rprop(0.5).init(jnp.zeros(2)).size.tolist()
    [1.0, 1.0]
    """

    step: Array
    learning_rate: Array
    size: ArrayTree
    last: ArrayTree


@constructor
def lion(learning_rate: float, b1: float = 0.9, b2: float = 0.99) -> Optimizer:
    """The sign of an interpolated momentum: every step has the same size.

        θ ← θ − α sign(β₁ m + (1 − β₁) g)
        m ← β₂ m + (1 − β₂) g

    Take a rate three to ten times smaller than Adam's. The weight decay of the paper is
    decayed(lion(α), λ). Keras and optax have the same formula.

    Source: Chen et al. (2023), Symbolic Discovery of Optimization Algorithms, algorithm 2.

    >>> optimizer = lion(0.01)
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.01]
    """
    require_settings("lion", learning_rate, b1=b1, b2=b2)

    def formula(g: Array, m: Array, a: Array) -> tuple[Array, ...]:
        return -a * jnp.sign(b1 * m + (1 - b1) * g), b2 * m + (1 - b2) * g

    return lifted("lion", Lion, learning_rate, formula, ("m",))


@constructor
def rprop(
    learning_rate: float,
    shrink: float = 0.5,
    grow: float = 1.2,
    least: float = 1e-6,
    most: float = 50.0,
    delayed: bool = False,
) -> Optimizer:
    """Every parameter has its own step, which grows until the gradient changes its sign.

        Δ ← grow Δ      θ ← θ − Δ sign(g)

    as long as g has the sign that it had in the last step. Where the sign has changed, Δ ← shrink
    Δ, θ stays, and g counts as 0 in the next step. Where one of the two gradients is 0, as in the
    first step, θ ← θ − Δ sign(g) with the same Δ.

    Δ begins at the learning rate and stays between `least` and `most`. It is for full batches: a
    mini-batch changes signs at random. PyTorch has the same formula. In optax each step is taken
    one update late, and the first update is 0, which is `delayed=True`.

    Source: Riedmiller & Braun (1993), A Direct Adaptive Method for Faster Backpropagation Learning;
    Igel & Hüsken (2000), Improving the Rprop Learning Algorithm: without backtracking, iRprop−.

    >>> optimizer = rprop(0.1)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for g in (3.0, 1.0, -2.0, -2.0):
    ...     updates, state = optimizer.update(jnp.array(g), state)
    ...     print(f"{float(updates):.2f}")
    -0.10
    -0.12
    0.00
    0.06
    """
    require_settings("rprop", learning_rate)
    require_number("rprop: shrink", shrink, above=0, below=1)
    require_number("rprop: grow", grow, least=1)
    require_number("rprop: least", least, above=0)
    require_number("rprop: most", most, least=least)
    require_bool("rprop: delayed", delayed)
    if not least <= learning_rate <= most:
        raise ConfigurationError(
            f"rprop: learning_rate is {learning_rate}, the first step; it must be between least "
            f"and most, {least} and {most}"
        )

    def formula(g: Array, size: Array, last: Array, a: Array) -> tuple[Array, ...]:
        same = -jnp.sign(g) * jnp.sign(last)
        factor = jnp.where(same > 0, grow, jnp.where(same < 0, shrink, 1.0)).astype(g.dtype)
        size = jnp.clip(size * factor, least / learning_rate, most / learning_rate)
        step = jnp.where(same < 0, 0, -a * size * jnp.sign(g))
        return jnp.where(same < 0, 0, last) if delayed else step, size, step

    return lifted("rprop", Rprop, learning_rate, formula, ("size", "last"), begin={"size": 1.0})
