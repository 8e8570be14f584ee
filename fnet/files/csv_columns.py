"""The columns of a table, read in blocks of rows: numbers in float64, words as codes.

No more than a block of cells is ever held as strings of Python.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, NoReturn

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_cells import shown
from fnet.files.csv_layout import Layout, Row, cells_of, is_blank
from fnet.files.csv_rows import line_of, refuse_cell, refuse_width
from fnet.files.csv_text import Text

_BLOCK = 2**9  # rows: fewer lists than make Python look for garbage
_ZERO = re.compile(r",[+-]?0[0-9]")
_MARK = "\x01"  # no character of a text (see `csv_text`)
LARGEST = float(np.finfo(np.float32).max)
_LARGE = 2.0**53  # float64 represents smaller integers exactly


class Column(NamedTuple):
    """One column of a table: float64 numbers, NaN where missing; or codes, −1 where missing.

    With `words`, values are int32 codes, places in these spellings.

    >>> import numpy as np
    >>> Column("street", np.array([1, -1, 0], np.int32), ("Grvl", "Pave")).words[1]
    'Pave'
    """

    name: str
    values: np.ndarray
    words: tuple[str, ...] | None = None


def read_columns(
    text: Text, layout: Layout, missing: Iterable[str], spelled: Iterable[str] = ()
) -> list[Column]:
    """Every column that has a name; those of `spelled` keep the spelling of their cells.

    A column is numbers if every cell is one, or one of `missing`. Numbers that begin with 0, as
    codes do, and whole numbers that float64 does not hold keep their spelling too.
    """
    kept = frozenset(missing)
    places = {place: name for place, name in enumerate(layout.names) if name is not None}
    words = {place for place, name in places.items() if name in frozenset(spelled)}
    growing = {place: _Growing(kept, place in words) for place in places}
    for rows in _blocks(text, layout):
        for place, cells in enumerate(zip(*rows, strict=True)):
            if place in growing:
                growing[place].take(cells)
    late = {place for place, column in growing.items() if column.late}
    if late:  # begun as numbers, and then words came: read those again
        growing |= {place: _Growing(kept, True) for place in late}
        for rows in _blocks(text, layout):
            for place in late:
                growing[place].take([row[place] for row in rows])
    return [growing.pop(place).column(name) for place, name in places.items()]


def with_quoted(text: Text, layout: Layout, missing: Iterable[str], name: str) -> Column:
    """A column of words in which a cell such as "NA" is a word if it is in quotes."""
    alike = "|".join(re.escape(word) for word in missing if word)
    apart = re.escape(layout.separator)
    quoted = re.compile(rf'(?<![^{apart}\r\n ])"({alike})"(?=[{apart}\r\n ]|\Z)')
    marked = quoted.sub(rf'"{_MARK}\1"', text.whole()).encode()
    only = tuple(known if known == name else None for known in layout.names)
    other = Text(text.name, lambda: io.BytesIO(marked), "utf-8", ())
    (column,) = read_columns(other, layout._replace(names=only), missing, (name,))
    words = tuple(word.removeprefix(_MARK) for word in column.words or ())
    order = sorted(range(len(words)), key=words.__getitem__)
    places = np.append(np.argsort(order), -1).astype(np.int32)
    return Column(name, places[column.values], tuple(words[place] for place in order))


class _Index(dict[str, int]):
    """The code of each cell, numbered as they come; cells that differ by spaces are one."""

    def __init__(self, missing: frozenset[str]) -> None:
        self.missing, self.words = missing, dict[str, int]()

    def __missing__(self, cell: str) -> int:
        word = cell.strip()
        code = -1 if word in self.missing else self.words.setdefault(word, len(self.words))
        self[cell] = code
        return code


class _Growing:
    """A column as far as it is read."""

    def __init__(self, missing: frozenset[str], spelled: bool) -> None:
        self.missing, self.parts, self.late = missing, list[np.ndarray](), False
        self.index = _Index(missing) if spelled else None

    def take(self, cells: Iterable[str]) -> None:
        """Add the cells of a block."""
        cells = tuple(cells)
        if self.late:
            return
        if self.index is None:
            values = _numbers(cells, self.missing)
            if values is not None:
                self.parts.append(values)
                return
            if self.parts:
                self.late = True
                self.parts.clear()
                return
            self.index = _Index(self.missing)
        codes = map(self.index.__getitem__, cells)
        self.parts.append(np.fromiter(codes, np.int32, len(cells)))

    def column(self, name: str) -> Column:
        """All of it; words in sorted order."""
        values = np.concatenate(self.parts)
        if self.index is None:
            return Column(name, values)
        words = sorted(self.index.words)
        places = np.empty(len(words) + 1, np.int32)
        places[-1] = -1  # what code −1 refers to
        places[[self.index.words[word] for word in words]] = np.arange(len(words), dtype=np.int32)
        return Column(name, places[values], tuple(words))


def _numbers(cells: tuple[str, ...], missing: frozenset[str]) -> np.ndarray | None:
    """The numbers in these cells, NaN where missing; None if a cell is neither, or is a code."""
    values = _plain_numbers(cells)
    if values is not None:
        return values
    cells = tuple(map(str.strip, cells))
    present = np.array([cell not in missing for cell in cells])
    found = _plain_numbers(tuple(itertools.compress(cells, present)))
    if found is None:
        return None
    values = np.full(len(cells), np.nan)
    values[present] = found
    return values


def _plain_numbers(cells: tuple[str, ...]) -> np.ndarray | None:
    joined = ",".join(cells)
    # Of these characters float() makes numbers as `number` does: neither words for infinity, nor
    # underscores, nor digits of other scripts are among them.
    if not joined.isascii() or joined.encode().translate(None, b"0123456789+-.eE,"):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    if not (np.abs(values) <= LARGEST).all():
        return None
    if "." not in joined and _are_codes(f",{joined},", values):
        return None
    return values


def _are_codes(joined: str, values: np.ndarray) -> bool:
    """Whether whole numbers begin with a 0 that another digit follows, or are too large."""
    return _ZERO.search(joined) is not None or bool((np.abs(values) >= _LARGE).any())


def _blocks(text: Text, layout: Layout) -> Iterator[list[Row]]:
    """The rows in blocks, each as wide as the layout; DataError if any is not."""
    width, done = len(layout.names), -layout.first
    with text.open() as stream:
        reader = cells_of(stream, layout.separator)
        while True:
            try:
                block = list(itertools.islice(reader, _BLOCK))
            except csv.Error:
                refuse_cell(text, layout)
            if not block:
                break
            if set(map(len, block)) != {width} or width == 1:
                block = [row for row in block if not is_blank(row)]
            if done < 0:
                skipped = min(-done, len(block))
                block, done = block[skipped:], done + skipped
            wrong = next((place for place, row in enumerate(block) if len(row) != width), None)
            if wrong is not None:
                refuse_width(text, layout, done + wrong, block[wrong])
            _require_empty(text, layout, done, block)
            if block:
                yield block
            done += len(block)
    if done <= 0:
        raise DataError(
            f"{text.name}: it has only a header; it needs a line of column names, and below it one "
            "line per sample"
        )


def _require_empty(text: Text, layout: Layout, done: int, block: list[Row]) -> None:
    if layout.empty is not None:
        for place, row in enumerate(block):
            if row[layout.empty].strip():
                refuse_width(text, layout, done + place, row)


def refuse_value(text: Text, layout: Layout, row: int, name: str, what: str) -> NoReturn:
    """Raise DataError about a cell, by the row of the data that it is in and its column."""
    line, cells = line_of(text, layout, row)
    cell = cells[layout.names.index(name)].strip()
    raise DataError(f"{text.name}, line {line}, column {name!r}: {shown(cell)} is {what}")
