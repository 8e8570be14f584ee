"""Optimizers: stateless (init_state, update) pairs. Updates are added to the parameters.

The learning rate is an array in the state: it can be read there, and changed by
`set_learning_rate` without recompiling. Moments of bfloat16 parameters are kept in float32, since
bfloat16 rounds 0.999 to 1; an update has the dtype of its gradient.

>>> import jax.numpy as jnp
>>> init_state, update = sgd(0.5)
>>> updates, state = update(jnp.array([1.0, -3.0]), init_state(jnp.zeros(2)))
>>> updates.tolist()
[-0.5, 1.5]
"""

from fnet.optimizers.adam import Adam, adam
from fnet.optimizers.adaptive import RmsProp, rmsprop
from fnet.optimizers.gradient import Momentum, Sgd, momentum, sgd
from fnet.optimizers.rule import apply_updates, set_learning_rate

__all__ = [
    "Adam",
    "Momentum",
    "RmsProp",
    "Sgd",
    "adam",
    "apply_updates",
    "momentum",
    "rmsprop",
    "set_learning_rate",
    "sgd",
]

EXAMPLES = (
    "sgd(0.1)",
    "momentum(0.1)",
    "momentum(0.1, nesterov=True)",
    "rmsprop(0.01)",
    "adam(0.01)",
)
