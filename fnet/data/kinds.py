"""What each column of a table is to a model: numbers, yes or no, a date, a category; or nothing.

Decided over all rows, so that it does not depend on how they are split; what is learned from the
rows (means, ranges, the categories seen) is left to `schema`, which looks at the training rows.
"""

import re
from typing import Any, NamedTuple

import numpy as np

from fnet.data.dates import (
    COMPACT,
    DURATION,
    TIME_OF_DAY,
    are_compact,
    are_durations,
    cycles_of,
    date_orders,
    days_of,
    days_of_numbers,
    most_are_dates,
)
from fnet.data.finding import SUFFIXES, counted
from fnet.data.identifiers import FEW, stands_for_rows
from fnet.files.csv_cells import SUSPECTS, number, shown
from fnet.files.csv_columns import Column
from fnet.files.csv_units import Signs

MOST_CATEGORIES = 255
YES, NO = ("yes", "true", "y", "t", "on", "1"), ("no", "false", "n", "f", "off", "0")
_MARKS = {sign * mark for mark in (9, 99, 999, 9999, 99999, 999999) for sign in (1, -1)} - {9, 99}
_DATED = re.compile(r"date|day|time|period|ymd|(?:^|[^a-z])dt")


class Kind(NamedTuple):
    """What a column is: "number", "yes/no", "date" or "category"; plain JSON by `_asdict`.

    `words` are the categories, or no and yes; `order` that of a date, and `cycles` its parts;
    `unit` stood around the numbers, and the mark `thousands` between their thousands.

    >>> Kind("smoker", "yes/no", ("No", "Yes")).read(Column("s", np.array([1]), ("Yes", "No")))
    array([0.])
    """

    name: str
    kind: str
    words: tuple[str, ...] = ()
    order: str = ""
    cycles: tuple[str, ...] = ()
    unit: str = ""
    thousands: str = ""

    @property
    def signs(self) -> Signs:
        """What stood around numbers, and in them."""
        return Signs(self.unit, self.thousands)

    def read(self, column: Column) -> np.ndarray:
        """The column's cells: float64, NaN where missing; of categories int32, −1 where missing.

        A category that is not one of `words` is −2, and another word than yes and no NaN.
        """
        if column.words is None:
            dated = self.kind == "date" and self.order == COMPACT
            return days_of_numbers(column.values) if dated else column.values
        if self.kind == "date":
            table = days_of(column.words, self.order_in(column))
        else:
            places = self._places
            table = np.array([places.get(self._key(w), -2) for w in column.words], np.float64)
            if self.kind == "yes/no":
                table[table < 0] = np.nan
        blank = -1.0 if self.kind == "category" else np.nan
        values: np.ndarray = np.append(table, blank)[column.values]
        return values.astype(np.int32) if self.kind == "category" else values

    def order_in(self, column: Column) -> str:
        """The order of these dates: another than that of training if none has it, and all one."""
        words = [word for word in column.words or () if word not in SUSPECTS]
        dated = (not np.isnan(days_of((word,), self.order)[0]) for word in words)
        if self.kind != "date" or not words or any(dated):  # the first word tells, as a rule
            return self.order
        orders = [] if self.order in (DURATION, TIME_OF_DAY) else date_orders(words)
        return orders[0] if len(orders) == 1 and orders != [TIME_OF_DAY] else self.order

    def strange(self, column: Column) -> list[str]:
        """The words of a new table that this kind has no place for."""
        if self.kind == "date":
            known = ~np.isnan(days_of(column.words or (), self.order_in(column)))
            return [
                word for word, is_date in zip(column.words or (), known, strict=True) if not is_date
            ]
        places = self._places
        return [word for word in column.words or () if self._key(word) not in places]

    @property
    def _places(self) -> dict[str, int]:
        return {self._key(word): place for place, word in enumerate(self.words)}

    def _key(self, word: str) -> str:
        """A word as it is told from others: TRUE and True are one yes, and Ulm is not ULM."""
        lower = self.kind == "yes/no" and len({w.lower() for w in self.words}) == len(self.words)
        return word.lower() if lower else word


def kind_of(column: Column, alone: bool = False) -> tuple[Kind | None, str | None]:
    """What a column is, and a sentence where that was decided; None for one that is left out.

    `alone` is true for a column that the user named, or that is the only one: it is kept if it can
    be, for instance numbers that count the rows.
    """
    if column.words == ():  # every cell is missing
        column = Column(column.name, np.full(len(column.values), np.nan))
    return (_number if column.words is None else _word)(column, alone)


def _number(column: Column, alone: bool) -> tuple[Kind | None, str | None]:
    name, values = column.name, column.values
    kind = Kind(name, "number", unit=column.unit, thousands=column.thousands)
    known = values[~np.isnan(values)]
    if not len(known):
        what = f"`{name}` has no values"
    elif known.min() == known.max():
        what = f"`{name}` is {known[0]:.6g} in every row"
    else:
        what = ""
    if what:
        return (kind, what) if alone else (None, f"{what}: left out")
    stands = None if alone else stands_for_rows(name, values)
    if stands:
        return None, f"`{name}` {stands}: left out (--features to keep it)"
    if _DATED.search(name.lower()) and are_compact(values):
        return _dates(name, COMPACT, days_of_numbers(values))
    return kind, _sentinel(name, known)


def _sentinel(name: str, known: np.ndarray) -> str | None:
    """A warning where a number such as -999 recurs, far from all others."""
    for end in (known.min(), known.max()):
        others = known[known != end]
        count = len(known) - len(others)
        far = float(min(abs(end - others.min()), abs(end - others.max())))
        if end in _MARKS and count > 1 and far > np.ptp(others):
            mark = f"{end:.6g}"
            return (
                f"warning: `{name}` is {mark} in {count} rows, far from the others; if it is "
                f"missing there: --na {mark}, and the words that mean it"
            )
    return None


def _word(column: Column, alone: bool) -> tuple[Kind | None, str | None]:
    name, words, rows = column.name, column.words or (), len(column.values)
    missing = int((column.values < 0).sum())
    example = shown(words[0])
    if len(words) == 1 and not missing:
        return None, f"`{name}` is {example} in every row: left out"
    dated = [word for word in words if word not in SUSPECTS]
    orders = date_orders(dated)
    if len(orders) > 1:
        return None, (
            f"`{name}` may be {' or '.join(orders)}, as in {shown(dated[0])}: left out; write "
            "dates as 2024-12-31"
        )
    if orders:
        return _dates(name, orders[0], days_of(words, orders[0]))
    if len(dated) > 1 and are_durations(dated):
        said = f"`{name}` is durations, as {example}: numbers"
        return Kind(name, "date", (), DURATION), said
    if order := most_are_dates(words):
        return None, _no_dates(column, order)
    if len(words) == 2:
        pair = _no_and_yes(words)
        return Kind(name, "yes/no", pair), f"`{name}` is {pair[0]} (0) or {pair[1]} (1)"
    known = rows - missing
    if len(words) > min(MOST_CATEGORIES, max(known / 2, min(known - 1, FEW))) and not (
        alone and len(words) <= MOST_CATEGORIES
    ):
        if strange := among_numbers(column):
            fix = "left out; correct them, or if missing, name them by --na"
            return None, f"`{name}` is {strange}: {fix}"
        what = "an identifier or free text (--text)" if len(words) > known / 2 else "too many"
        what = "names of images (--images)" if words[0].lower().endswith(SUFFIXES) else what
        return (
            None,
            f"`{name}` is words, {len(words)} distinct, such as {example}: {what}, left out",
        )
    more = f", and missing ({counted(missing, 'cell')})" if missing else ""
    categories = "1 category" if len(words) == 1 else f"{len(words)} categories"
    found = f"`{name}` is words: {categories}{more}{alike(words)}"
    return Kind(name, "category", words), found


def _dates(name: str, order: str, days: np.ndarray) -> tuple[Kind, str]:
    cycles = tuple(cycles_of(days))
    parts = "".join(f", part of the {cycle}" for cycle in cycles)
    written = "" if order in (COMPACT, "year-month-day") else f" ({order})"
    what = "a time of day" if order == TIME_OF_DAY else f"a date{written}: days{parts}"
    spelled = ", written as 20241231" if order == COMPACT else ""
    return Kind(name, "date", (), order, cycles), f"`{name}` is {what}{spelled}"


def _no_dates(column: Column, order: str) -> str:
    """What to say of dates among which there are other words."""
    words = column.words or ()
    strange = np.flatnonzero(np.isnan(days_of(words, order)))
    count = int(np.isin(column.values, strange).sum())
    return (
        f"`{column.name}` is dates, {order}, but for {count} of {len(column.values)} cells, such "
        f"as {shown(words[strange[0]])}: left out; correct them, or if missing, name them by --na"
    )


def among_numbers(column: Column) -> str | None:
    """What to say of words that keep many numbers from being a column of them."""
    words = column.words or ()
    strange = [place for place, word in enumerate(words) if number(word) is None]
    count = int(np.isin(column.values, strange).sum())
    few = len(words) - len(strange) <= FEW or 2 * count > (column.values >= 0).sum()
    if few or not strange:
        return None
    cells = f"{count} of {len(column.values)} cells"
    return f"numbers but for {cells}, such as {shown(words[strange[0]])}"


def alike(words: tuple[str, ...]) -> str:
    """What to say of categories that differ by case or blanks alone."""
    seen: dict[str, str] = {}
    for word in words:
        other = seen.setdefault(" ".join(word.lower().split()), word)
        if other != word:
            return f"; {shown(other)} and {shown(word)} differ by case or blanks alone"
    return ""


def _no_and_yes(words: tuple[str, ...]) -> tuple[str, ...]:
    first, second = (word.lower() for word in words)
    if (first in YES and second in NO) or (
        second.startswith(("no ", "non")) and not first.startswith("no")
    ):
        return words[1], words[0]
    return words


def plain(kind: Kind) -> dict[str, Any]:
    """A kind as JSON has it, without what is empty."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in kind._asdict().items() if v}


def from_plain(entry: dict[str, Any]) -> Kind:
    """The kind that `plain` wrote."""
    fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in entry.items()}
    return Kind(**fields)
