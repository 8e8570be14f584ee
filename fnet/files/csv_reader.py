"""How the lines of a table become rows of cells: by a separator, and by quotes around cells."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from fnet.files.csv_header import Row
from fnet.files.csv_text import END_OF_FILE

if TYPE_CHECKING:
    from _csv import Reader  # the csv module does not name the type of its readers

BLANKS, WIDE = " ", "  "
SEPARATORS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
    BLANKS: "blanks",
    WIDE: "double blanks",
}
RUNS = (BLANKS, WIDE)  # separators of which any number stand between two cells
_QUOTE = re.compile(r'(\\+)"')


def cells_of(stream: TextIO | Iterable[str], separator: str, escaped: bool = False) -> "Reader":
    """The rows of a text as the csv module reads them.

    Runs of blanks are one separator, or runs of two and more. Where quotes within quotes are
    `escaped`, a backslash stands before them.
    """
    lines = map(unescaped, stream) if escaped else stream
    if separator == BLANKS:
        lines = (_outside(line, lambda piece: piece.replace("\t", " ")) for line in lines)
    elif separator == WIDE:
        lines = (_outside(line, lambda piece: re.sub(r"\s{2,}|\t", "\t", piece)) for line in lines)
        separator = "\t"
    return csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)


def is_blank(row: Row) -> bool:
    """Whether a line has nothing in it, or the mark of DOS at the end of a file."""
    return len(row) < 2 and not any(cell.strip().strip(END_OF_FILE) for cell in row)


def numbered(
    stream: TextIO | Iterable[str], separator: str, escaped: bool = False
) -> Iterator[tuple[int, Row]]:
    """Each row that is not blank, after the line on which it begins, counted from 1."""
    line, reader = 1, cells_of(stream, separator, escaped)
    for cells in reader:
        if not is_blank(cells):
            yield line, cells
        line = reader.line_num + 1


def unescaped(text: str) -> str:
    r"""The text, as long as before, with two quotes in place of a backslash and a quote.

    >>> unescaped(r'"T. \"Eddie\" Tolan","C:\\"')
    '"T. ""Eddie"" Tolan","C:\\\\"'
    """
    return _QUOTE.sub(lambda found: f'{found[1][:-1]}""' if len(found[1]) % 2 else found[0], text)


def are_escaped(stream: Iterable[str], again: Iterable[str], separator: str) -> bool:
    """Whether the rows of a text, given twice, can be read only if its quotes are escaped."""
    return not _readable(stream, separator, False) and _readable(again, separator, True)


def _readable(stream: Iterable[str], separator: str, escaped: bool) -> bool:
    try:
        for _ in cells_of(stream, separator, escaped):
            pass
    except csv.Error:
        return False
    return True


def _outside(line: str, change: Callable[[str], str]) -> str:
    """The line with what is outside of its quotes changed; a quoted cell stays as it is."""
    pieces = line.strip().split('"')
    if len(pieces) % 2:
        pieces[::2] = map(change, pieces[::2])
    return '"'.join(pieces) + "\n"
