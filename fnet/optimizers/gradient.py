"""Gradient descent, plain and with momentum."""

from typing import Any, NamedTuple

from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_bool
from fnet.core.values import constructor
from fnet.optimizers.rule import lifted, require_settings


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

    def formula(g: Array, a: Array) -> tuple[Array]:
        return (-a * g,)

    return lifted("sgd", Sgd, learning_rate, formula)


@constructor
def momentum(
    learning_rate: float,
    decay: float = 0.9,
    nesterov: bool = False,
    rate_in_velocity: bool = True,
) -> Optimizer:
    """Gradient descent with a velocity; β is `decay`.

        v ← β v − α g      θ ← θ + v
                           θ ← θ + β v − α g      with nesterov

    Keras has this velocity, in units of the parameters; that of PyTorch and optax does not contain
    the learning rate, which is `rate_in_velocity=False`. They differ once the rate changes: a step
    forgets the old rate at once in the second, and within 1 / (1 − β) steps in the first.

        v ← β v − g        θ ← θ + α v
                           θ ← θ + α (β v − g)    with nesterov

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
    require_bool("momentum: nesterov", nesterov)
    require_bool("momentum: rate_in_velocity", rate_in_velocity)

    def formula(g: Array, v: Array, a: Array) -> Any:
        if rate_in_velocity:
            v = decay * v - a * g
            return decay * v - a * g if nesterov else v, v
        v = decay * v - g
        return a * (decay * v - g) if nesterov else a * v, v

    return lifted("momentum", Momentum, learning_rate, formula, ("v",))
