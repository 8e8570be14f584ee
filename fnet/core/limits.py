"""Products and quotients where numbers are as small or as large as they can be."""

import jax.numpy as jnp
from chex import Array


def times(p: Array, x: Array) -> Array:
    """p x, and 0 where p is 0, though x be infinite: the limit where p decays exponentially.

    >>> times(jnp.array([0.0, 2.0]), jnp.array([-jnp.inf, 3.0])).tolist()
    [0.0, 6.0]
    """
    return p * jnp.where(p == 0, 0, x)  # where 0 ∞ is never made, not even to be left out


def over(x: Array, by: Array) -> Array:
    """x / by, where `by` is broadcast, is above 0, and may be nearly as large as numbers go.

    XLA multiplies by 1 / by, which on a CPU it takes for 0 from 8.5e37 on in float32 (jax 0.10.2).

    >>> over(jnp.full((1, 2), 3e38, jnp.float32), jnp.full((1, 1), 1.5e38, jnp.float32)).tolist()
    [[2.0, 2.0]]
    """
    part = jnp.where(by > 1, 0.125, 1).astype(x.dtype)
    return (x * part) / (by * part)
