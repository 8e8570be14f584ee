"""Notes below the rows of a table, such as where it comes from."""

import csv
import io
import re

from fnet.files.csv_cells import number
from fnet.files.csv_header import Row
from fnet.files.csv_text import Text

_TAIL = 2**13  # bytes in which notes are looked for
_FIRST = re.compile(
    r"(?:sources?|notes?|footnotes?|quellen?|anmerkung(?:en)?|remarks?|generated|exported|updated"
    r"|copyright)\b|[*†‡©]",
    re.IGNORECASE,
)


def note_of(text: Text, separator: str, width: int) -> tuple[Row, int] | None:
    """The first line of notes at the end of a table, and how many there are; None without any.

    Notes are words in fewer cells than a row has, below an empty line, or begun as notes are.
    """
    lines = _last_lines(text)
    rows = [_cells(line, separator) for line in lines]
    begin = len(rows)
    while begin and _may_be_note(rows[begin - 1], width):
        begin -= 1
    notes = [row for row in rows[begin:] if row]
    if not begin or not notes or not (rows[begin] == [] or _FIRST.match(notes[0][0])):
        return None
    return notes[0], len(notes)


def _last_lines(text: Text) -> list[str]:
    """Whole lines at the end of a text; none where it cannot be read from its end."""
    with text.raw() as file:
        try:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - _TAIL))
        except (OSError, ValueError):
            return []
        lines = file.read().decode(text.encoding, "replace").splitlines()
    return lines[size > _TAIL :]


def _cells(line: str, separator: str) -> Row:
    if not line.strip():
        return []
    try:
        return next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:
        return ["0"]  # no note


def _may_be_note(row: Row, width: int) -> bool:
    words = row and number(row[0].strip()) is None and any(map(str.isalpha, row[0]))
    return not row or (len(row) < width and bool(words))
