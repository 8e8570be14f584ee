"""Where in a table a row is, and what is wrong with it."""

import csv
import io
import itertools
import re
from typing import NoReturn

from fnet.files.csv_cells import shown
from fnet.files.csv_header import Row
from fnet.files.csv_layout import Layout
from fnet.files.csv_reader import SEPARATORS, cells_of, numbered, unescaped
from fnet.files.csv_text import END, Text, count_lines, refuse


def line_of(text: Text, layout: Layout, row: int) -> tuple[int, Row]:
    """The line on which row `row` of the data begins, counted from 1, and its cells."""
    with text.open() as stream:
        rows = numbered(stream, layout.separator, layout.escaped)
        return next(itertools.islice(rows, row + layout.first, None))


def refuse_width(text: Text, layout: Layout, row: int, cells: Row) -> NoReturn:
    """Report a row with more or fewer cells than there are names."""
    line, _ = line_of(text, layout, row)
    names, count = layout.names, len(layout.names)
    apart = SEPARATORS[layout.separator]
    one = apart.removesuffix("s")
    whose = "the header" if layout.has_names else "the first row"
    if len(cells) >= count:
        decimals = ", and write decimals with a point" if layout.separator == "," else ""
        refuse(
            text.name,
            line,
            f"{len(cells)} cells, but {whose} has {count}: there is no column for "
            f"{shown(cells[min(count, len(cells) - 1)].strip())}; quote a cell that contains a "
            f"{one}{decimals}",
        )
    refuse(
        text.name,
        line,
        f"{len(cells)} cells, but {whose} has {count}: there is none for column "
        f"{names[len(cells)]!r} after {shown(cells[-1].strip())}; complete the line, with nothing "
        f"between two {apart} for an empty cell",
    )


def refuse_cell(text: Text, layout: Layout) -> NoReturn:
    """Report the first cell that the csv module cannot read."""
    whole, line = text.whole(), 1
    whole = unescaped(whole) if layout.escaped else whole
    reader = cells_of(io.StringIO(whole, newline=""), layout.separator)
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        pass
    _refuse_in(text.name, whole, line, layout.separator)


def _refuse_in(name: str, text: str, line: int, separator: str) -> NoReturn:
    """Report the first unreadable cell in the row that begins on this line."""
    apart = re.escape(separator)
    cell_of = re.compile(rf' *"[^"]*(?:""[^"]*)*(?P<closed>"?)|[^{apart}\r\n]*')
    after_cell = re.compile(rf"(?:{apart}|{END})|\Z")
    place, longest = _start(text, line), csv.field_size_limit()
    what = f"a cell has more than {longest} characters; shorten or remove it"
    while place < len(text) and (cell := cell_of.match(text, place)):
        words = cell[0].strip()
        if cell["closed"] == "":
            what = f"the quote before {shown(words[1:])} is never closed; close it"
            break
        after = after_cell.match(text, cell.end())
        if after is None:
            one = SEPARATORS[separator].removesuffix("s")
            what = (
                f"after the quoted cell {shown(words)} comes {shown(text[cell.end()])} instead of "
                f"a {one} or the end of the line; close the quote where the cell ends"
            )
            break
        if len(words) > longest:
            break
        line += count_lines(text[place : after.end()])
        place = after.end()
    refuse(name, line, what)


def _start(text: str, line: int) -> int:
    """Where a line begins."""
    ends = re.finditer(END, text)
    for _ in range(line - 1):
        place = next(ends).end()
    return place if line > 1 else 0
