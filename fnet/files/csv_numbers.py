"""Columns of words that are numbers after all, and those in which something is wrong."""

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

import numpy as np

from fnet.errors import DataError
from fnet.files.csv_cells import EXACT, LARGEST, SUSPECTS, mistake, number, shown
from fnet.files.csv_columns import Column, refuse_value
from fnet.files.csv_layout import Layout
from fnet.files.csv_text import Text
from fnet.files.csv_units import Signs, plain, without_unit

FEW = 20  # distinct spellings that may be categories although most of them are numbers
_EACH = 5  # cells for each of them, on average
_STRAY = 0.1  # share of cells that are a mistake in a column of numbers, and no words of it
_TWINS = 0.05  # share of spellings that end in 0 and have a twin without, in a column of versions
_EACH_TOLD = 8  # columns with marks for what is missing that are told one by one
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_DIGIT = re.compile(r"\d")  # of any script
_CODE = re.compile(r"[0-9]+[A-Za-z]|[A-Za-z][0-9]+")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")  # 1,234: thousands, or a decimal comma
_SMALL = re.compile(r"[+-]?[0-9]{1,3}")  # that may stand beside 1,234
_POINTED = re.compile(r"[+-]?(?:[1-9][0-9]{0,2}\.[0-9]{3}|[0-9]{1,3})")


class Source(NamedTuple):
    """Where a table comes from, for messages: a text and how it is laid out, or a DataFrame.

    `commas`: whether decimals have a comma; `points`: whether it was stated that they have a point.
    """

    text: Text | None = None
    layout: Layout | None = None
    commas: bool = False
    points: bool = False
    frame: str = "DataFrame"

    @property
    def name(self) -> str:
        """What to call the table."""
        return self.frame if self.text is None else self.text.name

    @property
    def apart(self) -> bool:
        """Whether a comma is no separator."""
        return self.layout is None or self.layout.separator != ","

    def refuse(self, row: int, name: str, what: str, cell: str = "it") -> NoReturn:
        """Raise DataError about a cell; `cell` is how a DataFrame shows it."""
        if self.text is None or self.layout is None:
            raise DataError(f"{self.name}, row {row}, column {name!r}: {cell} is {what}")
        refuse_value(self.text, self.layout, row, name, what)


class _Gaps(NamedTuple):
    """So many cells of a column are such marks, as ? among numbers."""

    name: str
    cells: int
    marks: str


def need_commas(source: Source, columns: list[Column]) -> bool:
    """Whether numbers are written with a decimal comma.

    They are where the separator is none and every cell of a column needs it, and one at least
    cannot be a thousands separator.
    """
    return source.apart and any(
        column.words is not None and _needs_comma(column) for column in columns
    )


def settled(
    source: Source, columns: list[Column], learned: Mapping[str, Signs] | None = None
) -> tuple[list[Column], list[str]]:
    """The columns, words that are numbers as numbers; and what was decided.

    Cells such as ? among numbers are missing. `learned` are the signs that columns had in training.
    Raises DataError for a column of numbers with a few other cells, and where 1,234 may be two
    numbers.
    """
    said: list[str] = []
    gaps: list[_Gaps] = []
    known = learned or {}
    found = [_settle(source, column, said, gaps, known.get(column.name)) for column in columns]
    return found, said + _missing(gaps)


def pointed(words: tuple[str, ...]) -> str | None:
    """A number that may be two in a table that has decimal commas: 29.450, if all are like it.

    >>> pointed(("12.007", "29.450", "850")), pointed(("12.007", "29.45"))
    ('12.007', None)
    """
    _, known = without_unit(tuple(word for word in words if word not in SUSPECTS))
    parted = [word for word in known if "." in word]
    return parted[0] if parted and all(map(_POINTED.fullmatch, known)) else None


def as_numbers(source: Source, column: Column, learned: Signs | None = None) -> Column:
    """A column that must be numbers; DataError names the first cell that is not."""
    if column.words is None:
        return column
    bare, _ = _without_signs(column, source, learned)
    if bare is not None:
        return bare
    values = _values(column.words, source.commas)
    others = np.flatnonzero(np.isnan(values)).tolist()
    wrong = {code for code in others if column.words[code] not in SUSPECTS}
    if wrong:
        _refuse(source, column, wrong, "not a number")
    return _replaced(column, values)


def _missing(gaps: list[_Gaps]) -> list[str]:
    """What is said of cells such as ? that are missing: by column, or in one sentence for many."""
    if len(gaps) <= _EACH_TOLD:
        cells = [
            f"{n} cells {marks} are" if n > 1 else f"1 cell {marks} is" for _, n, marks in gaps
        ]
        return [
            f"`{each.name}`: {told} missing (--na)" for each, told in zip(gaps, cells, strict=True)
        ]
    marks = ", ".join(dict.fromkeys(each.marks for each in gaps))
    return [
        f"{len(gaps)} columns: {sum(each.cells for each in gaps)} cells {marks} are missing (--na)"
    ]


def _settle(
    source: Source, column: Column, said: list[str], gaps: list[_Gaps], learned: Signs | None
) -> Column:
    if not column.words:
        return column
    values = _values(column.words, source.commas)
    others = np.flatnonzero(np.isnan(values))
    if not len(others):
        if any(map(_coded, column.words)) or _versions(column.words, values):
            return column  # it keeps its spelling
        return _replaced(column, values)
    bare, sentence = _without_signs(column, source, learned)
    if bare is not None and (len(column.words) > 2 or not bare.unit or learned is not None):
        if learned is None or not learned.has(bare.unit, bare.thousands):
            said.append(sentence)
        return bare
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.words))
    stray, total = int(counts[others].sum()), int(counts.sum())
    if stray < total:
        strange = {column.words[code] for code in others}
        if strange <= SUSPECTS:
            gaps.append(_Gaps(column.name, stray, ", ".join(sorted(map(shown, strange)))))
            return _replaced(column, values)
        if all(map(_CODE.fullmatch, strange)) and all(
            map(str.isdecimal, {*column.words} - strange)
        ):
            return column  # numbers of flights, such as 41 and 41B
        recur = len(column.words) <= FEW and total >= _EACH * len(column.words)
        categories = recur and not any(map(mistake, strange))
        if not categories and (stray <= max(1, _STRAY * total) or _all_mistakes(strange)):
            _refuse_either(source, column)
            what = "not a number, as the others of its column are"
            _refuse(source, column, set(others.tolist()), what)
        return column
    _refuse_either(source, column)
    if len(words := column.words) > FEW and _all_mistakes(set(words)) and not _parted(words):
        _refuse(source, column, set(others.tolist()), "not a number")
    return column


def _without_signs(
    column: Column, source: Source, learned: Signs | None = None
) -> tuple[Column | None, str]:
    """The column without one unit around all its numbers, and nothing between their thousands.

    None where that leaves something else than numbers, and what to say of it.
    """
    known = tuple(word for word in column.words or () if word not in SUSPECTS)
    if not known or not all(map(_DIGIT.search, known)):
        return None, ""
    found, unit, changes, thousands = plain(known, source.commas, source.points, learned)
    if found == known or any(map(_coded, found)):
        return None, ""
    places = dict(zip(known, _values(found, source.commas).tolist(), strict=True))
    if any(value != value for value in places.values()):
        return None, ""
    having = f" with {' and '.join(changes)}" if changes else ""
    told = f"`{column.name}` is numbers{having}{f', each with {unit}' if unit else ''}"
    values = np.array([places.get(word, np.nan) for word in column.words or ()])
    return _replaced(column, values)._replace(unit=unit, thousands=thousands), told


def _needs_comma(column: Column) -> bool:
    """Whether all cells are numbers by a decimal comma, and one by nothing else."""
    _, words = without_unit(tuple(word for word in column.words or () if word not in SUSPECTS))
    needing = [word for word in words if _COMMA.fullmatch(word)]
    plain = all(re.fullmatch(r"[+-]?[0-9]+", word) for word in words if "," not in word)
    count = sum("," in word for word in words)
    return plain and len(needing) == count and not all(map(_EITHER.fullmatch, needing))


def _values(words: tuple[str, ...], commas: bool) -> np.ndarray:
    """The number that each spelling is; NaN where it is none.

    With `commas`, numbers such as 52.5170 still are what they look like, where none has a comma.
    """
    if commas and (any("," in word for word in words) or pointed(words)):
        words = tuple("x" if "." in word else word.replace(",", ".") for word in words)
    found = [number(word) for word in words]
    values = np.array([np.nan if value is None else value for value in found])
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


def _coded(word: str) -> bool:
    """Whether a number begins with a 0 as codes do, or is whole and too large for float64."""
    whole = re.fullmatch(r"[+-]?([0-9]+)", word)
    if whole is None:
        return False
    return (whole[1].startswith("0") and len(whole[1]) > 1) or abs(int(word)) >= EXACT


def _versions(words: tuple[str, ...], values: np.ndarray) -> bool:
    """Whether one number is written as 1.1 and as 1.10: these are two, if they are versions.

    One such pair among a hundred numbers is carelessness.
    """
    twice = {
        value for value, n in zip(*np.unique(values, return_counts=True), strict=True) if n > 1
    }
    zeros = (re.fullmatch(r"[0-9]*\.[0-9]+0", word) for word in words)
    count = sum(bool(zero) and value in twice for zero, value in zip(zeros, values, strict=True))
    return count > _TWINS * len(words)


def _replaced(column: Column, values: np.ndarray) -> Column:
    return Column(column.name, np.append(values, np.nan)[column.values])


def _all_mistakes(words: set[str]) -> bool:
    return all((mistake(word) or "").startswith("not a plain number") for word in words)


def _parted(words: tuple[str, ...]) -> bool:
    """Whether blanks part the digits of all, as in telephone numbers, or they are 2024 Jan."""
    return all(re.search(r"[0-9]\s+[0-9]|^[0-9]{4}[ -][^\W\d]{3,}$", word) for word in words)


def _refuse(source: Source, column: Column, codes: set[int], what: str) -> None:
    row = next(row for row, code in enumerate(column.values.tolist()) if code in codes)
    assert column.words is not None
    word = column.words[column.values[row]]
    missing = "make it None" if source.text is None else f"pass --na {word}"
    advice = f"; correct it, or if it is missing, {missing}"
    fix = mistake(word) or f"{what}{advice if len(word) < 20 else '; correct it'}"
    if number(word) is not None:
        fix = f"infinite in float64; it must be within ±{LARGEST:.2g}"
    source.refuse(row, column.name, fix, shown(word))


def _refuse_either(source: Source, column: Column) -> None:
    """Raise DataError for numbers of which some are as 1,234, and none says what that is."""
    _, words = without_unit(tuple(w for w in column.words or () if w not in SUSPECTS))
    doubtful = [word for word in words if _EITHER.fullmatch(word)]
    if doubtful and all(_EITHER.fullmatch(word) or _SMALL.fullmatch(word) for word in words):
        word = doubtful[0]
        raise DataError(
            f"{source.name}, column {column.name!r}: {shown(word)} may be {word.replace(',', '')} "
            f"or {word.replace(',', '.')}; say which: --decimal . for the former, --decimal , for "
            "the latter"
        )
