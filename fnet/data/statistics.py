"""Statistics of the training data, from which transforms are made."""

from collections.abc import Iterator

import numpy as np

from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError

Columns = tuple[float, ...]


def mean_and_std(
    dataset: Dataset, batch_size: int = 256, transform: Transform | None = None
) -> tuple[Columns, Columns]:
    """Mean and (population) standard deviation along the last axis, for `normalize`.

    That is one of each per channel of (N, H, W, C) images, or per column of an (N, D) table. The
    dataset's own transform is not applied; `transform`, if given, is. Inputs are read once, batch
    by batch, in float64, and the batches' moments merged (Chan, Golub & LeVeque 1979):

        δ = mean_b − mean
        mean ← mean + δ n_b / (n + n_b)        M₂ ← M₂ + M₂_b + δ² n n_b / (n + n_b)

    Pass the training part only. Raises DataError if an input is NaN or infinite.

    >>> from fnet.data.dataset import memory
    >>> dataset = memory({"x": np.array([[1.0, 5.0], [3.0, 5.0]]), "y": np.zeros(2)})
    >>> mean_and_std(dataset)
    ((2.0, 5.0), (1.0, 0.0))
    """
    n, mean, m2, origin = 0, np.zeros(1), np.zeros(1), np.zeros(1)
    for x in _rows(dataset, batch_size, transform or compose()):
        if n == 0:
            origin = x[0, 0]
        x = x - origin  # makes a constant column exactly 0, so that its std is exactly 0
        mean_b = x.mean(axis=0)
        m2_b = np.square(x - mean_b).sum(axis=0)
        delta, total = mean_b - mean, n + len(x)
        mean = mean + delta * (len(x) / total)
        m2 = m2 + m2_b + np.square(delta) * (n * len(x) / total)
        n = total
    if n == 0:
        raise DataError("mean_and_std: the dataset has no samples; pass one or more")
    # So far each pixel position had moments of its own (NumPy is slow along an axis of three).
    between = np.square(mean - mean.mean(axis=0)).mean(axis=0)
    std = np.sqrt((m2 / n).mean(axis=0) + between)
    return _plain(origin + mean.mean(axis=0)), _plain(std)


def column_means(features: np.ndarray) -> Columns:
    """The mean of each column of (N, D), ignoring NaN, for `fill_missing`.

    Pass the features of the training part only. Raises DataError for a column that is all NaN.

    >>> column_means(np.array([[1.0, 2.0], [3.0, np.nan]]))
    (2.0, 2.0)
    """
    return _plain(np.nanmean(_table(features, "column_means"), axis=0))


def min_max(features: np.ndarray) -> tuple[Columns, Columns]:
    """Minimum and maximum of each column of (N, D), ignoring NaN, for `rescale(in_range)`.

    Pass the features of the training part only. Raises DataError for a column that is all NaN or
    constant.

    >>> min_max(np.array([[1.0, 2.0], [3.0, -2.0]]))
    ((1.0, -2.0), (3.0, 2.0))
    """
    table = _table(features, "min_max")
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    _refuse(low == high, "min_max", "holds one value only: drop it, it carries no information")
    return _plain(low), _plain(high)


def class_weights(labels: np.ndarray, classes: int) -> Columns:
    """N / (K n_c) for each class c, with which all classes count the same in a sum over samples.

    N samples are of K different classes, n_c of them of class c. For
    `losses.cross_entropy(weights=...)`, or of two classes `losses.bce(pos_weight=w[1] / w[0])`.
    Pass the labels of the training part only. A class that does not occur has weight 1.
    Source: King & Zeng (2001), Logistic Regression in Rare Events Data, section 4.2.

    >>> class_weights(np.array([0, 0, 0, 1]), classes=2)
    (0.6666666666666666, 2.0)
    """
    labels = np.asarray(labels).ravel()
    if not len(labels) or (labels < 0).any() or (labels >= classes).any():
        raise DataError(f"class_weights: labels must be from 0 to {classes - 1}, one at least")
    count = np.bincount(labels, minlength=classes)
    held = count > 0
    return _plain(np.where(held, len(labels) / (held.sum() * np.maximum(count, 1)), 1.0))


def _rows(dataset: Dataset, batch_size: int, transform: Transform) -> Iterator[np.ndarray]:
    """The inputs, batch by batch, as float64 (n, positions, C)."""
    if batch_size < 1:
        raise ConfigurationError(f"batch_size is {batch_size}; it must be 1 or more")
    name, _ = dataset.fields
    for start in range(0, len(dataset), batch_size):
        places = np.arange(start, min(start + batch_size, len(dataset)))
        x = transform(dataset.gather(places)[name])
        if not hasattr(x, "dtype"):
            raise DataError(
                f"mean_and_std: the input is a {type(x).__name__}; take those of one of its arrays"
            )
        x = np.asarray(x, np.float64)
        x = x.reshape(len(x), -1, x.shape[-1] if x.ndim > 1 else 1)
        unusable = ~np.isfinite(x).all(axis=(0, 1))
        _refuse(unusable, "mean_and_std", "holds NaN or infinity: fill_missing first")
        yield x


def _table(features: np.ndarray, caller: str) -> np.ndarray:
    table = np.asarray(features, np.float64)
    if table.ndim != 2 or not table.size:
        raise DataError(f"{caller}: features are {table.shape}; they must be a table (N, D)")
    _refuse(np.isnan(table).all(axis=0), caller, "has no values at all: drop it")
    return table


def _refuse(wrong: np.ndarray | np.bool, caller: str, reason: str) -> None:
    if wrong.any():
        raise DataError(f"{caller}: column {np.argmax(wrong)} {reason}")


def _plain(values: np.ndarray) -> Columns:
    return tuple(float(value) for value in values)
