"""What a layer needs that mixes the rows of a batch, or draws numbers for them, where each of
several devices has some of the rows.

Within `fnet.devices.divided` every device runs the layers on its own rows, those of its place along
the axis `ROWS` of a mesh. Elsewhere all rows are here, and these functions change nothing.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np
from chex import Array, PRNGKey

from fnet.core.contract import Shape

ROWS = "data"  # the axis of a mesh that divides the rows of a batch


def is_divided() -> bool:
    """Whether the rows at hand are those of one device among several."""
    return ROWS in jax.sharding.get_abstract_mesh().manual_axes


def over_all(tree: Any) -> Any:
    """The sum over all devices of what each has summed over its rows.

    >>> float(over_all(jnp.ones(())))
    1.0
    """
    if not is_divided():
        return tree
    added = jax.lax.psum(jax.tree.map(addable, tree), ROWS)
    return jax.tree.map(lambda total, leaf: total.astype(leaf.dtype), added, tree)


def addable(leaf: Array) -> Array:
    """The array as the compiler can add it up over all devices.

    Along one axis of several XLA has no sum in bfloat16 on a CPU (jax 0.10.2); along all of them it
    adds up in float32 too.

    >>> addable(jnp.ones((), jnp.bfloat16)).dtype.name
    'bfloat16'
    """
    mesh = jax.sharding.get_abstract_mesh()
    is_partial = len(mesh.manual_axes) < len(mesh.axis_names)
    widened = is_partial and leaf.dtype == jnp.bfloat16 and jax.default_backend() == "cpu"
    return leaf.astype(jnp.float32) if widened else leaf


def of_first(tree: Any) -> Any:
    """What the first device has, on every one.

    >>> float(of_first(jnp.ones(())))
    1.0
    """
    if not is_divided():
        return tree
    first = jax.lax.axis_index(ROWS) == 0
    return over_all(jax.tree.map(lambda leaf: jnp.where(first, leaf, 0), tree))


def all_rows(rows: int) -> int:
    """How many rows the whole batch has, of which so many are here.

    >>> all_rows(32)
    32
    """
    return rows * jax.lax.axis_size(ROWS) if is_divided() else rows


def place_of(place: Any, rows: int) -> Any:
    """The place in the whole batch of what is at this place among so many rows here.

    >>> place_of(2, rows=3)
    2
    """
    if not is_divided():
        return place
    dtype = np.dtype(getattr(place, "dtype", np.int32))
    return place + jax.lax.axis_index(ROWS).astype(dtype) * dtype.type(rows)


def by_device(function: Callable[..., tuple[Any, Any]], rows: Any, whole: Any) -> tuple[Any, Any]:
    """out, sums = function(rows, whole), by every device of its rows; sums are those of all.

    Only where the rows are divided, and the compiler is to divide what is made of them, as in a
    loss (`fnet.devices.Placement.loss`).

    >>> out, total = by_device(lambda x, w: (w * x, (w * x).sum()), jnp.ones(3), 2.0)
    >>> out.tolist(), float(total)
    ([2.0, 2.0, 2.0], 6.0)
    """
    mesh = jax.sharding.get_abstract_mesh()
    there = not is_divided() and ROWS in mesh.axis_names
    if not there or any(len(leaf) % mesh.shape[ROWS] for leaf in jax.tree.leaves(rows)):
        return function(rows, whole)

    def own(rows: Any, whole: Any) -> tuple[Any, Any]:
        out, sums = function(rows, whole)
        return out, over_all(sums)

    some, every = jax.P(ROWS), jax.P()
    divided: tuple[Any, Any] = jax.shard_map(
        own,
        in_specs=(some, every),
        out_specs=(some, every),
        axis_names={ROWS},
        check_vma=False,
    )(rows, whole)
    return divided


def own_rows(draw: Callable[[PRNGKey, Shape], Array], key: PRNGKey, shape: Shape) -> Array:
    """draw(key, shape) of rows (N, ...): of the whole batch, those rows that are here.

    >>> own_rows(lambda key, shape: jnp.zeros(shape), jax.random.key(0), (3, 2)).shape
    (3, 2)
    """
    if not is_divided():
        return draw(key, shape)
    whole = draw(key, (all_rows(shape[0]), *shape[1:]))
    return jax.lax.dynamic_slice_in_dim(whole, place_of(0, shape[0]), shape[0])


def own_bits(key: PRNGKey, shape: Shape) -> Array:
    """jax.random.bits(key, shape, uint32) of rows: of the whole batch, those rows that are here.

    Threefry makes a number of its place alone, so that no device makes those of the others.

    >>> own_bits(jax.random.key(0), (3, 2)).shape
    (3, 2)
    """

    def bits(key: PRNGKey, shape: Shape) -> Array:
        return jax.random.bits(key, shape, jnp.uint32)

    numbers = key if not _is_typed(key) else jax.random.key_data(key)
    size = math.prod(shape)
    settings: Any = jax.config
    counted = settings.jax_threefry_partitionable and numbers.shape == (2,)
    if not is_divided() or not counted or all_rows(size) >= 2**32:
        return own_rows(bits, key, shape)
    places = place_of(jax.lax.iota(jnp.uint32, size), size)
    low, high = jnp.broadcast_to(numbers[:, None], (2, size))
    halves = jax.extend.random.threefry2x32_p.bind(low, high, jnp.zeros_like(places), places)
    return (halves[0] ^ halves[1]).reshape(shape)


def _is_typed(key: PRNGKey) -> bool:
    return bool(jnp.issubdtype(key.dtype, jax.dtypes.prng_key))
