"""A numeric target turned into two classes, low and high."""

import jax
import numpy as np

from fnet.data.dataset import Dataset, Memory
from fnet.errors import ConfigurationError, DataError


def thresholds(
    targets: np.ndarray, percentiles: tuple[float, float] = (30, 70)
) -> tuple[float, float]:
    """The low and the high percentile of the targets, for `binarize`.

    Pass the targets of the training part only: with all targets, the labels would depend on the
    test part. (Pass all of them only to reproduce the numbers of a course that did so.)

    >>> thresholds(np.arange(101.0))
    (30.0, 70.0)
    """
    if not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise ConfigurationError(
            f"thresholds: the percentiles are {percentiles[0]:g} and {percentiles[1]:g}; the low "
            "one must be below the high one, and both within 0 to 100"
        )
    values = np.asarray(targets, np.float64)
    if not values.size or not np.isfinite(values).all():
        raise DataError("thresholds: targets must be finite numbers, one or more")
    low, high = np.percentile(values, percentiles)
    return float(low), float(high)


def binarize(
    dataset: Dataset, low: float, high: float, classes: tuple[str, str] = ("low", "high")
) -> Memory:
    """Targets at or below `low` become label 0, at or above `high` label 1; the rest are dropped.

    For every part, low and high are the `thresholds` of the training part. Raises DataError if a
    class would be empty.

    >>> houses = Memory({"area": np.ones((4, 1)), "price": np.array([90.0, 150.0, 210.0, 400.0])})
    >>> cheap_or_not = binarize(houses, low=100, high=200)
    >>> cheap_or_not.arrays["label"].tolist(), cheap_or_not.classes
    ([0, 1, 1], ('low', 'high'))
    """
    if not low < high:
        raise ConfigurationError(f"binarize: low is {low}, high is {high}; low must be below high")
    name, target = dataset.fields
    arrays = dataset.gather(np.arange(len(dataset)))
    values = arrays[target].astype(np.float64)  # float32 would round the bounds
    is_high = values >= high
    keep = is_high | (values <= low)
    for label, count in enumerate((np.sum(keep & ~is_high), np.sum(is_high))):
        if not count:
            raise DataError(
                f"binarize: no target for class {classes[label]!r}: {target} ranges from "
                f"{values.min()} to {values.max()}, and the bounds are {low} and {high}; move them"
            )
    x = jax.tree.map(lambda array: array[keep], arrays[name])
    kept = {name: x, "label": is_high[keep].astype(np.int32)}
    return Memory(kept, tuple(classes), dataset.transform)
