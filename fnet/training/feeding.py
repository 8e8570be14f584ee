"""How a dataset reaches a compiled function: on the device whole, or block by block."""

import contextlib
import dataclasses
import math
import os
from collections.abc import Generator, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Shape
from fnet.data.batches import PADDING
from fnet.data.dataset import Arrays, Dataset, Memory
from fnet.data.reading import ahead, in_order
from fnet.data.transforms import Transform
from fnet.data.workers import Workers

SHARE = 0.5  # of what the device has free, for a dataset
BLOCK = 2**22  # bytes read together, of a dataset that is not on the device


def on_device(dataset: Dataset) -> Dataset:
    """The dataset with its arrays on the device, if it lies in memory and the device has room."""
    if not isinstance(dataset, Memory) or _resident(dataset):
        return dataset
    if sum(array.nbytes for array in dataset.arrays.values()) > SHARE * free_bytes():
        return dataset
    # Copied: device_put may alias an array on the CPU, which its owner is free to change.
    arrays: Any = {name: jnp.array(array) for name, array in dataset.arrays.items()}
    return dataclasses.replace(dataset, arrays=arrays)


def free_bytes() -> float:
    """How many bytes the default device has free; infinity where that cannot be told."""
    stats = jax.local_devices()[0].memory_stats()
    if stats is not None:
        return float(stats["bytes_limit"] - stats["bytes_in_use"])
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not every system counts its pages
        return math.inf


def blocks(
    dataset: Dataset, order: np.ndarray, start: int = 0, workers: int | Workers = 0
) -> Iterator[tuple[Any, Any, np.ndarray, int]]:
    """(x, target, order of them, first) that together are the batches of `order` from `start` on.

    A dataset on the device is one block. Any other is read in blocks of some megabytes and equal
    numbers of batches, but for the last; each is read while those before it are computed with.
    The batches of a block before its `first` are not asked for; where blocks begin does not hang
    on `start`.
    """
    if _resident(dataset):
        x, target = dataset.arrays.values()  # type: ignore[attr-defined]
        return iter([(x, target, order, start)])
    row = sum(array.nbytes for array in dataset.gather(order[0, :1]).values())
    size = max(1, BLOCK // (row * order.shape[1]))
    parts = np.array_split(order, -(-len(order) // size))
    ends = np.cumsum([len(part) for part in parts]).tolist()
    left = [
        (part, max(0, start - (end - len(part))))
        for part, end in zip(parts, ends, strict=True)
        if end > start
    ]
    rows = (np.where(part == PADDING, part[0, 0], part).ravel() for part, _ in left)
    read = in_order(dataset.gather, rows, workers)
    return ahead(_placed(dataset, read, left))


def pieces(
    dataset: Dataset,
    order: np.ndarray,
    start: int = 0,
    every: int | None = None,
    workers: int | Workers = 0,
) -> Iterator[tuple[tuple[Array, Array, np.ndarray], tuple[int, int], bool]]:
    """((x, target, order of them), (begin, end), pause): the batches of `order` from `start` on.

    Those of x and target to do now are from begin to before end; after each `every` of all batches,
    and at the end, is a pause.
    """
    done, every = start, every or len(order)
    for x, target, places, begin in blocks(dataset, order, start, workers):
        while begin < len(places):
            end = min(len(places), begin + every - done % every)
            done += end - begin
            yield (x, target, places), (begin, end), done % every == 0 or done == len(order)
            begin = end


def _resident(dataset: Dataset) -> bool:
    arrays = dataset.arrays.values() if isinstance(dataset, Memory) else ()
    return bool(arrays) and all(isinstance(array, jax.Array) for array in arrays)


def _placed(
    dataset: Dataset, read: Generator[Arrays], left: list[tuple[np.ndarray, int]]
) -> Iterator[tuple[Array, Array, np.ndarray, int]]:
    with contextlib.closing(read):
        for batch, (order, first) in zip(read, left, strict=True):
            x, target = (jnp.asarray(batch[name]) for name in dataset.fields)
            places = np.where(order == PADDING, PADDING, np.arange(order.size).reshape(order.shape))
            yield x, target, places.astype(order.dtype), first


def inputs(transform: Transform, params: ArrayTree, x: Array) -> Array:
    """transform(x), in the dtype of the parameters: they say how precisely to compute."""
    x = transform(x)
    leaves = jax.tree.leaves(params)
    return x.astype(leaves[0].dtype) if leaves and jnp.issubdtype(x.dtype, jnp.floating) else x


def example_shape(dataset: Dataset) -> Shape:
    """The shape of one example as the model sees it, after the dataset's transform."""
    return tuple(dataset[0][dataset.fields[0]].shape)
