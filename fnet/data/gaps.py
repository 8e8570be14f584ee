"""What is said of cells that are missing, and of words and units that training had not."""

from collections.abc import Mapping, Sequence

import numpy as np

from fnet.data.finding import counted
from fnet.data.kinds import Kind
from fnet.errors import DataError
from fnet.files.csv_columns import Column

_EACH_NAMED = 8  # columns with missing cells that are told one by one
_HOW = {"median": "the median of training", "category": "the mean, and marked in a column"}


def rows_have(count: int) -> str:
    """So many rows, and the verb that follows.

    >>> rows_have(1), rows_have(20)
    ('1 row has', '20 rows have')
    """
    return f"{counted(int(count), 'row')} {'has' if count == 1 else 'have'}"


def filled(kinds: Sequence[Kind], arrays: Mapping[str, np.ndarray], missing: str) -> list[str]:
    """Which columns lack numbers, and what takes their place; one sentence if they are many."""
    counts = {}
    for kind in kinds:
        count = 0 if kind.kind == "category" else int(np.isnan(arrays[kind.name]).sum())
        if count:
            counts[kind.name] = count
    by = f"filled by {_HOW.get(missing, 'the mean of training')} (--missing)"
    if len(counts) <= _EACH_NAMED:
        return [f"`{name}` is missing in {counted(n, 'row')}: {by}" for name, n in counts.items()]
    names = (min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__))
    least, most = (f"`{name}` in {counted(counts[name], 'row')}" for name in names)
    return [f"{len(counts)} columns have missing cells, from {least} to {most}: {by}"]


def unknown(kind: Kind, column: Column, blank: bool) -> list[str]:
    """A sentence on words that training had not; `blank`: it had cells without one."""
    missing = int(np.sum(column.values < 0)) if kind.kind == "category" else 0
    zero = "all its columns are 0"
    said = [f"`{kind.name}` is missing in {counted(missing, 'row')}, as never in training: {zero}"]
    said = said if missing and not blank else []
    strange = [] if kind.kind == "number" else kind.strange(column)
    if not strange:
        return said
    others = frozenset(strange)
    codes = [place for place, word in enumerate(column.words or ()) if word in others]
    count = int(np.isin(column.values, codes).sum())
    effect = zero if kind.kind == "category" else "taken as missing"
    verb = "is" if count == 1 else "are"
    return [
        *said,
        f"`{kind.name}`: {count} of {counted(len(column.values), 'cell')} {verb} not known from "
        f"training, such as {strange[0]!r}: {effect}",
    ]


def other_order(kind: Kind, column: Column) -> list[str]:
    """A sentence on dates that are written in another order than in training."""
    order = kind.order_in(column)
    return [f"`{kind.name}` is {order} here, and was {kind.order} in training"] * (
        order != kind.order
    )


def other_unit(where: str, kind: Kind, column: Column) -> list[str]:
    """A sentence on numbers without the unit they had in training; DataError for another unit."""
    if column.unit and column.unit != kind.unit:
        learned = f"in {kind.unit!r}" if kind.unit else "without a unit"
        raise DataError(
            f"{where}, column {kind.name!r}: its numbers are in {column.unit!r}, and were "
            f"{learned} in training; write them as there"
        )
    if kind.unit and not column.unit:
        return [f"`{kind.name}` has no {kind.unit!r} here: taken as if it had, as in training"]
    return []
