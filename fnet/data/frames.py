"""The columns of a DataFrame of any library, without importing it."""

import decimal
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_cells import EXACT
from fnet.files.csv_columns import Column

_NUMBERS = (numbers.Real, decimal.Decimal)


def is_frame(source: Any) -> bool:
    """Whether this is a DataFrame, of pandas, polars or another library."""
    return (
        hasattr(source, "columns") and hasattr(source, "__getitem__") and hasattr(source, "shape")
    )


def is_categorical(column: Any) -> bool:
    """Whether a column says that its values are categories, as those of pandas and polars do."""
    kind = str(getattr(column, "dtype", "")).lower()
    return kind.startswith(("category", "categorical", "enum"))


def frame_columns(
    frame: Any,
    missing: Iterable[str] = (),
    spelled: Iterable[str] = (),
    where: str = "DataFrame",
) -> list[Column]:
    """Its columns: numbers as float64, other cells by their text; DataError for two of a name.

    Text that is one of `missing` is a missing cell; columns of `spelled` are words in any case
    (none where every cell is missing).
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: two columns are named {twice!r}; rename one")
    if not frame.shape[0]:
        raise DataError(f"{where}: it has no rows; one row per sample is needed")
    absent, kept = frozenset(missing), frozenset(spelled)
    cells = ((name, np.asarray(frame[key])) for name, key in zip(names, frame.columns, strict=True))
    return [
        _words(name, _present(column), absent)
        if name in kept and column.dtype.kind not in "Mm"
        else _column(where, name, column, absent)
        for name, column in cells
    ]


def _column(where: str, name: str, cells: np.ndarray, missing: frozenset[str]) -> Column:
    if cells.ndim != 1:
        raise DataError(f"{where}, column {name!r}: it is {cells.shape}; it must be (N,)")
    if cells.dtype.kind == "c" or (cells.dtype.kind == "O" and _any_complex(cells)):
        raise DataError(
            f"{where}, column {name!r}: it has complex numbers; a model takes real ones: split "
            "it into its real and its imaginary part"
        )
    if cells.dtype.kind in "iuf":
        wide = (
            cells.dtype.kind in "iu"
            and len(cells)
            and max(int(cells.max()), -int(cells.min())) >= EXACT
        )
        return (
            _words(name, cells.tolist(), missing)
            if wide
            else Column(name, _finite(where, name, cells))
        )
    if cells.dtype.kind == "M":
        days = [None if c == "NaT" else c.replace("T", " ") for c in _iso(cells)]
        return _words(name, days, missing)
    if cells.dtype.kind == "m":
        seconds = cells.astype("timedelta64[us]").astype(np.float64) / 1e6
        return Column(name, np.where(np.isnat(cells), np.nan, seconds))
    present = _present(cells)
    known = [cell for cell in present if cell is not None]
    if all(isinstance(c, _NUMBERS) and not isinstance(c, bool) for c in known):
        values = np.array([np.nan if cell is None else float(cell) for cell in present])
        return Column(name, _finite(where, name, values))
    return _words(name, present, missing)


def _any_complex(cells: np.ndarray) -> bool:
    return any(isinstance(cell, complex | np.complexfloating) for cell in cells)


def _present(cells: np.ndarray) -> list[Any]:
    """The cells, None where they are missing."""
    return [None if _is_missing(cell) else cell for cell in cells.tolist()]


def _words(name: str, cells: list[Any], missing: frozenset[str]) -> Column:
    spelled = [None if cell is None else str(cell).strip() for cell in cells]
    spelled = [None if cell in missing else cell for cell in spelled]
    words = sorted({cell for cell in spelled if cell is not None})
    places: dict[str | None, int] = {word: place for place, word in enumerate(words)}
    places[None] = -1
    return Column(name, np.array([places[cell] for cell in spelled], np.int32), tuple(words))


def _finite(where: str, name: str, cells: np.ndarray) -> np.ndarray:
    values = cells.astype(np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f"{where}, column {name!r}, row {infinite[0]}: it is infinite; a finite number is "
            "needed"
        )
    return values


def _iso(cells: np.ndarray) -> list[str]:
    """Dates as text, to the second."""
    text: list[str] = np.datetime_as_string(cells.astype("datetime64[s]")).tolist()
    return text


def _is_missing(cell: Any) -> bool:
    """None, NaN, and what libraries write for a missing value."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float) and cell != cell
