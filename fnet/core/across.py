"""What a layer that mixes the rows of a batch needs where several devices have some each.

Inside `fnet.devices.divided` every device runs the layers on its own rows, along the axis `ROWS` of
a mesh. Elsewhere these functions return what they are given.
"""

from typing import Any

import jax

ROWS = "data"  # the axis of a mesh that divides the rows of a batch


def is_divided() -> bool:
    """Whether the rows at hand are those of one device among several."""
    return ROWS in jax.sharding.get_abstract_mesh().manual_axes


def over_all(tree: Any) -> Any:
    """The sum over all devices of what each has summed over its rows.

    >>> float(over_all(jax.numpy.ones(())))
    1.0
    """
    return jax.lax.psum(tree, ROWS) if is_divided() else tree


def all_rows(rows: int) -> int:
    """The rows of the whole batch, of which there are so many here.

    >>> all_rows(32)
    32
    """
    return rows * jax.lax.axis_size(ROWS) if is_divided() else rows
