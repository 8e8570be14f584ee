"""Labels as people store them, numbers, columns, one-hot rows or text, and their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fnet.data.dataset import MOST_NUMBERED
from fnet.errors import DataError, nearest


def class_numbers(
    labels: Mapping[str, np.ndarray], names: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], tuple[str, ...], list[str]]:
    """By part the labels as (N,) int32 from 0, the classes, and sentences on what was decided.

    Classes are the `names`, or the distinct labels of the first part. Raises DataError for labels
    that are not of classes, and for a label that the first part does not have.

    >>> rows = np.array([[0, 1], [1, 0], [0, 1]])
    >>> class_numbers({"all": rows})[:2]
    ({'all': array([1, 0, 1], dtype=int32)}, ('0', '1'))
    >>> class_numbers({"train": np.array(["cat", "ape"]), "test": np.array(["cat"])})[:2]
    ({'train': array([1, 0], dtype=int32), 'test': array([1], dtype=int32)}, ('ape', 'cat'))
    """
    flat, decisions = dict[str, np.ndarray](), list[str]()
    for part, array in labels.items():
        flat[part], sentence = _flat(array)
        decisions += [sentence] if sentence and sentence not in decisions else []
    first = next(iter(flat.values()))
    known = _known(next(iter(labels.values())), names)
    if first.dtype.kind == "U":
        classes = known or tuple(np.unique(first).tolist())
        by_name = {name: index for index, name in enumerate(classes)}
        return (
            {part: _placed(part, array, by_name) for part, array in flat.items()},
            classes,
            decisions,
        )
    if known is not None:
        least = _least(flat, len(known))
        decisions += ["labels count from 1"] if least else []
        checked = {part: _within(part, array - least, known) for part, array in flat.items()}
        return checked, known, decisions
    values = _values(first)
    if values[0] != 0 or values[-1] != len(values) - 1:
        listed = ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
        decisions.append(f"the classes are the labels {listed}")
    place = {value: index for index, value in enumerate(values)}
    numbers = {part: _placed(part, array, place) for part, array in flat.items()}
    return numbers, tuple(map(str, values)), decisions


def _flat(labels: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Labels as (N,) integers or text, and a sentence if they were something else."""
    labels = _text(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        return _flat(labels[:, 0])
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
        if not hot:
            raise DataError(
                f"labels are {labels.shape} {labels.dtype}; of a row, one number must be 1 and the "
                "others 0: a sample of several classes, or of shares, is none that fnet trains on"
            )
        sentence = f"labels are rows of {labels.shape[1]} numbers, of which the 1 says the class"
        return labels.argmax(axis=1), sentence
    if labels.ndim == 1 and labels.dtype.kind in "biuU":
        return labels.astype(np.int64) if labels.dtype.kind in "bi" else labels, None
    if labels.ndim == 1 and labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        return labels.astype(np.int64), None
    raise DataError(
        f"labels are {labels.shape} {labels.dtype}; they must be (N,) integers or text, (N, 1), or "
        "(N, classes) of zeros and a one"
    )


def _known(labels: np.ndarray, names: np.ndarray | None) -> tuple[str, ...] | None:
    """The names of the classes, or their numbers if labels are one-hot."""
    if names is None:
        hot = labels.ndim == 2 and labels.shape[1] > 1
        return tuple(map(str, range(labels.shape[1]))) if hot else None
    names = _text(names)
    if names.dtype.kind in "iu" and np.array_equal(names, np.arange(len(names))):
        names = names.astype(str)  # of digits: the names are the numbers
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataError(f"classes are {names.shape} {names.dtype}; they must be (C,) text")
    return tuple(map(str, names))


def _text(array: np.ndarray) -> np.ndarray:
    """The array, of text if it is of bytes."""
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError as error:
        raise DataError(f"labels or classes are bytes that are not UTF-8 ({error})") from None


def _values(labels: np.ndarray) -> list[int]:
    values: list[int] = np.unique(labels).tolist()
    if values and values[0] < 0 and values != [-1, 1]:
        wrong = np.flatnonzero(labels < 0)
        raise DataError(
            f"label[{wrong[0]}] is {labels[wrong[0]]} ({len(wrong)} labels are below 0); leave out "
            "what has no label, and number classes from 0"
        )
    if len(values) > MOST_NUMBERED:
        raise DataError(f"labels have {len(values):,} values; these are no classes")
    return values or [0]


def _least(flat: Mapping[str, np.ndarray], count: int) -> int:
    """1 where all labels are from 1 to the number of classes, and 0 otherwise."""
    low = min(int(array.min(initial=count)) for array in flat.values())
    high = max(int(array.max(initial=0)) for array in flat.values())
    return int(low == 1 and high == count)


def _within(part: str, labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        where = "" if part == "all" else f" of {part}"
        raise DataError(
            f"label[{wrong[0]}]{where} is {labels[wrong[0]]}; with {len(classes)} classes it "
            f"must be from 0 to {len(classes) - 1} ({len(wrong)} labels are not)"
        )
    return labels.astype(np.int32)


def _placed(part: str, labels: np.ndarray, place: Mapping[Any, int]) -> np.ndarray:
    values, inverse = np.unique(labels, return_inverse=True)
    for value in values.tolist():
        if value not in place:
            known = list(map(str, place))
            listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise DataError(
                f"{part} has the label {value!r}, and the classes are {listed}; leave its samples "
                f"out, or train with them{nearest(str(value), known)}"
            )
    return np.array([place[value] for value in values.tolist()], np.int32)[inverse]
