"""The rows of a CSV file, or what is wrong with it."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple, NoReturn

from fnet.errors import DataError
from fnet.files.csv_cells import number, shown

_KINDS = {  # other files mistaken for tables, by their first bytes in lower case
    b"pk\x03\x04": "a zip archive, such as .xlsx; export it from the spreadsheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an .xls; export it from the spreadsheet as CSV UTF-8",
    b"\x1f\x8b": "compressed; unpack it with gunzip",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"<!doctype": "a web page; get the table itself, often behind a link named raw or download",
    b"<html": "a web page; get the table itself, often behind a link named raw or download",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_END = r"\r\n|\r|\n"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_CELL = re.compile(r' *"[^"]*(?:""[^"]*)*(?P<closed>"?)|[^,\r\n]*')
_AFTER = re.compile(rf"(?:,|{_END})|\Z")


class Rows(NamedTuple):
    """The column names, the rows below them, and the line on which each row begins."""

    path: Path
    header: list[str]
    cells: list[list[str]]
    lines: list[int]


def read_rows(path: Path) -> Rows:
    """The rows of a CSV file, each as long as the header; DataError if any is not."""
    text = _text(path)
    lines, rows = _split(path, text)
    if rows:
        _check_header(path, lines[0], rows[0])
    if len(rows) < 2:
        raise DataError(
            f"{path}: it has {'only a header' if rows else 'no lines'}; it needs a line of column "
            "names, and below it one line per sample"
        )
    header = rows.pop(0)
    lines.pop(0)
    for line, cells in zip(lines, rows, strict=True):
        if len(cells) > len(header):
            _refuse(
                path,
                line,
                f"{len(cells)} cells, but the header has {len(header)}: there is no column for "
                f"{shown(cells[len(header)])}; quote a cell that contains a comma, and write "
                "decimals with a point",
            )
        if len(cells) < len(header):
            _refuse(
                path,
                line,
                f"{len(cells)} cells, but the header has {len(header)}: there is none for column "
                f"{header[len(cells)]!r} after {shown(cells[-1])}; complete the line, with "
                "nothing between two commas for an empty cell",
            )
    return Rows(path, header, rows, lines)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); pass a CSV file") from error
    for start, kind in _KINDS.items():
        if data[:16].lower().startswith(start):
            raise DataError(f"{path}: it is not CSV but {kind}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(
            path,
            _count(error.object[: error.start].decode("latin-1")) + 1,
            f"the byte 0x{error.object[error.start]:02x} is not UTF-8; save it as UTF-8 (it may "
            "now be Latin-1 or Windows-1252)",
        )
    if control := _CONTROL.search(text):
        _refuse(
            path,
            _count(text[: control.start()]) + 1,
            f"the character {control[0]!r} does not belong in a text file; it is damaged, of "
            "another kind, or several files joined: get it again, or save it as UTF-8",
        )
    return text


def _split(path: Path, text: str) -> tuple[list[int], list[list[str]]]:
    """The rows that are not blank, stripped, and the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    lines, rows, line = [], [], 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                lines.append(line)
                rows.append([cell.strip() for cell in cells])
            line = reader.line_num + 1
    except csv.Error:
        _refuse_cell(path, text, line)
    return lines, rows


def _refuse_cell(path: Path, text: str, line: int) -> NoReturn:
    """Report the first cell that the reader cannot parse, in the row that begins on this line."""
    place = _start(text, line)
    what = f"a cell has more than {csv.field_size_limit()} characters; shorten or remove it"
    while place < len(text) and (cell := _CELL.match(text, place)):
        words = cell[0].strip()
        if cell["closed"] == "":
            what = f"the quote before {shown(words[1:])} is never closed; close it"
            break
        after = _AFTER.match(text, cell.end())
        if after is None:
            what = (
                f"after the quoted cell {shown(words)} comes {shown(text[cell.end()])} instead of "
                "a comma or the end of the line; close the quote where the cell ends"
            )
            break
        if len(words) > csv.field_size_limit():
            break
        line += _count(text[place : after.end()])
        place = after.end()
    _refuse(path, line, what)


def _start(text: str, line: int) -> int:
    """Where a line begins."""
    ends = re.finditer(_END, text)
    for _ in range(line - 1):
        place = next(ends).end()
    return place if line > 1 else 0


def _check_header(path: Path, line: int, header: list[str]) -> None:
    if len(header) == 1:
        for separator, name in _SEPARATORS.items():
            if separator in header[0]:
                _refuse(
                    path,
                    line,
                    f"its cells are separated by {name}; save it with commas between them (and "
                    "decimal points)",
                )
    counted = [
        str(place) for place in range(len(header))
    ]  # the names that libraries give to unnamed columns
    if header != counted and all(number(name) is not None for name in header):
        _refuse(
            path,
            line,
            f"it holds only numbers, from {shown(header[0])} on, instead of column names; put a "
            "line of names above",
        )
    if "" in header:
        _refuse(
            path,
            line,
            f"column {header.index('') + 1} of {len(header)} has no name; name or remove it "
            "(pandas writes one unless index=False; a comma at the end of a line makes one)",
        )
    seen: set[str] = set()
    for name in header:
        if name in seen:
            _refuse(path, line, f"two columns are named {shown(name)}; rename one")
        seen.add(name)


def _count(text: str) -> int:
    return len(re.findall(_END, text))


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise DataError(f"{path}, line {line}: {what}")
