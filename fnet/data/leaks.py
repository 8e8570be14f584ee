"""Columns that say the target outright: its logarithm, its name in another language, a copy."""

import shlex
from collections.abc import Iterable

import numpy as np

from fnet.files.csv_columns import gaps

_SOME = 1000  # rows that show most columns to be none
_MANY = 50  # distinct numbers, below which one may rise with another by chance, or by nature
_LEAST = 5  # rows per value of the target, on average, for a column to say more than chance


def gives_away(column: np.ndarray, target: np.ndarray, is_label: bool) -> bool:
    """Whether the target follows from a column, and the column from the target, in every row.

    Labels by any rule; numbers by one that only rises or only falls. Rows without either are left
    aside; labels are −1 where missing, codes of categories −1, numbers NaN.

    >>> wage = np.arange(10.0, 60.0)
    >>> gives_away(np.log(wage), wage, False), gives_away(wage % 40, wage, False)
    (True, False)
    """
    known = ~(gaps(target) | gaps(column))
    x, y = column[known], target[known]
    if len(x) > _SOME and not _together(x[:_SOME], y[:_SOME], is_label):
        return False
    return _together(x, y, is_label)


def warnings(
    names: Iterable[str],
    columns: Iterable[np.ndarray],
    name: str,
    target: np.ndarray,
    is_label: bool,
) -> list[str]:
    """A sentence on each column that says the target."""
    return [
        f"warning: `{each}` and `{name}` say the same in every row: --drop "
        f"{shlex.quote(each)}, if it is not known first"
        for each, column in zip(names, columns, strict=True)
        if gives_away(column, target, is_label)
    ]


def _together(x: np.ndarray, y: np.ndarray, is_label: bool) -> bool:
    if not len(x):
        return False
    (distinct, a), (others, b) = (np.unique(each, return_inverse=True) for each in (x, y))
    if len(distinct) != len(others) or len(others) < 2:
        return False
    if not is_label:
        return len(others) >= _MANY and bool((a == b).all() or (a == len(others) - 1 - b).all())
    return len(x) >= _LEAST * len(others) and len(np.unique(a * len(others) + b)) == len(others)
