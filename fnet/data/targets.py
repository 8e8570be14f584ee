"""The column to predict: a number, or the label of a class."""

from typing import NamedTuple

import numpy as np

from fnet.data.kinds import alike
from fnet.errors import DataError
from fnet.files.csv_cells import EXACT, WORD, mistake, shown
from fnet.files.csv_columns import Column

MOST_CLASSES = 100
_FEW = 10  # distinct whole numbers that may be labels
_EACH = 5  # rows per class, on average, with which they are


class Target(NamedTuple):
    """Numbers (N,) float64, NaN where missing, or labels (N,) int32, −1 where missing."""

    values: np.ndarray
    classes: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """Which rows have a target."""
        return self.values >= 0 if self.classes else ~np.isnan(self.values)


def task_of(column: Column) -> tuple[str, str]:
    """ "classes" or "regression", and why; words, two values, and few whole numbers are classes.

    >>> task_of(Column("price", np.array([1.5, 2.25, 7.0])))[0]
    'regression'
    """
    name = column.name
    if column.words is not None:
        none = " (None is one: --na None if it means missing)" if WORD in column.words else ""
        found = f"`{name}` is words: {len(column.words)} classes{none}{alike(column.words)}"
        return "classes", found
    values = column.values[~np.isnan(column.values)]
    count, whole = len(np.unique(values)), bool((values == np.floor(values)).all())
    if count <= 2:
        return "classes", f"`{name}` has {count} values: classes"
    if (not whole and count > _FEW) or count > 2 * _FEW:
        kinds = "whole numbers" if whole else "numbers"
        return "regression", f"`{name}` has {count} distinct {kinds}: a regression"
    doubt = f"`{name}` has {count} distinct {'whole ' if whole else ''}numbers"
    if whole and count <= _FEW and len(values) >= _EACH * count:
        return "classes", f"{doubt}, taken as classes (--task regression to predict a number)"
    return "regression", f"{doubt}, taken as a regression (--task classification for classes)"


def numbers_of(where: str, column: Column) -> Target:
    """The target as numbers; DataError if it is words."""
    if column.words is not None:
        word = column.words[0]
        raise DataError(
            f"{where}, column {column.name!r}: {shown(word)} is "
            f"{mistake(word) or 'not a number; predict classes instead (labels=True)'}"
        )
    return Target(column.values, ())


def labels_of(where: str, column: Column) -> Target:
    """The distinct values as classes, sorted, numbers as numbers; DataError for too many or one."""
    if column.words is not None:
        target = Target(column.values, column.words)
    else:
        known = column.values[~np.isnan(column.values)]
        distinct, codes = np.unique(known, return_inverse=True)
        labels = np.full(len(column.values), -1, np.int32)
        labels[~np.isnan(column.values)] = codes
        target = Target(labels, tuple(name_of(value) for value in distinct[: MOST_CLASSES + 1]))
        if len(distinct) > MOST_CLASSES:
            _refuse_many(where, column.name, len(distinct), target.classes[0])
    if len(target.classes) > MOST_CLASSES:
        raise DataError(
            f"{where}, column {column.name!r}: {len(target.classes)} distinct words, such as "
            f"{shown(target.classes[0])}; they are too many for classes: choose another target"
        )
    if len(target.classes) < 2:
        only = (
            f"every label is {shown(target.classes[0])}" if target.classes else "no label is given"
        )
        gaps = int(np.sum(target.values < 0))
        hint = (
            f" ({gaps} are missing; if a word such as NA is a class, see na, --na)" if gaps else ""
        )
        raise DataError(
            f"{where}, column {column.name!r}: {only}; two classes or more are needed{hint}"
        )
    return target


def name_of(value: float) -> str:
    """The class that a number is: 1 and 1.0 are one."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(float(value))


def _refuse_many(where: str, name: str, count: int, example: str) -> None:
    raise DataError(
        f"{where}, column {name!r}: {count} distinct values, such as {shown(example)}, look like a "
        "number to predict, not labels: leave labels=False (--task regression), or binarize(...) "
        "(--binarize LOW HIGH)"
    )
