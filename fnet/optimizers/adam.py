"""Adam: momentum over a running mean square; with decoupled weight decay; with a maximum."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.choices import require_choice
from fnet.core.values import constructor
from fnet.optimizers.rule import lifted, require_settings, risen
from fnet.optimizers.selecting import Part, require_part

EPS_AT = ("corrected", "uncorrected", "root")
CORRECTION = ("none", "after", "before")


class Adam(NamedTuple):
    """The state of `adam` and `adamw`: m and v, the first and second moments, like the parameters.

    >>> state = adam(0.5).init(jnp.zeros(2))
    >>> state.m.tolist(), state.v.tolist()
    ([0.0, 0.0], [0.0, 0.0])
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    v: ArrayTree


class AmsGrad(NamedTuple):
    """The state of `amsgrad`: the two moments, and `top`, the largest second moment so far.

    >>> amsgrad(0.5).init(jnp.zeros(2)).top.tolist()
    [0.0, 0.0]
    """

    step: Array
    learning_rate: Array
    m: ArrayTree
    v: ArrayTree
    top: ArrayTree


@constructor
def adam(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_at: str = "corrected",
) -> Optimizer:
    """Momentum over a running mean square, each corrected for its initialisation at zero.

        m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
        θ ← θ − α m̂ / (√v̂ + ε)                             t = 1, 2, ...

    That is `eps_at="corrected"`, as in PyTorch and optax. "uncorrected" adds ε to √v before the
    correction, as Keras does and the paper suggests for speed, which makes the first steps smaller;
    "root" divides by √(v̂ + ε), which is optax's eps_root.

    Where g² overflows, from |g| = 1.8e19 on in float32, v is infinite and θ stays from then on, as
    in optax; in PyTorch 2.13, which multiplies by 1 − β₂ first, from 5.8e20 on. Training by `fit`
    ends there with an error that says so; within `clip_by_global_norm(adam(α), limit)` it does not
    come to that.

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1.

    >>> optimizer = adam(0.01)  # the first step has size α for every parameter
    >>> updates, _ = optimizer.update(jnp.array([1.0, -1000.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(4))
    [-0.01  0.01]
    """
    require_settings("adam", learning_rate, eps=eps, b1=b1, b2=b2)
    require_choice("adam: eps_at", eps_at, *EPS_AT)

    def formula(g: Array, m: Array, v: Array, a: Array, e: Array) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        return -a * m / root(v, e, eps_at), m, v

    def numbers(state: Adam) -> tuple[Array, Array]:
        return corrected(state, b1, b2, eps, eps_at)

    return lifted("adam", Adam, learning_rate, formula, ("m", "v"), numbers)


@constructor
def adamw(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    mask: Part = "matrices",
    eps_at: str = "corrected",
) -> Optimizer:
    """Adam with decoupled weight decay: λ is `weight_decay`, for the arrays in `mask`.

        m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
        θ ← θ − α (m̂ / (√v̂ + ε) + λ θ)

    The decay does not pass through the moments, as that of a penalty in the loss does. It decays
    arrays of two axes and more; a `mask` is another part of the parameters, as in `by_part`:
    mask="all" is the default of PyTorch, Keras and optax. Their λ too is multiplied by the
    learning rate, that of the paper by its schedule alone.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2.

    >>> optimizer, w = adamw(0.1, weight_decay=0.5), jnp.ones((1, 1))
    >>> updates, _ = optimizer.update(jnp.zeros((1, 1)), optimizer.init(w), w)
    >>> print(updates.round(4))  # without a gradient, −α λ θ remains
    [[-0.05]]
    """
    require_settings("adamw", learning_rate, eps=eps, weight_decay=weight_decay, b1=b1, b2=b2)
    require_choice("adamw: eps_at", eps_at, *EPS_AT)
    require_part("adamw: mask", mask)

    def formula(
        g: Array, p: Array, chosen: bool, m: Array, v: Array, a: Array, e: Array, decay: Array
    ) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        u = -a * m / root(v, e, eps_at)
        return u - decay * p if chosen else u, m, v

    def numbers(state: Adam) -> tuple[Array, ...]:
        decay = state.learning_rate * weight_decay
        return *corrected(state, b1, b2, eps, eps_at), decay

    return lifted("adamw", Adam, learning_rate, formula, ("m", "v"), numbers, mask=mask)


@constructor
def amsgrad(
    learning_rate: float,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    correction: str = "none",
    eps_at: str = "corrected",
) -> Optimizer:
    """Adam whose second moment never decreases, so that the steps never grow for lack of gradients.

        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²       top ← max(top, v)
        θ ← θ − α m / (√top + ε)

    The paper corrects no moment. `correction="after"` divides m by 1 − β₁ᵗ and the maximum by
    1 − β₂ᵗ, as PyTorch and Keras do (Keras with eps_at="uncorrected"); "before" takes the maximum
    of the corrected v / (1 − β₂ᵗ), as optax does.

    Source: Reddi, Kale & Kumar (2018), On the Convergence of Adam and Beyond, algorithm 2.

    >>> optimizer = amsgrad(0.01, b2=0.5)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for g in (4.0, 0.0):
    ...     _, state = optimizer.update(jnp.array(g), state)
    >>> float(state.v), float(state.top)
    (4.0, 8.0)
    """
    require_settings("amsgrad", learning_rate, eps=eps, b1=b1, b2=b2)
    require_choice("amsgrad: correction", correction, *CORRECTION)
    require_choice("amsgrad: eps_at", eps_at, *EPS_AT)

    def formula(
        g: Array, m: Array, v: Array, top: Array, a: Array, e: Array, scale: Array
    ) -> tuple[Array, ...]:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        top = jnp.maximum(top, v / scale)
        return -a * m / root(top, e, eps_at), m, v, top

    def numbers(state: AmsGrad) -> tuple[Any, ...]:
        if correction == "none":
            return state.learning_rate, eps, 1.0
        if correction == "after":
            return *corrected(state, b1, b2, eps, eps_at), 1.0
        t = time(state)
        return state.learning_rate / risen(b1, t), eps, risen(b2, t)

    return lifted("amsgrad", AmsGrad, learning_rate, formula, ("m", "v", "top"), numbers)


def corrected(state: Any, b1: float, b2: float, eps: float, eps_at: str) -> tuple[Array, Array]:
    """(a, e) with which a m / (√v + e), or a m / √(v + e), is the corrected α m̂ / (√v̂ + ε).

    α m̂ / (√v̂ + ε) = α (r₂ / r₁) m / (√v + ε r₂) with r₁ = 1 − β₁ᵗ and r₂ = √(1 − β₂ᵗ): two
    divisions fewer per entry.
    """
    t = time(state)
    r1, r2 = risen(b1, t), jnp.sqrt(risen(b2, t))
    power = {"corrected": r2, "uncorrected": jnp.ones_like(r2), "root": r2**2}[eps_at]
    return state.learning_rate * r2 / r1, eps * power


def root(v: Array, e: Array, eps_at: str) -> Array:
    """√v + e, or √(v + e)."""
    return jnp.sqrt(v + e) if eps_at == "root" else jnp.sqrt(v) + e


def time(state: Any) -> Array:
    """t, the number of the step, as a number of the learning rate's dtype."""
    t: Array = state.step.astype(state.learning_rate.dtype)
    return t
