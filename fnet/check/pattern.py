"""Where entries are wrong, as a drawing in characters."""

import numpy as np

from fnet.check import thresholds


def pattern(wrong: np.ndarray) -> list[str]:
    """Lines of `x` (wrong) and `·` (right); in a large array, one character per block."""
    flat = wrong.reshape(-1, wrong.shape[-1]) if wrong.ndim else wrong.reshape(1, 1)
    return ["".join("x" if block.any() else "·" for block in _cut(row, 1)) for row in _cut(flat, 0)]


def _cut(array: np.ndarray, axis: int) -> list[np.ndarray]:
    limit = thresholds.COLUMNS if axis else thresholds.ROWS
    return np.array_split(array, min(limit, max(array.shape[axis], 1)), axis=axis)
