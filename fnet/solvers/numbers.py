"""The numbers that methods compute with: real, and in float32 or wider."""

from typing import Any

import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_floating


def real(what: str, x: Any) -> Array:
    """x as an array of real numbers: whole ones as floating point, narrow ones as float32.

    Raises ShapeError if they are complex.

    >>> real("b", [1, 2]).tolist(), real("b", jnp.ones(2, jnp.float16)).dtype
    ([1.0, 2.0], dtype('float32'))
    """
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == bool:
        return x.astype(float)
    require_floating(what, x)
    return x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)
