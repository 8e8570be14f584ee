"""A last row that sums up the others, as spreadsheets have it: it is no sample."""

import re
from collections.abc import Iterable

import numpy as np

from fnet.files.csv_cells import number
from fnet.files.csv_columns import Column, first_rows, gaps

_NAMES = re.compile(
    r"(?:grand|sub)?[ -]?totals?|(?:overall )?(?:sum|mean|average)|summe|gesamt\w*|insgesamt"
    r"|mittelwert|somme|moyenne|suma|media|totale|totaal",
    re.IGNORECASE,
)
_CLOSE = 1e-6  # relative; a mean is rounded more


def label_of(columns: Iterable[Column]) -> tuple[str, str] | None:
    """The column whose last cell is such a name among numbers, and the name; None without one.

    >>> years = Column("year", np.array([0, 1, 2]), ("2023", "2024", "Total"))
    >>> label_of([years])
    ('year', 'Total')
    """
    for column in columns:
        if _names_totals(column):
            *others, name = [(column.words or ())[code] for code in column.values if code >= 0]
            if others and all(number(word) is not None for word in others):
                return column.name, name
    return None


def without_label(column: Column) -> Column:
    """The column with its last cell missing."""
    short = first_rows(column, len(column.values) - 1)
    return short._replace(values=np.append(short.values, np.int32(-1)))


def without_totals(
    columns: dict[str, Column], label: str | None = None
) -> tuple[dict[str, Column], list[str]]:
    """The columns without a last row that is named so and holds sums or means of those above.

    A row that is named so and holds something else is kept, with a warning. The `label` of the row
    may have stood in a column of numbers.

    >>> names = Column("town", np.array([0, 2, 1], np.int32), ("Bonn", "Total", "Ulm"))
    >>> sold = Column("sold", np.array([3.0, 4.0, 7.0]))
    >>> found, said = without_totals({"town": names, "sold": sold})
    >>> found["sold"].values.tolist(), found["town"].words
    ([3.0, 4.0], ('Bonn', 'Ulm'))
    """
    named = next((column for column in columns.values() if _names_totals(column)), None)
    if named is None and label is None:
        return columns, []
    name = label if named is None else (named.words or ())[named.values[-1]]
    numbers = [column.values for column in columns.values() if column.words is None]
    known = [values for values in numbers if not gaps(values[-1:])[0]]
    if not known or not all(map(_sums_up, known)):
        return columns, [f"warning: the last row is named {name!r}: drop it if it is no sample"]
    rows = len(next(iter(columns.values())).values) - 1
    short = {key: first_rows(column, rows) for key, column in columns.items()}
    return short, [f"the last row, {name!r}, holds the sums or means of the others: left out"]


def _names_totals(column: Column) -> bool:
    if column.words is None or len(column.values) < 3 or column.values[-1] < 0:
        return False
    once = np.sum(column.values == column.values[-1]) == 1
    return bool(once) and _NAMES.fullmatch(column.words[column.values[-1]]) is not None


def _sums_up(values: np.ndarray) -> bool:
    """Whether the last is the sum or the mean of the others, as far as it is written out."""
    last, others = values[-1], values[:-1][~np.isnan(values[:-1])]
    if not len(others):
        return False
    size = np.abs(others).sum()
    return bool(abs(last - others.sum()) <= _CLOSE * size) or bool(
        abs(last - others.mean()) <= max(_CLOSE * size, 0.006)
    )
