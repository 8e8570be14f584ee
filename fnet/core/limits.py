"""Products whose limit is known where their factors are 0 and infinite."""

import jax.numpy as jnp
from chex import Array


def times(p: Array, x: Array) -> Array:
    """p x, and 0 where p is 0, though x be infinite: the limit where p decays exponentially.

    >>> times(jnp.array([0.0, 2.0]), jnp.array([-jnp.inf, 3.0])).tolist()
    [0.0, 6.0]
    """
    return jnp.where(p == 0, 0, p * x)
