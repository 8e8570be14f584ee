"""Shared by all optimizers: initial states, their use, and checks of arguments."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, Numeric

from fnet.core.expect import require_learning_rate, require_number, require_settable
from fnet.core.trees import is_non_trainable


def apply_updates(params: ArrayTree, updates: ArrayTree) -> ArrayTree:
    """θ + Δθ, leaf by leaf, in the dtype of θ; `NonTrainable` parts stay, whatever Δθ is there.

    >>> apply_updates({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 1.5]
    """

    def one(p: Any, u: Any) -> Any:  # decoupled weight decay makes updates without gradients
        return p if is_non_trainable(p) else p + u.astype(p.dtype)

    return jax.tree.map(one, params, updates, is_leaf=is_non_trainable)


def set_learning_rate(state: Any, learning_rate: Numeric) -> Any:
    """The optimizer state with another learning rate: a number, or a schedule's value.

    >>> from fnet.optimizers import sgd
    >>> state = sgd(0.5).init(jnp.zeros(2))
    >>> float(set_learning_rate(state, 0.25).learning_rate)
    0.25
    """
    require_settable(state, learning_rate)
    # In the same dtype, lest a compiled step be traced again.
    return state._replace(learning_rate=jnp.asarray(learning_rate, state.learning_rate.dtype))


def start(learning_rate: float) -> tuple[Array, Array]:
    """The first two entries of every state: step 0, and the learning rate."""
    return jnp.zeros((), jnp.int32), jnp.asarray(learning_rate, dtype=float)


def zeros(params: ArrayTree) -> ArrayTree:
    """Zeros like the parameters, in float32 where they have fewer bits."""
    dtypes = jax.tree.map(lambda p: p.dtype if p.dtype.itemsize >= 4 else jnp.float32, params)
    return jax.tree.map(lambda p, dtype: jnp.zeros(p.shape, dtype), params, dtypes)


def require_settings(name: str, learning_rate: float, eps: float = 1.0, **rates: float) -> None:
    """Raise ConfigurationError unless the learning rate, eps and the decay rates are in range."""
    require_learning_rate(name, learning_rate)
    require_number(f"{name}: eps", eps, above=0)
    for key, rate in rates.items():
        require_number(f"{name}: {key}", rate, least=0, below=1)
