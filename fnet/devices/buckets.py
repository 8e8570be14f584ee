"""Sums over devices of many arrays, in few messages."""

from typing import Any

import jax
import jax.numpy as jnp

from fnet.core.across import ROWS, over_all

BUCKET = 2**16  # bytes; as long as devices of a CPU take to meet once, copying so many takes


def all_reduce(tree: Any) -> Any:
    """The sum over devices of every array, small ones sent together, as one vector.

    Devices meet, or send a message, for every array: those of a CPU take 10 microseconds for one of
    any size up to 64 kB. An array larger than that is sent by itself, and so is every one where the
    mesh has another axis, along which the compiler may have divided it.

    >>> from fnet.devices.dividing import OWN, WHOLE, on_each
    >>> from fnet.devices.meshes import mesh
    >>> tree = {"w": jnp.ones((1, 2)), "b": jnp.zeros(1)}
    >>> on_each(mesh(1), all_reduce, (OWN,), WHOLE)(tree)["w"].tolist()
    [[1.0, 1.0]]
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.size > mesh.shape[ROWS]:
        return over_all(tree)
    leaves, structure = jax.tree.flatten(tree)
    buckets = _buckets(leaves)
    sent = [
        leaves[places[0]]
        if len(places) == 1
        else jnp.concatenate([leaves[place].ravel() for place in places])
        for places in buckets
    ]
    sums: dict[int, Any] = {}
    for places, added in zip(buckets, over_all(sent), strict=True):
        begin = 0
        for place in places:
            leaf, end = leaves[place], begin + leaves[place].size
            sums[place] = added if len(places) == 1 else added[begin:end].reshape(leaf.shape)
            begin = end
    return jax.tree.unflatten(structure, [sums[place] for place in range(len(leaves))])


def _buckets(leaves: list[Any]) -> list[list[int]]:
    """The places of those that are sent together: of one dtype, and no more than a bucket."""
    buckets: list[list[int]] = []
    filling: dict[Any, list[int]] = {}
    for place, leaf in enumerate(leaves):
        bucket = filling.get(leaf.dtype)
        if bucket is None or leaf.nbytes + sum(leaves[p].nbytes for p in bucket) > BUCKET:
            bucket = []
            buckets.append(bucket)
            if leaf.nbytes <= BUCKET:
                filling[leaf.dtype] = bucket
        bucket.append(place)
    return buckets
