"""Batches: the order of an epoch, and a generator of its batches."""

import contextlib
from collections.abc import Generator, Iterator

import numpy as np

from fnet.core.expect import require_whole
from fnet.data.dataset import Arrays, Dataset
from fnet.data.reading import in_order
from fnet.data.workers import Workers
from fnet.errors import ConfigurationError

PADDING = -1


def epoch_order(
    n: int,
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
    drop_last: bool = False,
) -> np.ndarray:
    """The indices of n samples in an epoch's order, (steps, batch_size) int32, one row per batch.

    steps is ⌈n / batch_size⌉, or ⌊n / batch_size⌋ with `drop_last`; the last row is padded with −1.
    The order is a function of the arguments alone, and differs from epoch to epoch.

    >>> epoch_order(5, 2, shuffle=False).tolist()
    [[0, 1], [2, 3], [4, -1]]
    """
    require_whole("batch_size", batch_size, least=1)
    order = np.arange(n, dtype=np.int32)
    if shuffle:
        order = np.random.default_rng((seed, epoch)).permutation(order)
    steps = n // batch_size if drop_last else -(-n // batch_size)
    padded = np.full(steps * batch_size, PADDING, np.int32)
    padded[: min(n, padded.size)] = order[: padded.size]
    return padded.reshape(steps, batch_size)


def batches(
    dataset: Dataset,
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
    drop_last: bool = False,
    start: int = 0,
    workers: int | Workers = 0,
    prefetch: int = 0,
) -> Iterator[Arrays]:
    """The batches of an epoch from batch `start` on, as dictionaries of new arrays.

    There are ⌈n / batch_size⌉ of them, the last one possibly smaller, or ⌊n / batch_size⌋ with
    `drop_last`. The dataset's transform has been applied.

    `workers` processes read whole batches, up to `prefetch` of them ahead (without workers a thread
    does); the batches and their order do not depend on how many read them. `workers=Workers(4)`,
    opened in a `with` block, serves many epochs. Raises WorkerError within seconds where a worker
    dies or hangs.

    >>> from fnet.data.dataset import memory
    >>> dataset = memory({"x": np.arange(5.0)[:, None], "y": np.arange(5.0)})
    >>> [batch["y"].tolist() for batch in batches(dataset, 2, shuffle=False)]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """
    if start < 0:
        raise ConfigurationError(f"start is {start}; it must be the index of a batch, 0 or more")
    order = epoch_order(
        len(dataset), batch_size, shuffle=shuffle, seed=seed, epoch=epoch, drop_last=drop_last
    )
    rows = (row[row != PADDING] for row in order[start:])
    return _transformed(dataset, in_order(dataset.gather, rows, workers, prefetch))


def _transformed(dataset: Dataset, read: Generator[Arrays]) -> Iterator[Arrays]:
    name = dataset.fields[0]
    with contextlib.closing(read):
        for batch in read:
            yield {**batch, name: dataset.transform(batch[name])}
