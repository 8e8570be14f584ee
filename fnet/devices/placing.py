"""Arrays on the devices of a mesh: the same on all, or to each its own rows."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fnet.core.across import ROWS

WHOLE = PartitionSpec()


def placed(rows: Any, mesh: Mesh, axis: int = 0) -> Any:
    """The arrays with their rows divided over the axis "data" of a mesh.

    `rows` is an array or a tree of them. Where the mesh spans several processes, each gives its
    own rows only, those of `own_places`, in their order; the result is one array of all.

    >>> from fnet.devices.meshes import mesh
    >>> placed(np.zeros((6, 2)), mesh(1)).shape
    (6, 2)
    """
    sharding = NamedSharding(mesh, PartitionSpec(*[None] * axis, ROWS))

    def whole(leaf: Any) -> Any:
        if sharding.is_fully_addressable:
            return jax.device_put(leaf, sharding)
        return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

    return jax.tree.map(whole, rows)


def replicated(tree: Any, mesh: Mesh) -> Any:
    """The arrays whole on every device of a mesh; every process gives all of the same.

    >>> from fnet.devices.meshes import mesh
    >>> replicated({"w": np.ones(3)}, mesh(1))["w"].sharding.is_fully_replicated
    True
    """
    return with_sharding(tree, jax.tree.map(lambda _: NamedSharding(mesh, WHOLE), tree))


def with_sharding(tree: Any, shardings: Any) -> Any:
    """The arrays, divided as a tree of shardings says.

    Every process has all of them, or they are divided already, maybe in another way.
    """

    def put(leaf: Any, sharding: Any) -> Any:
        if getattr(leaf, "sharding", None) == sharding:
            return leaf
        if sharding.is_fully_addressable:
            return jax.device_put(leaf, sharding)
        if not getattr(leaf, "is_fully_addressable", True):
            return awaited(jax.device_put)(leaf, sharding)
        held = np.asarray(leaf)
        return jax.make_array_from_callback(held.shape, sharding, lambda index: held[index])

    return jax.tree.map(put, tree, shardings)


def on_one(tree: Any) -> Any:
    """The arrays whole on this process's first device, wherever their parts are.

    With parts on devices of other processes, all must call it.

    >>> from fnet.devices.meshes import mesh
    >>> on_one(placed(np.zeros(3), mesh(1))).sharding.num_devices
    1
    """

    def whole(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or leaf.sharding.num_devices == 1:
            return leaf
        if leaf.is_fully_addressable or leaf.is_fully_replicated:
            return jnp.asarray(np.asarray(leaf))
        sharding: Any = leaf.sharding
        gather = jax.jit(lambda x: x, out_shardings=NamedSharding(sharding.mesh, WHOLE))
        return jnp.asarray(np.asarray(awaited(gather)(leaf)))

    return jax.tree.map(whole, tree)


def awaited(program: Callable[..., Any]) -> Callable[..., Any]:
    """The same, whose results are on all devices of this process before anything else begins.

    >>> awaited(jax.jit(jnp.sum))(np.ones(3)).tolist()
    3.0
    """

    @functools.wraps(program)
    def run(*given: Any, **more: Any) -> Any:
        return jax.block_until_ready(program(*given, **more))

    return run


def own_places(size: int, mesh: Mesh) -> np.ndarray:
    """The rows, of `size`, that the devices of this process have, in their order.

    >>> from fnet.devices.meshes import mesh
    >>> own_places(6, mesh(1)).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    sharding = NamedSharding(mesh, PartitionSpec(ROWS))
    parts = sharding.addressable_devices_indices_map((size,)).values()
    places = [np.arange(size)[index] for index in parts if index is not None]
    return np.unique(np.concatenate(places))
