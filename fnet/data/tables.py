"""Tables: columns of a CSV file as features and a target."""

import difflib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from fnet.data.dataset import Memory
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_cells import MISSING, mistake, number, shown
from fnet.files.csv_rows import Rows, read_rows

MOST_CLASSES = 100
LARGEST = float(np.finfo(np.float32).max)
EXACT = 2**53  # float64 represents smaller integers exactly


def csv_table(
    path: str | os.PathLike[str],
    target: str,
    features: Sequence[str] | None = None,
    *,
    missing: str = "error",
    labels: bool = False,
    transform: Transform | None = None,
) -> Memory:
    """Columns of a CSV file: {"features": (N, D) float32, "target": (N,) float32}.

    The file is UTF-8, its cells separated by commas and quoted if necessary; its first line names
    the columns. `features` default to all columns but the target. A number is written in ASCII
    digits, optionally with a sign, a decimal point and an exponent. With `labels`, the distinct
    values of the target become the classes, sorted (as numbers, if all are), and the second array
    is {"label": (N,) int32}.

    A cell is missing if it is empty, NA, N/A, NaN, nan, null or None. That is an error, or with
    missing="nan" a NaN for `fill_missing`, given the `column_means` of the training part. A missing
    target is always an error. Raises DataError naming file, line, column, cell, and the fix.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "houses.csv")
    ...     _ = path.write_text("area,rooms,price\\n120,4,250\\n80,3,\\n")
    ...     csv_table(path, target="area", missing="nan").arrays["features"].tolist()
    [[4.0, 250.0], [3.0, nan]]
    """
    if missing not in ("error", "nan"):
        raise ConfigurationError(f"csv_table: missing is {missing!r}; it must be 'error' or 'nan'")
    table = read_rows(Path(path))
    columns = {name: column for column, name in enumerate(table.header)}
    goal = _place(table, columns, target)
    names = [features] if isinstance(features, str) else features
    if names is None:
        names = [name for name in table.header if name != target]
    places = [_place(table, columns, name) for name in names]
    if goal in places or not places or len(set(places)) < len(places):
        raise DataError(
            f"{table.path}: features are {list(names)}, the target is {target!r}; name one or more "
            "features, each once, and not the target"
        )
    values = [_numbers(table, place, missing == "nan") for place in places]
    arrays = {"features": np.array(values, np.float32).T.copy()}
    if not labels:
        arrays["target"] = np.array(_numbers(table, goal, nan=False), np.float32)
        return Memory(arrays, (), transform or compose())
    arrays["label"], classes = _classes(table, goal)
    return Memory(arrays, classes, transform or compose())


def csv_columns(path: str | os.PathLike[str]) -> list[str]:
    """The column names of a CSV file, in order.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "houses.csv").write_text("area,rooms,price\\n120,4,250\\n")
    ...     csv_columns(Path(folder, "houses.csv"))
    ['area', 'rooms', 'price']
    """
    return read_rows(Path(path)).header


def _place(table: Rows, columns: dict[str, int], name: str) -> int:
    if name in columns:
        return columns[name]
    raise DataError(
        f"{table.path}, line 1: there is no column {name!r}; choose one, such as "
        f"{', '.join(map(repr, _nearest(name, table.header)))}"
    )


def _nearest(name: str, header: list[str]) -> list[str]:
    """Columns that may be meant: those with similar names, closest first, or else the first few."""
    lower = {column.lower(): column for column in header}
    matches = difflib.get_close_matches(name.lower(), lower, n=3)
    return [lower[match] for match in matches] or header[:8]


def _refuse(table: Rows, row: int, column: int, wrong: str) -> NoReturn:
    cell = table.cells[row][column]
    raise DataError(
        f"{table.path}, line {table.lines[row]}, column {table.header[column]!r}: {shown(cell)} is "
        f"{wrong}"
    )


def _numbers(table: Rows, column: int, nan: bool) -> list[float]:
    values = []
    for row, cells in enumerate(table.cells):
        cell = cells[column]
        value = math.nan if cell in MISSING else number(cell)
        if value is None:
            _refuse(table, row, column, mistake(cell) or _not_a_number(table))
        if math.isnan(value) and not nan:
            _refuse(
                table,
                row,
                column,
                "missing; fill the cell, or for a feature pass missing='nan' (--missing mean)",
            )
        if abs(value) > LARGEST:
            _refuse(table, row, column, f"infinite in float32; it must be within ±{LARGEST:.2g}")
        values.append(value)
    return values


def _not_a_number(table: Rows) -> str:
    numeric = [
        repr(name)
        for column, name in enumerate(table.header)
        if all(c[column] in MISSING or number(c[column]) is not None for c in table.cells)
    ]
    return f"not a number; choose columns that are: {', '.join(numeric[:8]) or 'none are'}"


def _classes(table: Rows, column: int) -> tuple[np.ndarray, tuple[str, ...]]:
    cells = [cells[column] for cells in table.cells]
    for row, cell in enumerate(cells):
        if cell in MISSING:
            _refuse(
                table, row, column, "missing; every row needs a label: fill it, or drop the row"
            )
    numbers = [value for cell in cells if (value := number(cell)) is not None]
    if len(numbers) == len(cells) and all(abs(value) < EXACT for value in numbers):
        cells = [str(int(n)) if n.is_integer() else repr(n) for n in numbers]  # merges 1 and 1.0
        names = sorted(set(cells), key=float)
    else:
        names = sorted(set(cells))
    where = f"{table.path}, column {table.header[column]!r}"
    if len(names) < 2:
        raise DataError(
            f"{where}: every label is {shown(names[0])}; two classes or more are needed"
        )
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{where}: {len(names)} distinct values, such as {shown(names[0])}, look like a number "
            "to predict, not labels: leave labels=False, then binarize(...) (--binarize LOW HIGH)"
        )
    labels = {name: label for label, name in enumerate(names)}
    return np.array([labels[cell] for cell in cells], np.int32), tuple(names)
