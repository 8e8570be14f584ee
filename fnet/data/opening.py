"""A table from a file, from bytes or from a DataFrame: its columns, and what was decided."""

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fnet.data.frames import frame_columns, is_frame
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_cells import MISSING, shown
from fnet.files.csv_columns import Column, gaps, read_columns, refuse_value, with_quoted
from fnet.files.csv_layout import read_layout
from fnet.files.csv_numbers import Source, as_numbers, need_commas, settled
from fnet.files.csv_text import read_text


class Reading(NamedTuple):
    """The columns of a table; `source` is where they come from, None for a DataFrame."""

    columns: dict[str, Column]
    decisions: tuple[str, ...]
    source: Source | None
    missing: tuple[str, ...]

    @property
    def where(self) -> str:
        """What to call the table in a message."""
        return "DataFrame" if self.source is None else self.source.text.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.columns.values())).values)

    @property
    def nameless(self) -> str:
        """What to add to a message on names where line 1 was taken as a row."""
        row = self.source is not None and not self.source.layout.has_names
        return "; line 1 is taken as a row (--header yes if it holds the names)" if row else ""

    def column(self, name: str) -> Column:
        """A column by its name; DataError with the nearest names if there is none."""
        if self.source is not None and name in self.source.layout.repeated:
            raise DataError(f"{self.where}, line 1: two columns are named {name!r}; rename one")
        if name not in self.columns:
            line = "" if self.source is None else ", line 1"
            names = _nearest(name, list(self.columns))
            raise DataError(
                f"{self.where}{line}: there is no column {name!r}; choose one, such as "
                f"{', '.join(map(repr, names))}{self.nameless}"
            )
        return self.columns[name]

    def number(self, name: str) -> Column:
        """A column that must be numbers; DataError names the first cell that is none."""
        column = self.column(name)
        if self.source is None and column.words:
            raise DataError(
                f"{self.where}, column {name!r}: {shown(column.words[0])} is not a number"
            )
        return column if self.source is None else as_numbers(self.source, column)

    def words(self, name: str) -> tuple[Column, str | None]:
        """A target of words, in which "NA" in quotes is a word; and a sentence if one is."""
        column = self.column(name)
        if self.source is None or column.words is None or not gaps(column.values).any():
            return column, None
        text, layout, _ = self.source
        found = with_quoted(text, layout, self.missing, name)
        new = [word for word in found.words or () if word not in column.words]
        return found, f"`{name}`: {', '.join(map(repr, new))} in quotes is a class" if new else None

    def refuse(self, row: int, name: str, what: str) -> None:
        """Raise DataError about a cell."""
        if self.source is not None:
            refuse_value(self.source.text, self.source.layout, row, name, what)
        raise DataError(f"DataFrame, row {row}, column {name!r}: it is {what}")


def read_table(
    source: str | os.PathLike[str] | bytes | Any,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
    header: bool | None = None,
    spelled: Iterable[str] = (),
) -> Reading:
    """The columns of a CSV file, of bytes, or of a DataFrame; see `csv_table` for the arguments.

    The columns of `spelled` keep the spelling of their cells.
    """
    if is_frame(source):
        columns = {column.name: column for column in frame_columns(source)}
        return Reading(columns, (), None, ())
    if decimal not in (None, ".", ","):
        raise ConfigurationError(f"decimal is {decimal!r}; it must be '.' or ','")
    missing = MISSING if na is None else tuple(dict.fromkeys(("", *na)))
    text = read_text(source if isinstance(source, bytes) else Path(source), encoding)
    layout = read_layout(text, sep, header)
    keep = frozenset(spelled)
    found = read_columns(text, layout, missing, keep)
    loose = [column for column in found if column.name not in keep]
    commas = need_commas(layout, loose) if decimal is None else decimal == ","
    recognised = decimal is None and commas
    sentence = ("numbers are written with a decimal comma (--decimal)",) if recognised else ()
    place = Source(text, layout, commas)
    plain, said = settled(place, loose)
    by_name = {column.name: column for column in (*found, *plain)}
    decisions = (*text.decisions, *layout.decisions, *sentence, *said)
    return Reading(by_name, decisions, place, missing)


def _nearest(name: str, header: list[str]) -> list[str]:
    """Columns that may be meant: those with similar names, closest first, or else the first few."""
    lower = {column.lower(): column for column in header}
    matches = difflib.get_close_matches(name.lower(), lower, n=3)
    return [lower[match] for match in matches] or header[:8]
