"""The columns of a table, read in blocks of rows: numbers in float64, words as codes.

No more than a block of cells is ever held as strings of Python.
"""

import io
import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_blocks import Block, blocks
from fnet.files.csv_cells import MISSING, WORD, shown
from fnet.files.csv_layout import Layout
from fnet.files.csv_rows import line_of
from fnet.files.csv_text import Text
from fnet.files.csv_words import Words

_MARK = "\x01"  # no character of a text (see `csv_text`)


class Column(NamedTuple):
    """One column of a table: float64 numbers, NaN where missing; or codes, −1 where missing.

    With `words`, values are int32 codes, places in these spellings. `unit` stood around numbers,
    and the mark `thousands` between their thousands.

    >>> import numpy as np
    >>> Column("street", np.array([1, -1, 0], np.int32), ("Grvl", "Pave")).words[1]
    'Pave'
    """

    name: str
    values: np.ndarray
    words: tuple[str, ...] | None = None
    unit: str = ""
    thousands: str = ""


def gaps(values: np.ndarray) -> np.ndarray:
    """Which numbers or codes are missing.

    >>> gaps(np.array([1.5, np.nan])).tolist(), gaps(np.array([0, -1], np.int32)).tolist()
    ([False, True], [False, True])
    """
    return values < 0 if values.dtype.kind == "i" else np.isnan(values)


def first_rows(column: Column, rows: int) -> Column:
    """The first rows of a column, with the words that are there.

    >>> first_rows(Column("town", np.array([0, 2, 1], np.int32), ("Bonn", "Total", "Ulm")), 2).words
    ('Bonn', 'Ulm')
    """
    values = column.values[:rows]
    if column.words is None:
        return column._replace(values=values)
    used = np.unique(values[values >= 0])
    places = np.full(len(column.words) + 1, -1, np.int32)  # the last is what code −1 refers to
    places[used] = np.arange(len(used), dtype=np.int32)
    return Column(column.name, places[values], tuple(column.words[code] for code in used))


def read_columns(
    text: Text, layout: Layout, missing: Iterable[str], spelled: Iterable[str] = ()
) -> list[Column]:
    """Every column that has a name; those of `spelled` keep the spelling of their cells.

    A column is numbers if every cell is one, or one of `missing`. Numbers that begin with 0, as
    codes do, and whole numbers that float64 does not hold keep their spelling too. Of the usual
    spellings of a missing cell None is a word among words.
    """
    kept = frozenset(missing)
    among_words = kept - {WORD} if kept == frozenset(MISSING) else kept
    places = {place: name for place, name in enumerate(layout.names) if name is not None}
    words = {place for place, name in places.items() if name in frozenset(spelled)}
    encoding = text.encoding.removesuffix("-sig")
    growing = {place: _Growing(kept, among_words, encoding, place in words) for place in places}
    _read(text, layout, growing)
    late = [place for place, column in growing.items() if column.late]
    if late:  # begun as numbers, and then words came: read those again
        again = {place: _Growing(kept, among_words, encoding, True) for place in late}
        _read(text, layout, again)
        growing |= again
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


def _read(text: Text, layout: Layout, growing: dict[int, "_Growing"]) -> None:
    for block in blocks(text, layout):
        for place, column in growing.items():
            column.take(block, place)


class _Growing:
    """A column as far as it is read."""

    def __init__(
        self, missing: frozenset[str], among_words: frozenset[str], encoding: str, spelled: bool
    ) -> None:
        self.missing, self.among_words = missing, among_words
        self.encoding, self.late = encoding, False
        self.words = Words(among_words, encoding) if spelled else None
        self.values, self.rows = np.empty(0, np.int32 if spelled else np.float64), 0

    def take(self, block: Block, place: int) -> None:
        """Add the cells of a block."""
        if self.late:
            return
        if self.words is None:
            values = block.numbers(place, self.missing)
            if values is not None:
                self._add(values)
                return
            self.late, self.values = self.rows > 0, np.empty(0, np.int32)
            if self.late:
                return
            self.words = Words(self.among_words, self.encoding)
        self._add(block.codes(place, self.words))

    def _add(self, values: np.ndarray) -> None:
        """Append values in place: pieces that are joined in the end would be held twice."""
        rows = self.rows + len(values)
        if rows > len(self.values):
            self.values.resize(max(rows, int(1.25 * len(self.values))), refcheck=False)
        self.values[self.rows : rows] = values
        self.rows = rows

    def column(self, name: str) -> Column:
        """All of it; words in sorted order."""
        self.values.resize(self.rows, refcheck=False)
        values = self.values
        if self.words is None:
            return Column(name, values)
        codes = self.words.spelled
        words = sorted(codes)
        places = np.empty(len(words) + 1, np.int32)
        places[-1] = -1  # what code −1 refers to
        places[[codes[word] for word in words]] = np.arange(len(words), dtype=np.int32)
        return Column(name, places[values], tuple(words))


def refuse_value(text: Text, layout: Layout, row: int, name: str, what: str) -> NoReturn:
    """Raise DataError about a cell, by the row of the data that it is in and its column."""
    line, cells = line_of(text, layout, row)
    cell = cells[layout.names.index(name)].strip()
    raise DataError(f"{text.name}, line {line}, column {name!r}: {shown(cell)} is {what}")
