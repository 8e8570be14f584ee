"""Numbers as people write them for people: a unit, thousands set apart, brackets for a minus sign.

What may be two numbers is none of these: 1,234 alone is not. A single cell that is spelled in
another way than its column is rather a mistake.
"""

import re
from decimal import Decimal
from typing import NamedTuple

from fnet.files.csv_cells import as_ascii

_MONEY = "$€£¥₹"
_CURRENCIES = (
    "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|BRL|MXN|ZAR|SGD|HKD|KRW"
    r"|TRY|US\$|[ACRS]\$|Rs\.?"
)
_GAP = " '’\u00a0\u2009\u202f"  # between thousands, in the usage of many countries
_AROUND = re.compile(
    rf"([+-]?)([{_MONEY}]|{_CURRENCIES}|)[ \u00a0]?([+-]?)"
    rf"([0-9](?:[0-9,.{_GAP}]*[0-9.,])?|\.[0-9]+)"
    rf"[ \u00a0\u202f]?([%{_MONEY}]|[A-Za-zµ°][A-Za-zµ°²³/]{{0,11}}|)"
)
_BRACKETS = re.compile(r"\([^()+-]+\)")
_COMMAS = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3})(?:\.[0-9]*)?")
_NO_DECIMALS = re.compile(r"[+-]?[0-9]+,[0-9]{3}[,.].*")  # a comma that is no decimal comma
_POINTS = re.compile(
    r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,3})(?:,[0-9]*)?|[+-]?[0-9]+,[0-9]+"
)
_NO_POINT = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]*|\.[0-9]{3})")
_GAPS = re.compile(rf"[+-]?[0-9]{{1,3}}(?:[{_GAP}][0-9]{{3}})+(?:[.,][0-9]*)?")


_MULTIPLE = re.compile(rf"([+-]?[{_MONEY}]?)([0-9]+(?:\.[0-9]+)?) ?([KkMB]?)")
_POWERS = {"": 0, "k": 3, "K": 3, "M": 6, "B": 9}


class Plain(NamedTuple):
    """The spellings of a column as plain numbers, the unit around them, and what was changed.

    `thousands` is the mark between thousands.
    """

    words: tuple[str, ...]
    unit: str
    changes: tuple[str, ...]
    thousands: str = ""


class Signs(NamedTuple):
    """What stood around the numbers of a column, and between their thousands, in training."""

    unit: str = ""
    thousands: str = ""

    def has(self, unit: str, thousands: str) -> bool:
        """Whether these are the unit and, if any, the mark between thousands."""
        return unit == self.unit and thousands in ("", self.thousands)


def plain(
    words: tuple[str, ...],
    commas: bool = False,
    points: bool = False,
    learned: Signs | None = None,
) -> Plain:
    """The words without signs that stand around numbers or in them, as far as all are alike.

    `commas`: decimals have a comma; `points`: it was stated that they have a point. With the
    signs that were `learned` a single cell may have them; without them it takes two.

    >>> plain(("12.5 %", "3%"))
    Plain(words=('12.5', '3'), unit='%', changes=(), thousands='')
    >>> plain(("1 234", "12 950", "(17)", "(5)"))[::2]
    (('1234', '12950', '-17', '-5'), ('brackets for a minus sign', 'blanks between thousands'))
    >>> plain(("$1,250",)).words, plain(("$1,250",), learned=Signs("$", ",")).words
    (('1,250',), ('1250',))
    """
    changes, few = [], 1 if learned is None else 0
    for change, of in _SPELLED.items():
        found = tuple(map(of, words))
        if sum(a != b for a, b in zip(found, words, strict=True)) > few:
            words = found
            changes.append(change)
    multiplied = _without_multiples(words)
    if multiplied != words:
        words = multiplied
        changes.append("K, M or B for thousands, millions or billions")
    unit, words = without_unit(words)
    money = re.fullmatch(f"[{_MONEY}]|{_CURRENCIES}", unit) is not None
    pointed = learned is not None and learned.thousands == "."
    certain = (
        points or (money and not pointed) or (learned is not None and learned.thousands == ",")
    )
    found, mark = _without_thousands(words, commas, certain and not commas, pointed, few)
    if mark:
        changes.append(f"{_MARKS.get(mark, 'blanks')} between thousands")
    return Plain(found, unit, tuple(changes), mark)


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


def _without_multiples(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words with 1.5M as 1500000, where two letters at least are in use; else as they are."""
    found = [_MULTIPLE.fullmatch(word) for word in words]
    if not all(found) or len({match[3] for match in found if match} - {""}) < 2:
        return words
    scaled = ((match[1], Decimal(match[2]).scaleb(_POWERS[match[3]])) for match in found if match)
    return tuple(f"{before}{value:f}" for before, value in scaled)


def _without_brackets(word: str) -> str:
    return f"-{word[1:-1]}" if _BRACKETS.fullmatch(word) else word


_SPELLED = {
    "a minus sign or digits that are not ASCII": as_ascii,
    "brackets for a minus sign": _without_brackets,
}


def _without_thousands(
    words: tuple[str, ...], commas: bool, certain: bool, pointed: bool, few: int
) -> tuple[tuple[str, ...], str]:
    """The words with nothing between thousands, and the mark that more than `few` have there.

    It is a comma if that is `certain`, and a point if decimals have a comma, or by `pointed`.
    """
    decimal = "," if commas else "."
    gaps = [word for word in words if _GAPS.fullmatch(word)]
    if len(gaps) > few:
        bare = [re.sub(f"[{_GAP}]", "", w) if _GAPS.fullmatch(w) else w for w in words]
        if not any("." in word for word in bare):  # so that a comma is that of decimals
            bare = [word.replace(",", decimal) for word in bare]
        return tuple(bare), next(mark for mark in gaps[0] if mark in _GAP)
    certain = certain or any(map(_NO_DECIMALS.fullmatch, words))
    if certain and sum("," in w for w in words) > few and all(map(_COMMAS.fullmatch, words)):
        return tuple(word.replace(",", "") for word in words), ","
    certain = commas or pointed or any(map(_NO_POINT.fullmatch, words))
    if certain and sum("." in w for w in words) > few and all(map(_POINTS.fullmatch, words)):
        return tuple(word.replace(".", "").replace(",", decimal) for word in words), "."
    return words, ""


_MARKS = {",": "commas", ".": "points", "'": "apostrophes", "’": "apostrophes"}
