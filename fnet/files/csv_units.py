"""Numbers as people write them for people: a unit, thousands set apart, brackets for a minus sign.

What may be two numbers is none of these: 1,234 alone is not. A single cell that is spelled in
another way than its column is rather a mistake.
"""

import re
from typing import NamedTuple

from fnet.files.csv_cells import as_ascii

_MONEY = "$€£¥₹"
_GAP = " '’\u00a0\u2009\u202f"  # between thousands, in the usage of many countries
_AROUND = re.compile(
    rf"([+-]?)([{_MONEY}]?) ?([+-]?)([0-9](?:[0-9,.{_GAP}]*[0-9.,])?|\.[0-9]+)"
    rf" ?([%{_MONEY}]|[A-Za-zµ°][A-Za-zµ°²³/]{{0,11}}|)"
)
_BRACKETS = re.compile(r"\([^()+-]+\)")
_COMMAS = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3})(?:\.[0-9]*)?")
_NO_DECIMALS = re.compile(r"[+-]?[0-9]+,[0-9]{3}[,.].*")  # a comma that is no decimal comma
_POINTS = re.compile(
    r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,3})(?:,[0-9]*)?|[+-]?[0-9]+,[0-9]+"
)
_NO_POINT = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]*|\.[0-9]{3})")
_GAPS = re.compile(rf"[+-]?[0-9]{{1,3}}(?:[{_GAP}][0-9]{{3}})+(?:[.,][0-9]*)?")


class Plain(NamedTuple):
    """The spellings of a column as plain numbers, the unit around them, and what was changed."""

    words: tuple[str, ...]
    unit: str
    changes: tuple[str, ...]


def plain(words: tuple[str, ...], commas: bool = False, points: bool = False) -> Plain:
    """The words without signs that stand around numbers or in them, as far as all are alike.

    `commas`: decimals have a comma; `points`: it was stated that they have a point.

    >>> plain(("12.5 %", "3%"))
    Plain(words=('12.5', '3'), unit='%', changes=())
    >>> plain(("1 234", "12 950", "(17)", "(5)"))[::2]
    (('1234', '12950', '-17', '-5'), ('brackets for a minus sign', 'blanks between thousands'))
    """
    changes = []
    for change, of in _SPELLED.items():
        found = tuple(map(of, words))
        if _several(found, words):
            words = found
            changes.append(change)
    unit, words = without_unit(words)
    found, change = _without_thousands(words, commas, points or (unit != "" and unit in _MONEY))
    return Plain(found, unit, (*changes, change) if change else tuple(changes))


def without_unit(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The one unit that stands around every number, and what is left; "" where there is none.

    >>> without_unit(("12.5 %", "3%")), without_unit(("-$5", "$7"))
    (('%', ('12.5', '3')), ('$', ('-5', '7')))
    >>> without_unit(("5 kg", "7 lb"))[0], without_unit(("5 kg", "7"))[0]
    ('', '')
    """
    units, numbers = set(), []
    for word in words:
        found = _AROUND.fullmatch(word)
        if found is None or (found[1] and found[3]):
            return "", words
        units.add(found[2] + found[5])
        numbers.append(found[1] + found[3] + found[4])
        if len(units) > 1:
            return "", words
    unit = units.pop() if units else ""
    return (unit, tuple(numbers)) if unit and unit not in "eE" else ("", words)


def _several(found: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return sum(a != b for a, b in zip(found, words, strict=True)) > 1


def _without_brackets(word: str) -> str:
    return f"-{word[1:-1]}" if _BRACKETS.fullmatch(word) else word


_SPELLED = {
    "a minus sign or digits that are not ASCII": as_ascii,
    "brackets for a minus sign": _without_brackets,
}


def _without_thousands(
    words: tuple[str, ...], commas: bool, points: bool
) -> tuple[tuple[str, ...], str]:
    """The words with nothing between thousands, and what was there."""
    gaps = [word for word in words if _GAPS.fullmatch(word)]
    if len(gaps) > 1:
        sign = "apostrophes" if any(mark in gaps[0] for mark in "'’") else "blanks"
        found = tuple(re.sub(f"[{_GAP}]", "", w) if _GAPS.fullmatch(w) else w for w in words)
        return found, f"{sign} between thousands"
    certain = points or any(map(_NO_DECIMALS.fullmatch, words))
    if certain and sum("," in w for w in words) > 1 and all(map(_COMMAS.fullmatch, words)):
        return tuple(word.replace(",", "") for word in words), "commas between thousands"
    european = any(map(_NO_POINT.fullmatch, words)) and all(map(_POINTS.fullmatch, words))
    if european and sum("." in word for word in words) > 1:
        bare = (word.replace(".", "") for word in words)
        mark = "," if commas else "."
        return tuple(word.replace(",", mark) for word in bare), "points between thousands"
    return words, ""
