"""What the training data says of itself: the numbers that transforms are made with."""

from collections.abc import Iterator

import numpy as np

from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError

Columns = tuple[float, ...]


def mean_and_std(
    dataset: Dataset, batch_size: int = 256, transform: Transform | None = None
) -> tuple[Columns, Columns]:
    """Mean and (population) standard deviation for each entry of the last axis, for `normalize`.

    That is each channel of (N, H, W, C) images, each column of an (N, D) table. The inputs are
    those before the dataset's transform, passed through `transform` where one is given. They are
    read once, a batch at a time, in float64, and the batches' moments merged (Chan, Golub &
    LeVeque 1979):

        δ = mean_b − mean
        mean ← mean + δ n_b / (n + n_b)        M₂ ← M₂ + M₂_b + δ² n n_b / (n + n_b)

    Give it the training part only. Raises DataError where an input is NaN or infinite.

    >>> from fnet.data.dataset import memory
    >>> dataset = memory({"x": np.array([[1.0, 5.0], [3.0, 5.0]]), "y": np.zeros(2)})
    >>> mean_and_std(dataset)
    ((2.0, 5.0), (1.0, 0.0))
    """
    n, mean, m2, origin = 0, np.zeros(1), np.zeros(1), np.zeros(1)
    for x in _rows(dataset, batch_size, transform or compose()):
        if n == 0:
            origin = x[0, 0]
        x = x - origin  # exact zeros for a column of one value: its std is 0 and not a rounding
        mean_b = x.mean(axis=0)
        m2_b = np.square(x - mean_b).sum(axis=0)
        delta, total = mean_b - mean, n + len(x)
        mean = mean + delta * (len(x) / total)
        m2 = m2 + m2_b + np.square(delta) * (n * len(x) / total)
        n = total
    if n == 0:
        raise DataError("mean_and_std: there are no samples")
    # Until here each place of an image had its own moments (NumPy is slow along three channels).
    between = np.square(mean - mean.mean(axis=0)).mean(axis=0)
    std = np.sqrt((m2 / n).mean(axis=0) + between)
    return _plain(origin + mean.mean(axis=0)), _plain(std)


def column_means(features: np.ndarray) -> Columns:
    """The mean of each column of (N, D) without its NaN, for `fill_missing`.

    Give it the features of the training part only. Raises DataError for a column all NaN.

    >>> column_means(np.array([[1.0, 2.0], [3.0, np.nan]]))
    (2.0, 2.0)
    """
    return _plain(np.nanmean(_table(features, "column_means"), axis=0))


def min_max(features: np.ndarray) -> tuple[Columns, Columns]:
    """The least and the greatest of each column of (N, D) without its NaN: `rescale(in_range)`.

    Give it the features of the training part only. Raises DataError for a column all NaN, or of
    one value.

    >>> min_max(np.array([[1.0, 2.0], [3.0, -2.0]]))
    ((1.0, -2.0), (3.0, 2.0))
    """
    table = _table(features, "min_max")
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    _refuse(low == high, "min_max", "holds one value only: drop it, it says nothing")
    return _plain(low), _plain(high)


def _rows(dataset: Dataset, batch_size: int, transform: Transform) -> Iterator[np.ndarray]:
    """The inputs a batch at a time, as float64 (n, places, C)."""
    if batch_size < 1:
        raise ConfigurationError(f"batch_size is {batch_size}; it must be 1 or more")
    name, _ = dataset.fields
    for start in range(0, len(dataset), batch_size):
        places = np.arange(start, min(start + batch_size, len(dataset)))
        x = np.asarray(transform(dataset.gather(places)[name]), np.float64)
        x = x.reshape(len(x), -1, x.shape[-1] if x.ndim > 1 else 1)
        unusable = ~np.isfinite(x).all(axis=(0, 1))
        _refuse(unusable, "mean_and_std", "holds NaN or infinity: fill_missing first")
        yield x


def _table(features: np.ndarray, caller: str) -> np.ndarray:
    table = np.asarray(features, np.float64)
    if table.ndim != 2 or not table.size:
        raise DataError(f"{caller}: features are {table.shape}; a table (N, D) is needed")
    _refuse(np.isnan(table).all(axis=0), caller, "has no values at all: drop it")
    return table


def _refuse(wrong: np.ndarray | np.bool, caller: str, reason: str) -> None:
    if wrong.any():
        raise DataError(f"{caller}: column {np.argmax(wrong)} {reason}")


def _plain(values: np.ndarray) -> Columns:
    return tuple(float(value) for value in values)
