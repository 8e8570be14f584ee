"""Relatives of Adam: other momenta, another norm, and a rectified first phase."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.choices import require_choice
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.optimizers.adam import EPS_AT, Adam, corrected, root, time
from fnet.optimizers.rule import lifted, require_settings, risen


class Nadam(NamedTuple):
    """The state of `nadam`: the two moments, and the product of the momenta μ so far.

    >>> float(nadam(0.5).init(jnp.zeros(2)).product)
    1.0
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    v: ArrayTree
    product: Array


class Adamax(NamedTuple):
    """The state of `adamax`: m, the first moment, and u, the decaying maximum.

    >>> adamax(0.5).init(jnp.zeros(2)).u.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    u: ArrayTree


@constructor
def nadam(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float | None = 0.004,
) -> Optimizer:
    """Adam with Nesterov's momentum, whose size μ grows towards β₁; ψ is `momentum_decay`.

        μₜ = β₁ (1 − pow(0.96, t ψ) / 2)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
        m̂ = μₜ₊₁ m / (1 − μ₁ ... μₜ₊₁) + (1 − μₜ) g / (1 − μ₁ ... μₜ)
        θ ← θ − α m̂ / (√v̂ + ε)

    PyTorch has ψ = 0.004, as the paper has; in Keras it is 1, and optax has μ = β₁ from the first
    step on, which is `momentum_decay=None`. The paper's m decays by μₜ, that of all three by β₁.

    Source: Dozat (2016), Incorporating Nesterov Momentum into Adam, algorithm 2.

    >>> optimizer = nadam(0.01, momentum_decay=None)
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))  # (β₁ / (1 + β₁) + 1) α
    [-0.0147  0.0147]
    """
    require_settings("nadam", learning_rate, eps=eps, b1=b1, b2=b2)
    if momentum_decay is not None:
        require_number("nadam: momentum_decay", momentum_decay, least=0)

    def mu(t: Array) -> Any:
        return b1 if momentum_decay is None else b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def advance(state: Nadam) -> Nadam:
        return state._replace(product=state.product * mu(time(state)))

    def numbers(state: Nadam) -> tuple[Array, ...]:
        t = time(state)
        a, e = corrected(state, 0.0, b2, eps, "corrected")
        of_m = mu(t + 1) / (1 - state.product * mu(t + 1))
        return a, e, of_m, (1 - mu(t)) / (1 - state.product)

    def formula(
        g: Array, m: Array, v: Array, a: Array, e: Array, of_m: Array, of_g: Array
    ) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        return -a * (of_m * m + of_g * g) / (jnp.sqrt(v) + e), m, v

    return lifted(
        *("nadam", Nadam, learning_rate, formula, ("m", "v"), numbers),
        scalars={"product": 1.0},
        advance=advance,
    )


@constructor
def adamax(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_at: str = "maximum",
) -> Optimizer:
    """Adam by the largest gradient in place of the mean square.

        m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
        u ← max(β₂ u, |g| + ε)
        θ ← θ − α m̂ / u

    The paper has no ε, and 0 / 0 for a parameter that never had a gradient. With eps_at="maximum"
    it stands as above, as in PyTorch and optax; with "denominator" u + ε divides, as in Keras.

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 2.

    >>> optimizer = adamax(0.01)
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.01]
    """
    require_settings("adamax", learning_rate, eps=eps, b1=b1, b2=b2)
    require_choice("adamax: eps_at", eps_at, "maximum", "denominator")
    inner, outer = (eps, 0.0) if eps_at == "maximum" else (0.0, eps)

    def numbers(state: Adamax) -> tuple[Array]:
        return (state.learning_rate / risen(b1, time(state)),)

    def formula(g: Array, m: Array, u: Array, a: Array) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        u = jnp.maximum(b2 * u, jnp.abs(g) + inner)
        return -a * m / (u + outer), m, u

    return lifted("adamax", Adamax, learning_rate, formula, ("m", "u"), numbers)


@constructor
def radam(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    threshold: float = 4.0,
    eps_at: str = "corrected",
) -> Optimizer:
    """Adam that trusts its mean square by as much as it has seen; before that, momentum alone.

        most = 2 / (1 − β₂) − 1      ρ = most − 2 t β₂ᵗ / (1 − β₂ᵗ)
        r² = (ρ − 4) (ρ − 2) most / ((most − 4) (most − 2) ρ)
        θ ← θ − α r m̂ / (√v̂ + ε)

    Where ρ is not above the threshold, θ ← θ − α m̂. m̂ and v̂ are those of `adam`. The threshold
    is 4 in the paper, and 5 in PyTorch and optax, which begin a step later; PyTorch has
    eps_at="uncorrected".

    Source: Liu et al. (2020), On the Variance of the Adaptive Learning Rate and Beyond,
    algorithm 2.

    >>> optimizer = radam(0.01)  # the first steps are those of momentum
    >>> updates, _ = optimizer.update(jnp.array([1.0, -2.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.02]
    """
    require_settings("radam", learning_rate, eps=eps, b1=b1, b2=b2)
    require_number("radam: threshold", threshold, least=4)
    require_choice("radam: eps_at", eps_at, *EPS_AT)
    most = 2 / (1 - b2) - 1  # of ρ

    def numbers(state: Adam) -> tuple[Array, ...]:
        t = time(state)
        rho = _seen(b2, t)
        rectified = rho > threshold
        square = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
        r = jnp.sqrt(jnp.where(rectified, square, 1.0))
        a, e = corrected(state, b1, b2, eps, eps_at)
        return rectified.astype(t.dtype), state.learning_rate / risen(b1, t), r * a, e

    def formula(
        g: Array, m: Array, v: Array, rectified: Array, plain: Array, a: Array, e: Array
    ) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        return -jnp.where(rectified > 0, a * m / root(v, e, eps_at), plain * m), m, v

    return lifted("radam", Adam, learning_rate, formula, ("m", "v"), numbers)


def _seen(b2: float, t: Array) -> Array:
    """ρ of `radam`, how many squares v is a mean of; with x = −t log β₂, while x is small

        ρ = most + 2 / log β₂ + t + (2 / log β₂) (x² / 12 − x⁴ / 720 + x⁶ / 30240)

    where most − 2 t β₂ᵗ / (1 − β₂ᵗ) would be a small difference of large numbers.
    """
    most, rate = 2 / (1 - b2) - 1, -math.log(max(b2, 1e-300))
    x = t * rate
    square = x * x
    bend = square * (1 / 12 - square * (1 / 720 - square / 30240))
    early = (most - 2 / rate) + t - 2 / rate * bend
    return jnp.where(x < 0.1, early, most - 2 * t / jnp.expm1(x))
