"""Gradient descent with steps scaled by past gradients."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.choices import require_choice
from fnet.core.expect import require_bool, require_number
from fnet.core.values import constructor
from fnet.optimizers.adam import root
from fnet.optimizers.rule import lifted, require_settings


class RmsProp(NamedTuple):
    """The state of `rmsprop`: s, the mean square of the gradients, shaped like the parameters.

    `mean`, the mean gradient, is there if it is centred, and v, the velocity, with momentum.

    >>> rmsprop(0.5).init(jnp.zeros(2)).s.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    s: ArrayTree
    mean: ArrayTree = None
    v: ArrayTree = None


class Adagrad(NamedTuple):
    """The state of `adagrad`: s, the sum of the squares of the gradients.

    >>> adagrad(0.5, initial=0.25).init(jnp.zeros(2)).s.tolist()
    [0.25, 0.25]
    """

    step: Array
    learning_rate: Array
    s: ArrayTree


class Adadelta(NamedTuple):
    """The state of `adadelta`: s and d, the mean squares of gradients and of steps.

    >>> adadelta().init(jnp.zeros(2)).d.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    s: ArrayTree
    d: ArrayTree


@constructor
def rmsprop(
    learning_rate: float,
    decay: float = 0.9,
    eps: float = 1e-8,
    centered: bool = False,
    momentum: float = 0.0,
    rate_in_velocity: bool = True,
    eps_at: str = "root",
) -> Optimizer:
    """Gradient descent divided by the root of a running mean square; β is `decay`.

        s ← β s + (1 − β) g²      θ ← θ − α g / √(s + ε)

    If it is `centered`, the variance of the gradient takes the place of its mean square:

        c ← β c + (1 − β) g       θ ← θ − α g / √(s − c² + ε)

    With momentum μ, these steps add to a velocity, which does not contain the learning rate if
    `rate_in_velocity` is False (PyTorch; in Keras and optax it does):

        v ← μ v + α g / √(s + ε)      θ ← θ − v

    With eps_at="outside" the divisor is √s + ε, as in PyTorch; in Keras and optax it is √(s + ε).

    Source: Tieleman & Hinton (2012), Neural Networks for Machine Learning, lecture 6.5; centred and
    with momentum: Graves (2013), Generating Sequences With Recurrent Neural Networks, section 4.2.

    >>> optimizer = rmsprop(0.01)  # steps depend on a gradient's sign, and hardly on its size
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.0316  0.0316]
    """
    require_settings("rmsprop", learning_rate, eps=eps, decay=decay, momentum=momentum)
    require_bool("rmsprop: centered", centered)
    require_bool("rmsprop: rate_in_velocity", rate_in_velocity)
    require_choice("rmsprop: eps_at", eps_at, "root", "outside")
    moments = ["s", *(["mean"] if centered else []), *(["v"] if momentum else [])]

    def formula(g: Array, s: Array, *rest: Array) -> tuple[Array, ...]:
        *kept, a = rest
        s = variance = decay * s + (1 - decay) * g**2
        if centered:
            c = kept[0] = decay * kept[0] + (1 - decay) * g
            variance = jnp.maximum(s - c**2, 0)  # which rounding may make negative
        if not momentum:
            return -a * g / root(variance, jnp.array(eps, g.dtype), eps_at), s, *kept
        step = g / root(variance, jnp.array(eps, g.dtype), eps_at)
        v = kept[-1] = momentum * kept[-1] + (a * step if rate_in_velocity else step)
        return -v if rate_in_velocity else -a * v, s, *kept

    return lifted("rmsprop", RmsProp, learning_rate, formula, moments)


@constructor
def adagrad(
    learning_rate: float, initial: float = 0.0, eps: float = 1e-10, eps_at: str = "outside"
) -> Optimizer:
    """Gradient descent divided by the root of the sum of all squares; s begins at `initial`.

        s ← s + g²      θ ← θ − α g / (√s + ε)

    PyTorch has this too; in Keras and optax s begins at 0.1 and ε, 1e-7, stands under the root,
    which is eps_at="root".

    Source: Duchi, Hazan & Singer (2011), Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization, with the diagonal matrix.

    >>> optimizer = adagrad(1.0)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for _ in range(2):
    ...     updates, state = optimizer.update(jnp.ones(()), state)
    ...     print(f"{float(updates):.4f}")
    -1.0000
    -0.7071
    """
    require_settings("adagrad", learning_rate, eps=eps)
    require_number("adagrad: initial", initial, least=0)
    require_choice("adagrad: eps_at", eps_at, "outside", "root")

    def formula(g: Array, s: Array, a: Array) -> tuple[Array, ...]:
        s = s + g**2
        return -a * g / root(s, jnp.array(eps, g.dtype), eps_at), s

    return lifted("adagrad", Adagrad, learning_rate, formula, ("s",), begin={"s": initial})


@constructor
def adadelta(learning_rate: float = 1.0, decay: float = 0.95, eps: float = 1e-6) -> Optimizer:
    """Steps as large as past steps were, in units of the parameters; β is `decay`.

        s ← β s + (1 − β) g²
        Δ = (√(d + ε) / √(s + ε)) g      θ ← θ − α Δ
        d ← β d + (1 − β) Δ²

    The paper has no learning rate: α = 1. PyTorch, Keras and optax have the same formula.

    Source: Zeiler (2012), ADADELTA: An Adaptive Learning Rate Method, algorithm 1.

    >>> optimizer = adadelta()
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(5))
    [-0.00447  0.00447]
    """
    require_settings("adadelta", learning_rate, eps=eps, decay=decay)

    def formula(g: Array, s: Array, d: Array, a: Array) -> Any:
        s = decay * s + (1 - decay) * g**2
        step = jnp.sqrt(d + eps) / jnp.sqrt(s + eps) * g
        return -a * step, s, decay * d + (1 - decay) * step**2

    return lifted("adadelta", Adadelta, learning_rate, formula, ("s", "d"))
