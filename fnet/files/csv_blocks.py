"""The rows of a table in blocks, whose cells become numbers or codes column by column.

Where nothing is in quotes the cells are found by NumPy in the bytes as they are; from the first
quote, blank line or oddity on, the csv module reads the rest.
"""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_cells import EXACT, LARGEST
from fnet.files.csv_decimals import BEFORE, decimals
from fnet.files.csv_header import Row
from fnet.files.csv_layout import Layout
from fnet.files.csv_reader import RUNS, cells_of, is_blank
from fnet.files.csv_rows import refuse_cell, refuse_width
from fnet.files.csv_text import Text
from fnet.files.csv_words import SHORT, Words

_ROWS = 2**9  # fewer lists than make Python look for garbage
_BYTES = 2**21  # read at once
_PAD = b" " * max(BEFORE, SHORT)  # before the first cell
_ENDS_IN_ZERO = re.compile(r"\.[0-9]+0,")
_ZERO = re.compile(r",[+-]?0[0-9]+(?=,)")


class Block(Protocol):
    """Some rows."""

    rows: int

    def numbers(self, place: int, missing: frozenset[str]) -> np.ndarray | None:
        """The numbers of a column, NaN where missing; None if a cell is neither, or is a code."""

    def codes(self, place: int, words: Words) -> np.ndarray:
        """The codes of a column's cells."""


class Cells:
    """Rows that the csv module has read."""

    def __init__(self, rows: list[Row]) -> None:
        self.columns, self.rows = list(zip(*rows, strict=True)), len(rows)

    def numbers(self, place: int, missing: frozenset[str]) -> np.ndarray | None:
        """See `Block`."""
        return _numbers(self.columns[place], missing)

    def codes(self, place: int, words: Words) -> np.ndarray:
        """See `Block`."""
        return words.of(self.columns[place], self.rows)


class Bytes:
    """Lines without quotes, all of the same number of cells."""

    def __init__(self, data: bytes, stops: np.ndarray, points: np.ndarray, width: int) -> None:
        self.data, self.rows = data, len(stops) // width
        first = np.concatenate(([len(_PAD)], stops[:-1] + 1))
        self.first, self.last, self.point = (
            np.ascontiguousarray(array.reshape(-1, width).T) for array in (first, stops, points)
        )

    def numbers(self, place: int, missing: frozenset[str]) -> np.ndarray | None:
        """See `Block`."""
        first, last, point = self.first[place], self.last[place], self.point[place]
        data = np.frombuffer(self.data, np.uint8)
        values, good = decimals(data, first, last, point)
        whole = point < 0
        zero = whole & (data[first] == ord("0")) & (last - first > 1)
        if (good & (zero | (whole & (np.abs(values) >= EXACT)))).any():
            return None
        tail = (last - point)[~whole] - 1
        if ((data[last[~whole] - 1] == ord("0")) & (tail > 1)).any() and np.ptp(tail):
            return None  # 1.10 beside 1.9: perhaps no numbers, but versions
        blank = first == last
        values[blank] = np.nan  # an empty cell is always missing
        others = np.flatnonzero(~good & ~blank)
        if len(others):
            pairs = zip(first[others].tolist(), last[others].tolist(), strict=True)
            cells = tuple(self.data[a:b].decode("latin-1") for a, b in pairs)
            found = _numbers(cells, missing)
            if found is None:
                return None
            values[others] = found
        return values

    def codes(self, place: int, words: Words) -> np.ndarray:
        """See `Block`."""
        return words.of_bytes(self.data, self.first[place], self.last[place])


def blocks(text: Text, layout: Layout) -> Iterator[Block]:
    """All rows below the names, each as wide as the layout; DataError if any is not."""
    done = 0
    for block in _plain(text, layout) if _is_plain(text, layout) else _read(text, layout):
        if block.rows:
            yield block
        done += block.rows
    if not done:
        raise DataError(
            f"{text.name}: it has only a header; it needs a line of column names, and below it one "
            "line per sample"
        )


def _is_plain(text: Text, layout: Layout) -> bool:
    single = text.encoding in ("utf-8", "utf-8-sig", "cp1252")
    return (
        single and layout.separator not in RUNS and layout.empty is None and len(layout.names) > 1
    )


def _plain(text: Text, layout: Layout) -> Iterator[Block]:
    """Blocks of bytes as long as lines are plain; then what the csv module reads."""
    width, done = len(layout.names), 0
    with text.raw() as file:
        head = _skip(file, layout.first, layout.separator.encode())
        while head is not None and (piece := file.read(_BYTES)):
            data = head + piece + file.readline()
            data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
            head = b""
            block = _block(data, ord(layout.separator), width)
            if block is None:
                break
            yield block
            done += block.rows
        else:
            if head == b"":
                return
    yield from _read(text, layout, done)


def _skip(file: BinaryIO, count: int, separator: bytes) -> bytes | None:
    """Pass over so many lines that are not blank; None where one is not plain."""
    while count:
        line = file.readline()
        if not line or line.count(b'"') % 2 or b"\r" in line.rstrip(b"\r\n"):
            return None
        count -= separator in line or bool(line.strip())
    return b""


def _block(data: bytes, separator: int, width: int) -> Bytes | None:
    """The block of these lines, None if they are not plain."""
    if b'"' in data or b"\r" in data:
        return None
    data = _PAD + data + (b"" if data.endswith(b"\n") else b"\n")
    array = np.frombuffer(data, np.uint8)
    is_stop = (array == separator) | (array == ord("\n"))
    tokens = np.flatnonzero(is_stop | (array == ord(".")))
    ends = np.flatnonzero(is_stop[tokens])
    stops = tokens[ends]
    rows, longest = data.count(b"\n"), np.diff(stops, prepend=0).max(initial=0)
    if longest > csv.field_size_limit() or len(stops) != rows * width:
        return None
    if (array[stops[width - 1 :: width]] != ord("\n")).any():
        return None
    inside = np.diff(ends, prepend=-1) - 1  # points in the cell
    points = np.where(inside == 0, -1, np.where(inside == 1, tokens[ends - 1], -2))
    return Bytes(data, stops, points, width)


def _read(text: Text, layout: Layout, done: int = 0) -> Iterator[Block]:
    """The rows from number `done` on, read by the csv module."""
    width, left = len(layout.names), layout.first + done
    done -= left
    with text.open() as stream:
        reader = cells_of(stream, layout.separator, layout.escaped)
        while True:
            try:
                block = list(itertools.islice(reader, _ROWS))
            except csv.Error:
                refuse_cell(text, layout)
            if not block:
                return
            if set(map(len, block)) != {width} or width == 1:
                block = [row for row in block if not is_blank(row)]
            skipped = min(left, len(block))
            block, left, done = block[skipped:], left - skipped, done + skipped
            for place, row in enumerate(block):
                if row == layout.note and _ends(itertools.chain(block[place:], reader), width):
                    yield Cells(block[:place])
                    return
                if len(row) != width or (layout.empty is not None and row[layout.empty].strip()):
                    refuse_width(text, layout, done + place, row)
            yield Cells(block)
            done += len(block)


def _ends(rows: Iterable[Row], width: int) -> bool:
    """Whether none of these is a row of the table."""
    try:
        return all(len(row) < width for row in rows)
    except csv.Error:
        return True


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
    joined = f",{','.join(cells)},"
    # Of these characters float() makes numbers as `number` does: neither words for infinity, nor
    # underscores, nor digits of other scripts are among them.
    if not joined.isascii() or joined.encode().translate(None, b"0123456789+-.eE,"):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    large = np.flatnonzero(np.abs(values) >= EXACT)
    exact = all(set(cells[place]) & set(".eE") for place in large)
    finite = bool((np.abs(values) <= LARGEST).all())
    if not exact or not finite or _ZERO.search(joined):
        return None
    tails = {len(cell.partition(".")[2]) for cell in cells if "." in cell}
    return None if len(tails) > 1 and _ENDS_IN_ZERO.search(joined) else values
