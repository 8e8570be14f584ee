"""Rows of a table that are JSON objects, one a line, or all in one list."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_text import opened, pieces

_BEGINS = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"')
_PEEK = 64  # bytes that say whether it is JSON


class Records(dict[str, np.ndarray]):
    """Columns by name, of cells as JSON has them; `where` is the file."""

    def __init__(self, where: str, columns: dict[str, np.ndarray], rows: int) -> None:
        super().__init__(columns)
        self.where, self.columns, self.shape = where, tuple(columns), (rows, len(columns))


def json_rows(source: Path | bytes) -> Records | None:
    """The rows of a file, or of bytes; None where it is no JSON.

    A name that an object lacks is None, as null is; a list or an object in a cell is its text.
    Raises DataError, with the line, for what is not JSON further on, or no object.

    >>> rows = json_rows(b'{"x": 1.5, "y": "a"}\\n{"y": "b"}\\n')
    >>> rows.shape, rows["x"].tolist(), rows["y"].tolist()
    ((2, 2), [1.5, None], ['a', 'b'])
    """
    name = "standard input" if isinstance(source, bytes) else str(source)
    file = opened(name, source)
    if not _BEGINS.match(next(pieces(name, file), b"")[:_PEEK]):
        return None
    text = b"".join(pieces(name, file)).decode("utf-8-sig", "surrogateescape")
    rows = _list(name, text) if text.lstrip().startswith("[") else _lines(name, text)
    if len(rows) == 1 and all(isinstance(value, dict | list) for value in rows[0].values()):
        raise DataError(
            f"{name}: it holds {', '.join(map(repr, rows[0]))}, and no rows; write one object per "
            "row, as pandas does with to_json('rows.jsonl', orient='records', lines=True)"
        )
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {}
    for key in names:
        columns[key] = np.empty(len(rows), object)
        columns[key][:] = [_cell(row.get(key)) for row in rows]
    return Records(name, columns, len(rows))


def _lines(name: str, text: str) -> list[dict[str, Any]]:
    lines = ((place, line) for place, line in enumerate(text.split("\n"), 1) if line.strip())
    return [_object(name, f"line {place}", _parsed(name, line, place)) for place, line in lines]


def _list(name: str, text: str) -> list[dict[str, Any]]:
    return [
        _object(name, f"row {place}", row) for place, row in enumerate(_parsed(name, text, 1), 1)
    ]


def _parsed(name: str, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        found = error if isinstance(error, json.JSONDecodeError) else None
        place = line + found.lineno - 1 if found else line
        what = f"{found.msg}, column {found.colno}" if found else "nested too deep"
        raise DataError(
            f"{name}, line {place}: it is not JSON ({what}); each line is to be one row, as "
            '{"x": 1, "y": "a"}, or the file a list of such'
        ) from None


def _object(name: str, place: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(
            f'{name}, {place}: it is not an object, as {{"x": 1, "y": "a"}}, but {row!r}'
        )
    return row


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
