"""An optimizer's update, given as much as it takes: fnet's own, and those of optax."""

import inspect
from typing import Any

from chex import ArrayTree


def update(
    optimizer: Any, grads: ArrayTree, opt_state: ArrayTree, params: ArrayTree, **more: Any
) -> tuple[ArrayTree, ArrayTree]:
    """optimizer.update(grads, opt_state, params), with what it takes of `more`.

    >>> import jax.numpy as jnp
    >>> from fnet import optimizers
    >>> sgd, params = optimizers.sgd(0.5), jnp.zeros(())
    >>> float(update(sgd, jnp.array(2.0), sgd.init(params), params, value=1.0)[0])
    -1.0
    """
    named = inspect.signature(optimizer.update).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in named.values()):
        more = {name: value for name, value in more.items() if name in named}
    updates, state = optimizer.update(grads, opt_state, params, **more)
    return updates, state
