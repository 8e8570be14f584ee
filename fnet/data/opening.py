"""A table from a file, from bytes or from a DataFrame: its columns, and what was decided."""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet.data.frames import frame_columns, is_categorical, is_frame
from fnet.data.text_folders import folder_rows
from fnet.data.totals import label_of, without_label, without_totals
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_cells import MISSING, number
from fnet.files.csv_columns import Column, first_rows, gaps, read_columns, with_quoted
from fnet.files.csv_layout import read_layout
from fnet.files.csv_numbers import Source, as_numbers, need_commas, pointed, settled
from fnet.files.csv_text import read_text
from fnet.files.csv_units import Signs
from fnet.files.json_rows import Records, json_rows

_PARTED = re.compile(r"[0-9]\.[0-9]{3}(?![0-9])")  # 29.450, but no 29.4501
SINGLE = float(np.finfo(np.float32).max)


class Reading(NamedTuple):
    """The columns of a table, and where they come from."""

    columns: dict[str, Column]
    decisions: tuple[str, ...]
    source: Source
    missing: tuple[str, ...]

    @property
    def where(self) -> str:
        """What to call the table in a message."""
        return self.source.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.columns.values())).values)

    @property
    def nameless(self) -> str:
        """What to add to a message on names where line 1 was taken as a row."""
        layout = self.source.layout
        row = layout is not None and not layout.has_names
        return "; line 1 is taken as a row (--header yes if it holds the names)" if row else ""

    def column(self, name: str) -> Column:
        """A column by its name; DataError with the nearest names if there is none."""
        layout = self.source.layout
        if layout is not None and name in layout.repeated:
            raise DataError(f"{self.where}, line 1: two columns are named {name!r}; rename one")
        if name not in self.columns:
            line = "" if layout is None else ", line 1"
            names = _nearest(name, list(self.columns))
            raise DataError(
                f"{self.where}{line}: there is no column {name!r}; choose one, such as "
                f"{', '.join(map(repr, names))}{self.nameless}"
            )
        return self.columns[name]

    def number(self, name: str, learned: Signs | None = None) -> Column:
        """A column that must be numbers; DataError names the first cell that is none."""
        return as_numbers(self.source, self.column(name), learned)

    def words(self, name: str) -> tuple[Column, str | None]:
        """A target of words, in which "NA" in quotes is a word; and a sentence if one is."""
        column = self.column(name)
        text, layout, *_ = self.source
        if text is None or layout is None or column.words is None or not gaps(column.values).any():
            return column, None
        whole = with_quoted(text, layout, self.missing, name)
        found = first_rows(whole, self.rows)  # a last row of sums may be left out
        new = [word for word in found.words or () if word not in column.words]
        return found, f"`{name}`: {', '.join(map(repr, new))} in quotes is a class" if new else None

    def require_single(self, name: str, values: np.ndarray) -> None:
        """DataError for a target that float32 does not hold; features are scaled before."""
        beyond = np.abs(values) > SINGLE
        if beyond.any():
            what = f"infinite in float32; a target must be within ±{SINGLE:.2g}"
            self.refuse(int(np.argmax(beyond)), name, what)

    def refuse(self, row: int, name: str, what: str) -> None:
        """Raise DataError about a cell."""
        self.source.refuse(row, name, what)


def read_table(
    source: str | os.PathLike[str] | bytes | Any,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
    header: bool | None = None,
    spelled: Iterable[str] = (),
    unused: Callable[[str], bool] = lambda name: False,
    learned: Mapping[str, Signs] | None = None,
    commas: bool = False,
) -> Reading:
    """The columns of a CSV or JSON file, of bytes, or of a DataFrame; arguments as in `csv_table`.

    Of a folder they are "text" and "class", the texts in its class folders.

    The columns of `spelled` keep the spelling of their cells. In those that are `unused`, nothing
    is a mistake. `learned` are the signs that numbers had in training, and `commas` says whether
    they had decimal commas there.
    """
    if decimal not in (None, ".", ","):
        raise ConfigurationError(f"decimal is {decimal!r}; it must be '.' or ','")
    if is_frame(source):
        others = {"sep": sep, "encoding": encoding, "header": header}
        absent = tuple(map(str, na or ()))
        return _read_frame(source, decimal, absent, others, spelled, unused, learned)
    file = source if isinstance(source, bytes) else Path(source)
    if isinstance(file, Path) and file.is_dir():
        rows, said = folder_rows(file)
        others = {"sep": sep, "encoding": encoding, "header": header}
        reading = _read_frame(rows, decimal, (), others, rows.columns, unused, learned)
        return reading._replace(decisions=(*said, *reading.decisions))
    if (records := json_rows(file)) is not None:
        others = {"sep": sep, "header": header}
        absent = MISSING if na is None else tuple(map(str, na))
        return _read_frame(records, decimal, absent, others, spelled, unused, learned)
    missing = MISSING if na is None else tuple(dict.fromkeys(("", *map(str, na))))
    text = read_text(file, encoding)
    layout = read_layout(text, sep, header)
    found = read_columns(text, layout, missing, keep := frozenset(spelled))
    decisions = (*text.decisions, *layout.decisions)
    keep |= {column.name for column in found if unused(column.name)}
    source = Source(text, layout, commas)
    return _settled(source, found, keep, decimal, decisions, missing, learned)


def _read_frame(
    frame: Any,
    decimal: str | None,
    na: tuple[str, ...],
    others: dict[str, Any],
    spelled: Iterable[str],
    unused: Callable[[str], bool],
    learned: Mapping[str, Signs] | None,
) -> Reading:
    """The columns of a DataFrame, whose text may be numbers as that of a file."""
    for name, value in others.items():
        if value is not None:
            raise ConfigurationError(f"{name} is {value!r}, which is for files; leave it out")
    marked = (str(key) for key in frame.columns if is_categorical(frame[key]))
    keep = frozenset((*spelled, *marked))
    where = frame.where if isinstance(frame, Records) else "DataFrame"
    found = frame_columns(frame, na, keep, where)
    keep |= {column.name for column in found if unused(column.name)}
    return _settled(Source(frame=where), found, keep, decimal, (), na, learned)


def _settled(
    source: Source,
    found: list[Column],
    keep: frozenset[str],
    decimal: str | None,
    decisions: tuple[str, ...],
    missing: tuple[str, ...],
    learned: Mapping[str, Signs] | None,
) -> Reading:
    """The table with words that are numbers as numbers, but for the columns to `keep`."""
    loose = [column for column in found if column.name not in keep]
    commas = need_commas(source, loose) if decimal is None else decimal == ","
    recognised = decimal is None and commas
    sentence = ("numbers are written with a decimal comma (--decimal)",) if recognised else ()
    commas |= decimal is None and source.commas
    source = source._replace(commas=commas, points=decimal == ".")
    if commas:
        loose = _with_points(source, loose, missing, unstated=decimal is None)
    place, label = label_of(loose) or (None, None)
    bare = [without_label(column) if column.name == place else column for column in loose]
    plain, said = settled(source, bare, learned)
    by_name = {column.name: column for column in (*found, *plain)}
    marks = [value for value in map(number, missing) if value is not None]
    for column in by_name.values() if marks else ():
        if column.words is None:
            column.values[np.isin(column.values, marks)] = np.nan
    rows = len(found[0].values)
    by_name, sums = without_totals(by_name, label)
    if place is not None and len(by_name[place].values) == rows:  # it holds no sums
        what = "not a number, as the others of its column are, and its row does not hold their sums"
        source.refuse(rows - 1, place, f"{what}: leave the row out", repr(label))
    return Reading(by_name, (*decisions, *sentence, *said, *sums), source, missing)


def _with_points(
    source: Source, columns: list[Column], missing: tuple[str, ...], unstated: bool
) -> list[Column]:
    """The columns of a table with decimal commas; those with numbers such as 29.450 as words.

    Where decimal commas were recognised, here or in training, and not stated, such a number may be
    two: DataError.
    """
    text, layout = source.text, source.layout
    parted = {column.name for column in columns if column.words is None}
    if parted and text is not None and layout is not None and _PARTED.search(text.whole()):
        names = (name if name in parted else None for name in layout.names)
        spelled = read_columns(text, layout._replace(names=tuple(names)), missing, parted)
        words = {column.name: column for column in spelled if pointed(column.words or ())}
        columns = [words.get(column.name, column) for column in columns]
    for column in columns if unstated else ():
        if word := pointed(column.words or ()):
            raise DataError(
                f"{source.name}, column {column.name!r}: {word!r} may be {word.replace('.', '')}, "
                f"since other numbers have decimal commas, or {word}; for the former say "
                "--decimal , and for the latter leave the column out (--drop), or write it as they"
            )
    return columns


def _nearest(name: str, header: list[str]) -> list[str]:
    """Columns that may be meant: those with similar names, closest first, or else the first few."""
    lower = {column.lower(): column for column in header}
    matches = difflib.get_close_matches(name.lower(), lower, n=3)
    return [lower[match] for match in matches] or header[:8]
