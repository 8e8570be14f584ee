"""How a table is laid out: its separator, the lines of names, and which cells have a name."""

import csv
import io
import itertools
import re
from typing import NamedTuple

from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_cells import number, shown
from fnet.files.csv_header import Header, Row, header_of, preamble
from fnet.files.csv_notes import note_of
from fnet.files.csv_reader import RUNS, SEPARATORS, are_escaped, numbered
from fnet.files.csv_text import Text, refuse

_SAMPLE = 2**16  # characters from which the layout is recognised
_LEAST = 2  # rows that show names of rows in front


class Layout(NamedTuple):
    """What each cell of a row is: `names` has None for a cell that is left out.

    `first` is the number of rows before the data; `empty` the place of a cell that a separator at
    the end of each line makes. Where no line `has_names`, columns are x1, x2 and so on. `note` is
    the first line of notes below the rows. Quotes within cells may be `escaped` by a backslash.
    """

    separator: str
    names: tuple[str | None, ...]
    first: int
    empty: int | None
    repeated: tuple[str, ...]
    decisions: tuple[str, ...]
    has_names: bool = True
    note: Row | None = None
    escaped: bool = False


def read_layout(text: Text, separator: str | None = None, header: bool | None = None) -> Layout:
    """The layout of a table, recognised from its first lines; DataError where there is none.

    `header` states whether one line of names stands above the rows.
    """
    separator = {"tab": "\t", "\\t": "\t", "blank": " "}.get(separator or "", separator)
    if separator is not None and separator not in SEPARATORS:
        raise ConfigurationError(
            f"sep is {separator!r}; it must be one of {', '.join(map(repr, SEPARATORS))} (blanks: "
            "runs of them)"
        )
    with text.open() as stream:
        sample = stream.read(_SAMPLE)
        if stream.read(1):
            sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    stated = re.match(r"\s*sep=([,;|\t])\r?\n", sample)  # as spreadsheets do in a line of its own
    chosen = separator or (stated[1] if stated else _separator(sample))
    escaped = _are_escaped(text, chosen)
    rows = _sampled(sample, chosen, escaped)
    before = int(bool(stated))
    before += preamble(rows[before:])
    said = [] if separator or chosen == "," else [f"separator: {SEPARATORS[chosen]} (--sep)"]
    if escaped:
        said.append("quotes within cells are written with a backslash before them")
    if before > bool(stated):
        said.append(_above(rows[bool(stated) : before]))
    if not rows and not sample.strip():
        raise DataError(
            f"{text.name}: it has no lines; it needs a line of column names, and below it one line "
            "per sample"
        )
    if not rows:  # the names cannot be read: the error comes with the rows
        return Layout(chosen, ("",), 0, None, (), ())
    found = header_of(rows[before:], chosen != ",", header)
    if found.wrong:
        lines = numbered(io.StringIO(sample, newline=""), chosen, escaped)
        line, _ = next(itertools.islice(lines, before, None))
        refuse(text.name, line, found.wrong)
    layout = _named(found, rows[before + found.lines :], chosen, before + found.lines, said)
    return _with_note(text, layout._replace(escaped=escaped))


def _are_escaped(text: Text, separator: str) -> bool:
    """Whether quotes within cells have a backslash before them."""
    if not text.backslashes:
        return False
    with text.open() as stream, text.open() as again:
        return are_escaped(stream, again, separator)


def _with_note(text: Text, layout: Layout) -> Layout:
    """The layout with the notes below the rows."""
    runs = layout.separator in RUNS
    notes = None if runs else note_of(text, layout.separator, len(layout.names))
    if notes is None:
        return layout
    note, count = notes
    lines = "the last line is" if count == 1 else f"the last {count} lines are"
    said = f"{lines} passed over, as a note: {shown(note[0])}"
    return layout._replace(note=note, decisions=(*layout.decisions, said))


def _above(rows: list[Row]) -> str:
    """What is said of lines above the names."""
    if all(row[0].startswith("#") for row in rows):
        return f"line 1 begins with #: {len(rows)} lines before the names are comments"
    titles = (
        "1 line above the names is" if len(rows) == 1 else f"{len(rows)} lines above the names are"
    )
    return f"{titles} passed over, as a title: {shown(rows[0][0].strip())}"


def _sampled(sample: str, separator: str, escaped: bool = False) -> list[Row]:
    """The rows of the sample that are not blank, as far as they can be read."""
    rows: list[Row] = []
    try:
        for _, row in numbered(io.StringIO(sample, newline=""), separator, escaped):
            rows.append(row)  # an error keeps those before it
    except csv.Error:
        pass
    return rows


def _separator(sample: str) -> str:
    """The one by which every row has as many cells as the header, and most; or most rows have.

    Of equals, one by which fewer lines stand above the names: x;y above 1.234.567,5;1 is no title.
    """
    best, least = ",", (0.0, 0, 0)
    for separator in SEPARATORS:
        rows = _sampled(sample, separator)
        above = preamble(rows)
        rows = rows[above:]
        if not rows or len(rows[0]) < 2 or (separator in RUNS and least[0] > 0.5):
            continue  # blanks are separators where nothing else fits
        sizes = [len(row) for row in rows[1:]]
        width = max(sizes, key=sizes.count) if sizes else len(rows[0])
        if separator in RUNS and (set(sizes) != {width} or width - len(rows[0]) not in (0, 1)):
            continue
        agreement = sizes.count(width) / len(sizes) if sizes else 1.0
        score = agreement if width - len(rows[0]) in (0, 1) else 0.5 * agreement
        if (score, -above, len(rows[0])) > least:
            best, least = separator, (score, -above, len(rows[0]))
    return best


def _named(found: Header, rows: list[Row], separator: str, first: int, said: list[str]) -> Layout:
    """Give every cell of a row its name, or None."""
    said += found.said
    if found.names is None:
        return _numbered(rows, separator, first, said)
    header = found.names
    if all(cell[:1] == cell[-1:] == "'" and len(cell) > 2 for cell in header):
        header = [cell[1:-1] for cell in header]
        said.append("the names of columns are in single quotes, which are taken off")
    names: list[str | None] = list(header)
    empty = None
    if rows and {len(row) for row in rows} == {len(header) + 1}:
        if not any(row[-1].strip() for row in rows):
            names.append(None)
            empty = len(header)
            said.append("each line ends with a separator: no column is behind it")
        elif _are_row_names([row[0].strip() for row in rows], separator):
            names.insert(0, None)
            said.append("the names begin at the second column: the first is an index, left out")
    elif header[0] == "" and len(header) > 1:
        names[0] = None
        said.append("column 1 has no name: taken as an index, left out")
    if len(header) > 2 and header[-1] == "" and not any(row[-1].strip() for row in rows):
        names[-1] = None
        empty = len(names) - 1
        said.append(f"column {len(names)} has neither a name nor cells: left out")
    repeated = _make_unique(names, said)
    return Layout(separator, tuple(names), first, empty, repeated, tuple(said))


def _numbered(rows: list[Row], separator: str, first: int, said: list[str]) -> Layout:
    """Names for columns that have none."""
    names: list[str | None] = [f"x{place + 1}" for place in range(len(rows[0]))]
    empty = None
    if len(names) > 2 and not any(row[-1].strip() for row in rows if len(row) == len(names)):
        empty = len(names) - 1
        names[empty] = None
    last = f"x{len(names) - (empty is not None)}"
    said.append(
        f"no line of names: the columns are called x1 to {last} (--header yes if line 1 is)"
    )
    if empty is not None:
        said.append("each line ends with a separator: no column is behind it")
    return Layout(separator, tuple(names), first, empty, (), tuple(said), has_names=False)


def _are_row_names(cells: Row, separator: str) -> bool:
    """Whether these are what R and pandas write in front of rows: words or numbers that differ.

    Between commas only numbers that count: others may be what stands before a decimal comma.
    """
    if len(cells) < _LEAST or len(set(cells)) < len(cells):
        return False
    if separator != "," and all(re.fullmatch("[0-9]+", cell) for cell in cells):
        return True
    counted = any(
        cells == [str(place) for place in range(begin, begin + len(cells))] for begin in (0, 1)
    )
    return counted or not any(number(cell) is not None for cell in cells)


def _make_unique(names: list[str | None], said: list[str]) -> tuple[str, ...]:
    """Name what has no name, and number what has another's; returns the names that repeat."""
    seen: set[str] = set()
    repeated: list[str] = []
    for place, name in enumerate(names):
        if name is None:
            continue
        new, count = name or f"column {place + 1}", 1
        while new in seen or (count > 1 and new in names):
            count += 1
            new = f"{name or f'column {place + 1}'} ({count})"
        if not name:
            said.append(f"column {place + 1} has no name: called `{new}`")
        elif count > 1:
            said.append(f"two columns are named `{name}`: column {place + 1} is called `{new}`")
            repeated.append(name)
        seen.add(new)
        names[place] = new
    return tuple(dict.fromkeys(repeated))
