"""Numbers of 64 bits keep their differences: scaled on the host where 32 bits would lose them."""

import dataclasses

import jax
import numpy as np

from fnet.data.dataset import Dataset, Memory
from fnet.data.transforms import compose
from fnet.errors import DataError

CLOSE = 1e-4  # share of a column's range that rounding to float32 may take
LOST = 1e-2  # the same, without a transform that would scale the column
_WIDE = np.iinfo(np.int32)


def exact(dataset: Dataset) -> Dataset:
    """The dataset with its transform applied in float64, if float32 or int32 would lose values.

    Milliseconds since 1970 are all one number in float32, and others in int32; less their mean they
    are not. A dataset whose inputs are safe, on the device already, or no single array in memory is
    returned as it is. Raises DataError where values would be lost and there is no transform.

    >>> from fnet.data import memory, rescale
    >>> times = np.array([[1_700_000_000_001], [1_700_000_000_003]])
    >>> scale = rescale((1_700_000_000_001, 1_700_000_000_003))
    >>> dataset = exact(memory({"time": times, "y": np.zeros(2)}, transform=scale))
    >>> dataset.arrays["time"].tolist(), dataset.transform
    ([[0.0], [1.0]], compose())
    """
    if not isinstance(dataset, Memory):
        return dataset
    name, target = dataset.fields
    x = dataset.arrays[name]
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iuf" or x.dtype.itemsize < 8:
        return dataset
    if not x.size:
        return dataset
    loss, scaled = _loss(x), dataset.transform is not compose()
    if loss <= (CLOSE if scaled else LOST):
        return dataset
    if not scaled:
        raise DataError(
            f"{name}: values up to {np.abs(x).max():.10g} cannot be told apart in 32 bits; scale "
            "them by a transform: normalize(*mean_and_std(dataset))"
        )
    inputs = dataset.transform(x.astype(np.float64)).astype(np.float32)
    arrays = {name: inputs, target: dataset.arrays[target]}
    return dataclasses.replace(dataset, arrays=arrays, transform=compose())


def _loss(x: np.ndarray) -> float:
    """The largest error of 32 bits as a share of a column's range; infinite where integers wrap."""
    if x.dtype.kind in "iu":
        if int(x.max()) > _WIDE.max or int(x.min()) < _WIDE.min:
            return np.inf
    elif jax.dtypes.canonicalize_dtype(x.dtype).itemsize == 8:
        return 0.0
    table = x.reshape(len(x), -1) if x.ndim < 2 else x.reshape(-1, x.shape[-1])
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(table - table.astype(np.float32).astype(np.float64))
        largest, width = _over(np.fmax, error), _over(np.fmax, table) - _over(np.fmin, table)
        share = largest[width > 0] / width[width > 0]
    return float(share.max(initial=0.0))


def _over(reduce: np.ufunc, table: np.ndarray) -> np.ndarray:
    return np.asarray(reduce.reduce(table.astype(np.float64), axis=0))
