"""Arrays of fewer axes beside arrays of more, their axes named by the program.

A user may forbid JAX to add axes of its own accord (`jax_numpy_rank_promotion`); so nothing in fnet
leaves that to it. What is compiled is the same.
"""

import jax
from chex import Array, Numeric


def rows(leading: Numeric, like: Array) -> Array:
    """`leading` with axes of size one appended, so that it meets the leading axes of `like`.

    >>> rows(jax.numpy.ones(5), jax.numpy.ones((5, 2, 3))).shape
    (5, 1, 1)
    """
    return leading.reshape(leading.shape + (1,) * (like.ndim - leading.ndim))


def columns(trailing: Numeric, like: Array) -> Array:
    """`trailing` with axes of size one before its own, so that it meets the last axes of `like`.

    >>> columns(jax.numpy.ones(3), jax.numpy.ones((5, 2, 3))).shape
    (1, 1, 3)
    """
    return jax.lax.broadcast_to_rank(trailing, like.ndim)
