"""What stands above the rows of a table: titles and comments, and one line of names, two, or none.

A line is a row where each of its cells is of the kind of those below it. Where some are and others
not, nothing is guessed: a line of numbers asks for --header, and other doubts are said.
"""

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from fnet.files.csv_cells import SUSPECTS, number, shown

Row = list[str]
_ASK = "say --header no if it is a row, and --header yes if it is a line of names"
_YEARS = range(1800, 2200)
# What Orange writes in the second and the third line of a table.
_TYPES = {"c", "d", "s", "t", "n", "continuous", "discrete", "string", "time", "numeric"}
_FLAGS = re.compile(r"|c|class|m|meta|i|ignore|w|weight|.*=.*")


class Header(NamedTuple):
    """`names`, None where there are none, made of so many `lines`; or what is `wrong` with them."""

    names: Row | None
    lines: int
    said: tuple[str, ...] = ()
    wrong: str = ""


def header_of(rows: Sequence[Row], commas: bool, stated: bool | None) -> Header:
    """The names in the first of these rows, if `stated`, or if they look like names.

    `commas`: whether numbers may have a decimal comma.

    >>> header_of([["5.1", "a"], ["4.9", "b"], ["6.0", "a"]], False, None).names is None
    True
    >>> header_of([["x", "kind"], ["4.9", "b"]], False, None).names
    ['x', 'kind']
    """
    first, below = _stripped(rows[0]), [_stripped(row) for row in rows[1:]]
    if stated is False:
        return Header(None, 0)
    if not any(first):
        return Header(first, 1, wrong="it holds no column names; put a line of names above")
    if stated:
        return Header(first, 1)
    if len(below) > 2 and _are_typed(first, *below[:2]):
        what = "lines 2 and 3 hold types and roles of columns, as Orange writes them"
        return Header(first, 3, (f"{what}: passed over (--header yes if they are rows)",))
    if below and _are_two(first, below, commas):
        names = [
            " ".join(filter(None, pair)) for pair in zip(_spread(first), below[0], strict=True)
        ]
        said = ("two lines hold the names of columns: joined (--header yes: one)",)
        if _names_index(below[1:]):
            return Header([below[1][0], *names[1:]], 3, said)
        return Header(names, 2, said)
    return _one_or_none(first, below, commas)


def preamble(rows: Sequence[Row]) -> int:
    """How many rows stand above the names: comments, marked by #, and titles.

    A title is alone in its row, or its row is shorter than the names, which are words.

    >>> preamble([["Sales in 2024"], ["region", "units"], ["north", "5"], ["south", "7"]])
    1
    """
    count = 0
    while count + 1 < len(rows) and rows[count][0].startswith("#"):
        below = next((row for row in rows[count + 1 :] if not row[0].startswith("#")), None)
        if below is None or len(below) == len(rows[count]):
            break
        count += 1
    return count + _titles(rows[count:])


def _titles(rows: Sequence[Row]) -> int:
    widths = [len(row) for row in rows]
    width = max(widths, key=widths.count, default=0)
    count = 0
    while count + 2 < len(rows) and _is_title(rows[count], width):
        count += 1
    if count == 0:
        return 0
    names, below = _stripped(rows[count]), rows[count + 1 :]
    good = len(names) == width > 1 and sum(map(bool, names)) > max(1, width / 2)
    numeric = any(number(cell.strip()) is not None for row in below for cell in row)
    return count if good and numeric and not any(number(cell) is not None for cell in names) else 0


def _is_title(row: Row, width: int) -> bool:
    filled = [bool(cell.strip()) for cell in row]
    alone = not any(filled) or (filled[0] and sum(filled) == 1)
    return alone or len(row) < width


def _one_or_none(first: Row, below: list[Row], commas: bool) -> Header:
    """Names, or no names, by what stands below."""
    alike = [row for row in below if len(row) == len(first) and row != first]
    columns = list(zip(*alike, strict=True)) or [()] * len(first)
    fits = [_fits(cell, column, commas) for cell, column in zip(first, columns, strict=True)]
    numeric = [cell for cell in first if _numeric(cell, commas)]
    counted = f"names of columns are numbers, such as {shown(numeric[0])}" if numeric else ""
    if numeric and _are_numbered(first, numeric, alike):
        return Header(first, 1, (f"{counted} (--header no if line 1 is a row)",))
    if False not in fits and True in fits:
        return Header(None, 0)
    if 2 * len(numeric) > sum(map(bool, first)):
        what = f"it looks like a row, with numbers such as {shown(numeric[0])}, and not like column"
        return Header(first, 1, wrong=f"{what} names; {_ASK}")
    if numeric:
        return Header(first, 1, (f"{counted} (--header no if line 1 is a row)",))
    recurring = [cell for cell, fit in zip(first, fits, strict=True) if fit]
    if 2 * len(recurring) >= sum(map(bool, first)):
        what = f"line 1 is taken as names, although {shown(recurring[0])} is also below itself"
        return Header(first, 1, (f"{what} (--header no if it is a row)",))
    return Header(first, 1)


def _fits(cell: str, below: Sequence[str], commas: bool) -> bool | None:
    """Whether a cell is of the kind of those below it; None where nothing can be said."""
    known = [other for other in below if other not in SUSPECTS]
    if cell in SUSPECTS:
        return None
    if _numeric(cell, commas):
        return all(_numeric(other, commas) for other in known)
    if cell in known:
        return True
    return _shape(cell) in set(map(_shape, known)) if re.search(r"[0-9]", cell) else False


def _shape(cell: str) -> str:
    """A date, or a number with a unit, without its digits and letters."""
    digits = re.sub(r"[0-9]+", "0", cell)
    return re.sub(r"[^\W\d_]+", "a", digits) if digits[:1] == "0" else digits


def _numeric(cell: str, commas: bool) -> bool:
    if commas and re.fullmatch(r"[+-]?[0-9]*,[0-9]+", cell):
        return True
    return number(cell) is not None


def _are_numbered(first: Row, numeric: Row, below: list[Row]) -> bool:
    """Whether these are names as libraries write them, 0, 1, 2 and so on; or years, or steps."""
    corner = first[0] == "" and len(below) > 0 and all(row[0] for row in below)
    named = [cell for cell in first if cell]
    if corner and len(numeric) == len(named):
        return True
    if named == [str(place) for place in range(len(named))]:
        return True
    if not all(re.fullmatch(r"[0-9]+", cell) for cell in numeric):
        return False
    values = [int(cell) for cell in numeric]
    steps = {b - a for a, b in itertools.pairwise(values)}
    if len(values) > 2 and len(steps) == 1 and steps != {0}:
        return True
    return len(values) > 1 and all(v in _YEARS for v in values) and min(steps) > 0


def _are_two(first: Row, below: list[Row], commas: bool) -> bool:
    """Whether the second line holds names too: units, or those below cells that were merged."""
    second, rows = below[0], below[1:]
    if len(rows) < 2 or any(len(row) != len(first) for row in below):
        return False
    filled = [place for place, cell in enumerate(second) if cell]
    words = [second[place] for place in filled]
    if not words or any(
        _numeric(cell, commas) or cell in SUSPECTS for cell in (*words, *first[1:]) if cell
    ):
        return False
    rows = rows[_names_index(rows) :]
    columns = {place: [row[place] for row in rows] for place in filled}
    if any(second[place] in column for place, column in columns.items()):
        return False
    numbers = [_are_numbers(column, commas) for column in columns.values()]
    known = [name for name in first if name]
    merged = any(not first[place] for place in filled if place > 0) or (
        len(set(known)) < len(known) and len(set(zip(first, second, strict=True))) == len(first)
    )
    return all(numbers) or (merged and 2 * sum(numbers) >= len(numbers))


def _names_index(rows: list[Row]) -> bool:
    """Whether the first row names the index alone, as pandas writes it below several levels."""
    alone = len(rows) > 2 and rows[0][0] and not any(rows[0][1:])
    return bool(alone) and number(rows[0][0]) is None and all(row[0] for row in rows)


def _are_typed(first: Row, types: Row, flags: Row) -> bool:
    """Whether a line of types, or of the words that are allowed, and one of roles follow."""
    known = [cell for cell in types if cell]
    usual = sum(cell in _TYPES for cell in known)
    roles = all(map(_FLAGS.fullmatch, flags))
    return len(first) == len(types) == len(flags) and roles and 2 * usual > len(known)


def _are_numbers(column: Row, commas: bool) -> bool:
    known = [cell for cell in column if cell not in SUSPECTS]
    return bool(known) and all(_numeric(cell, commas) for cell in known)


def _spread(first: Row) -> Row:
    """Names of merged cells, each over all its columns."""
    names, last = [], ""
    for place, cell in enumerate(first):
        last = cell or (last if place > 1 else "")
        names.append(last)
    return names


def _stripped(row: Row) -> Row:
    return [cell.strip() for cell in row]
