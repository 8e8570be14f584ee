"""Where entries are wrong, as a drawing in characters."""

import numpy as np

ROWS, COLUMNS = 12, 48


def pattern(wrong: np.ndarray) -> list[str]:
    """Lines of `x` (wrong) and `·` (right); in a large array, one character per block."""
    flat = wrong.reshape(-1, wrong.shape[-1]) if wrong.ndim else wrong.reshape(1, 1)
    return ["".join("x" if block.any() else "·" for block in _cut(row, 1)) for row in _cut(flat, 0)]


def _cut(array: np.ndarray, axis: int) -> list[np.ndarray]:
    limit = COLUMNS if axis else ROWS
    return np.array_split(array, min(limit, max(array.shape[axis], 1)), axis=axis)
