"""Arrays of words and of Python's objects, as data frames give them, made plain numbers."""

import numbers
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from fnet.errors import DataError


def numbered_words(
    name: str, labels: np.ndarray, classes: Sequence[str] | None
) -> tuple[np.ndarray, Sequence[str] | None]:
    """Labels of words as integers, by sorted order or by the classes given; others unchanged.

    >>> numbered_words("y", np.array(["b", "a", "b"]), None)
    (array([1, 0, 1], dtype=int32), ('a', 'b'))
    """
    cells = labels.ravel().tolist()
    if labels.dtype == object and all(isinstance(cell, numbers.Integral) for cell in cells):
        return labels.astype(np.int64), classes
    if labels.dtype == object and not all(isinstance(cell, str | bool | np.bool) for cell in cells):
        strange = next(cell for cell in cells if not isinstance(cell, str))
        if all(isinstance(cell, numbers.Real) for cell in cells):
            return labels.astype(np.float64), classes
        raise DataError(
            f"memory: {name} holds {strange!r} among others; labels are integers, or all words"
        )
    words = [str(cell) for cell in cells]
    names = sorted(set(words)) if classes is None else [str(each) for each in classes]
    places = {word: place for place, word in enumerate(names)}
    unknown = next((word for word in words if word not in places), None)
    if unknown is not None:
        raise DataError(f"memory: {name} holds {unknown!r}, which is none of the classes {names}")
    codes = np.array([places[word] for word in words], np.int32)
    return codes.reshape(labels.shape), tuple(names)


def as_numbers(name: str, value: Any) -> Any:
    """The arrays, those of objects converted; DataError for words and dates.

    >>> as_numbers("x", np.array([[1, 2.5]], object))
    array([[1. , 2.5]])
    """
    return jax.tree.map(lambda array: _plain_array(name, array), value)


def _plain_array(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype == np.longdouble and array.dtype != np.float64:
        return array.astype(np.float64)
    if array.dtype == object:
        cells = array.ravel().tolist()
        if all(isinstance(cell, numbers.Real) for cell in cells):
            whole = all(isinstance(cell, numbers.Integral) for cell in cells)
            return array.astype(np.int64 if whole else np.float64)
        strange = next(cell for cell in cells if not isinstance(cell, numbers.Real))
        kind, advice = f"{strange!r}", "words by csv_table(DataFrame, target)"
    elif array.dtype.kind in "US":
        kind, advice = f"words, such as {array.flat[0]!r}", "by csv_table(DataFrame, target)"
    elif array.dtype.kind in "mM":
        kind, advice = f"{array.dtype}", "for instance days: (x - x.min()) / np.timedelta64(1, 'D')"
    else:
        return array
    raise DataError(f"memory: {name} holds {kind}; it must hold numbers: encode it, {advice}")
