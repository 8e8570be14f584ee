"""The numbers that methods compute with: real, and in float32 or wider."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core.expect import require, require_floating
from fnet.errors import ShapeError


def real(what: str, x: Any) -> Array:
    """x as an array of real numbers: whole ones as floating point, narrow ones as float32.

    Raises ShapeError if they are complex, or no numbers.

    >>> real("b", [1, 2]).tolist(), real("b", jnp.ones(2, jnp.float16)).dtype
    ([1.0, 2.0], dtype('float32'))
    """
    x = array(what, x)
    if jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == bool:
        return x.astype(float)
    require_floating(what, x)
    return x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)


def array(what: str, x: Any) -> Array:
    """x as an array; ShapeError where it is none."""
    if isinstance(
        x, jax.Array
    ):  # at once: a small problem is solved in a few times what asarray takes
        return x
    if not isinstance(x, str | bytes):
        try:
            return jnp.asarray(x)
        except (TypeError, ValueError):
            pass
    raise ShapeError(f"{what} is {x!r:.80}; it must be an array of numbers")


def arrays(what: str, tree: ArrayTree) -> ArrayTree:
    """The tree with each leaf as an array."""
    return jax.tree.map(lambda leaf: array(what, leaf), tree)


def one_number(what: str, value: Any, hint: str = "") -> Array:
    """A real number that a function gave; ShapeError where it is complex, or of a shape.

    >>> float(one_number("f(x)", 2))
    2.0
    """
    value = array(what, value)
    kind = f"an array {value.shape}" if value.shape else f"{value.dtype}"
    single = value.shape == () and value.dtype.kind not in "bc"
    require(single, f"{what} is {kind}; it must be one real number{hint}")
    return value
