"""Tables: columns of a CSV file as features and a target."""

import csv
import difflib
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from fnet.data.dataset import Memory
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "None")
MOST_CLASSES = 100
LARGEST = float(np.finfo(np.float32).max)


class _Table(NamedTuple):
    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]  # the line a row begins on, its cells

    def refuse(self, line: int, column: int, wanted: str) -> NoReturn:
        cell = dict(self.rows)[line][column]
        raise DataError(
            f"{self.path}, line {line}, column {self.header[column]!r}: {cell!r} is {wanted}"
        )


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

    The file is UTF-8, its cells separated by commas and quoted where they need it; its first line
    names the columns. `features` are all columns but the target where none are named. With
    `labels`, the distinct values of the target become the classes, sorted (as numbers, where all
    are whole numbers), and the second array is {"label": (N,) int32}.

    A cell is missing where it is one of MISSING: an error, or with missing="nan" a NaN for
    `fill_missing`, given the `column_means` of the training part. A missing target is always an
    error. Raises DataError naming file, line, column and cell.
    """
    if missing not in ("error", "nan"):
        raise ConfigurationError(f"csv_table: missing is {missing!r}; it must be 'error' or 'nan'")
    table = _read(Path(path))
    goal = _place(table, target)
    names = [features] if isinstance(features, str) else features
    if names is None:
        names = [name for name in table.header if name != target]
    places = [_place(table, name) for name in names]
    if goal in places or not places or len(set(places)) < len(places):
        raise DataError(
            f"{table.path}: features are {list(names)}, the target is {target!r}; features must "
            "be one or more, each once, and not the target"
        )
    columns = [_numbers(table, place, missing == "nan") for place in places]
    arrays = {"features": np.array(columns, np.float32).T.copy()}
    if not labels:
        arrays["target"] = np.array(_numbers(table, goal, nan=False), np.float32)
        return Memory(arrays, (), transform or compose())
    arrays["label"], classes = _classes(table, goal)
    return Memory(arrays, classes, transform or compose())


def csv_columns(path: str | os.PathLike[str]) -> list[str]:
    """The names of the columns of a CSV file, in its order."""
    return _read(Path(path)).header


def _read(path: Path) -> _Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); pass a CSV file") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: it is not UTF-8; save it as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: it is no CSV ({error}); mend its quotes") from error
    if len(rows) < 2:
        raise DataError(
            f"{path}: it has {'a header only' if rows else 'no lines'}; a line of column names is "
            "needed, and below it a line for each sample"
        )
    (_, header), *rows = rows
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"{path}, line 1: two columns are named {name!r}; rename one")
    for line, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells, the header has {len(header)}; a cell "
                "with a comma in it must be quoted"
            )
    return _Table(path, header, rows)


def _place(table: _Table, name: str) -> int:
    if name in table.header:
        return table.header.index(name)
    near = difflib.get_close_matches(name, table.header, n=3) or table.header[:8]
    raise DataError(
        f"{table.path}, line 1: there is no column {name!r}; choose one such as "
        f"{', '.join(map(repr, near))} (separated by commas)"
    )


def _number(cell: str) -> float | None:
    """The number in a cell, None where it is none; Python's 1_000 is not a number to others."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _numbers(table: _Table, column: int, nan: bool) -> list[float]:
    values = []
    for line, cells in table.rows:
        cell = cells[column]
        value = math.nan if cell in MISSING else _number(cell)
        if value is None:
            numeric = ", ".join(map(repr, _numeric(table))) or "none are"
            table.refuse(line, column, f"not a number; choose columns that are: {numeric}")
        if math.isnan(value) and not nan:
            table.refuse(
                line,
                column,
                "missing; fill the cell, or for a feature pass missing='nan' (--missing mean)",
            )
        if abs(value) > LARGEST:
            table.refuse(line, column, f"infinite in float32; it must be within ±{LARGEST:.2g}")
        values.append(value)
    return values


def _numeric(table: _Table) -> list[str]:
    return [
        name
        for column, name in enumerate(table.header)
        if all(c[column] in MISSING or _number(c[column]) is not None for _, c in table.rows)
    ]


def _classes(table: _Table, column: int) -> tuple[np.ndarray, tuple[str, ...]]:
    cells = [cells[column] for _, cells in table.rows]
    for (line, _), cell in zip(table.rows, cells, strict=True):
        if cell in MISSING:
            table.refuse(line, column, "missing; a label must be there: fill it or drop the line")
    numbers = [number for cell in cells if (number := _number(cell)) is not None]
    if len(numbers) == len(cells) and all(map(math.isfinite, numbers)):
        cells = [str(int(n)) if n.is_integer() else repr(n) for n in numbers]  # 1 and 1.0 are one
        names = sorted(set(cells), key=float)
    else:
        names = sorted(set(cells))
    where = f"{table.path}, column {table.header[column]!r}"
    if len(names) < 2:
        raise DataError(f"{where}: every label is {names[0]!r}; two classes or more are needed")
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{where}: {len(names)} distinct values, such as {names[0]!r}, look like a number to "
            "predict, not labels: leave labels=False, then binarize(...) (--binarize LOW HIGH)"
        )
    place = {name: label for label, name in enumerate(names)}
    return np.array([place[cell] for cell in cells], np.int32), tuple(names)
