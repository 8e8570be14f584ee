"""How a dataset reaches a compiled function: whole on the device, or block by block."""

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeGuard, TypeVar

import jax
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Shape
from fnet.core.trees import cast, is_floating, nbytes
from fnet.data.batches import PADDING
from fnet.data.dataset import Arrays, Dataset, Memory
from fnet.data.reading import ahead, in_order
from fnet.data.transforms import Transform
from fnet.data.workers import Workers
from fnet.devices.placements import HERE, Here

SHARE = 0.5  # of the device's free memory, at most, for a dataset
BLOCK = 2**22  # bytes read at once of a dataset that is not on the device

Given = TypeVar("Given", bound=Dataset)
Check = Callable[[Any, np.ndarray], None]  # raises where these targets, of these indices, are wrong


def unchecked(target: Any, places: np.ndarray) -> None:
    """Whatever is read is accepted."""


def on_device(dataset: Given) -> Given:
    """The dataset with its arrays on the device, if it is in memory and fits there."""
    return on_devices(dataset, HERE)[0]


def on_devices(dataset: Given, placement: Here) -> tuple[Given, Here]:
    """The dataset with its arrays on the devices, if it is in memory and fits there; and the
    placement, of one that is read block by block where it is not."""
    resident = _resident(dataset)
    if not isinstance(dataset, Memory) or (
        not resident
        and placement.copies * nbytes(dataset.arrays) > SHARE * free_bytes(placement.devices)
    ):
        return dataset, placement.streaming()
    if resident and placement == HERE:
        return dataset, placement
    arrays = {name: placement.arrays(value) for name, value in dataset.arrays.items()}
    return dataclasses.replace(dataset, arrays=arrays), placement


def masked(order: np.ndarray) -> np.ndarray:
    """The order of an epoch, padded with real samples: index p of one is written as −1 − p.

    The last batch is padded with samples of the first, so that a layer that mixes the rows of a
    batch sees real ones; a negative index counts for nothing in loss and metrics.

    >>> masked(np.array([[3, 0], [2, -1]])).tolist()
    [[3, 0], [2, -1]]
    >>> masked(np.array([[3, 1], [2, -1]])).tolist()
    [[3, 1], [2, -2]]
    """
    first = np.where(order[0] == PADDING, order[0, 0], order[0])
    return np.where(order == PADDING, ~first, order)


def places_of(order: Any) -> tuple[Any, Any]:
    """The indices of samples in a masked order (NumPy or JAX), and which of them count.

    >>> places, where = places_of(np.array([2, -2]))
    >>> places.tolist(), where.tolist()
    ([2, 1], [True, False])
    """
    return order.__array_namespace__().maximum(order, ~order), order >= 0


def free_bytes(devices: Sequence[jax.Device] = ()) -> float:
    """The least that is free on one of these devices, or on the default one, in bytes.

    It is infinity where that is unknown.
    """
    stats = [device.memory_stats() for device in devices or jax.local_devices()[:1]]
    known = [float(each["bytes_limit"] - each["bytes_in_use"]) for each in stats if each]
    if known:
        return min(known)
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not on every system
        return math.inf


def blocks(
    dataset: Dataset,
    order: np.ndarray,
    start: int = 0,
    workers: int | Workers = 0,
    check: Check = unchecked,
    placement: Here = HERE,
) -> Iterator[tuple[Any, Any, Any, int]]:
    """Blocks (x, target, their order, first), together the batches of `order` from `start` on.

    A dataset on the device is one block. Any other is read in blocks of a few megabytes and about
    equal numbers of batches, each while the previous ones are in use. Skip the batches before
    `first`. Block boundaries do not depend on `start`. Orders are `masked`. What is read is checked
    by check(target, indices). With a placement every process reads the rows of its devices.
    """
    order = masked(order)
    if _resident(dataset):
        x, target = dataset.arrays.values()
        return iter([(x, target, placement.order(order), start)])
    row = nbytes(dataset.gather(order[0, :1]))
    size = max(1, BLOCK // (row * order.shape[1]))
    parts = np.array_split(order, -(-len(order) // size))
    ends = np.cumsum([len(part) for part in parts]).tolist()
    left = [
        (part, max(0, start - (end - len(part))))
        for part, end in zip(parts, ends, strict=True)
        if end > start
    ]
    rows = [placement.read(places_of(part)[0]) for part, _ in left]
    read = in_order(dataset.gather, rows, workers)
    return ahead(_placed(dataset, read, rows, left, check, placement))


def pieces(
    dataset: Dataset,
    order: np.ndarray,
    start: int = 0,
    every: int | None = None,
    workers: int | Workers = 0,
    check: Check = unchecked,
    placement: Here = HERE,
) -> Iterator[tuple[tuple[Array, Array, Any], tuple[int, int], bool]]:
    """((x, target, their order), (begin, end), pause): the batches of `order` from `start` on.

    Of a block's batches, those from begin up to end are to be run; `pause` is true after every
    `every` batches of the epoch, and at its end.
    """
    done, every = start, every or len(order)
    for x, target, places, begin in blocks(dataset, order, start, workers, check, placement):
        while begin < len(places):
            end = min(len(places), begin + every - done % every)
            done += end - begin
            yield (x, target, places), (begin, end), done % every == 0 or done == len(order)
            begin = end


def taken(tree: Any, places: Any) -> Any:
    """The samples at these indices, of an array or a tree of arrays."""
    return jax.tree.map(lambda array: array[places], tree)


def _resident(dataset: Dataset) -> TypeGuard[Memory]:
    arrays = jax.tree.leaves(dataset.arrays) if isinstance(dataset, Memory) else ()
    return bool(arrays) and all(isinstance(array, jax.Array) for array in arrays)


def _placed(
    dataset: Dataset,
    read: Generator[Arrays],
    rows: list[np.ndarray],
    left: list[tuple[np.ndarray, int]],
    check: Check,
    placement: Here,
) -> Iterator[tuple[Array, Array, Any, int]]:
    with contextlib.closing(read):
        for batch, indices, (order, first) in zip(read, rows, left, strict=True):
            check(batch[dataset.fields[1]], indices)
            x, target = (placement.rows(batch[name]) for name in dataset.fields)
            yield x, target, placement.order(placement.where_read(order)), first


def inputs(transform: Transform, params: ArrayTree, x: Any) -> Any:
    """transform(x) in the dtype of the parameters, which decide the precision."""
    x = transform(x)
    dtype = next((leaf.dtype for leaf in jax.tree.leaves(params) if is_floating(leaf)), None)
    return x if dtype is None else cast(x, dtype)


def example_shape(dataset: Dataset) -> Shape:
    """The shape of one example as the model sees it, after the dataset's transform."""
    return jax.tree.map(lambda leaf: tuple(leaf.shape), dataset[0][dataset.fields[0]])
