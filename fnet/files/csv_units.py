"""Numbers as people write them for people: one unit around all of them, thousands set apart."""

import re

_MONEY = "$€£¥₹"
_AROUND = re.compile(
    rf"([+-]?)([{_MONEY}]?) ?([+-]?)([0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+)"
    rf" ?([%{_MONEY}]|[A-Za-zµ°][A-Za-zµ°²³/]{{0,11}}|)"
)
_GROUPED = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3})(?:\.[0-9]*)?")
_CERTAIN = re.compile(r"[+-]?[0-9]+,[0-9]{3}[,.].*")  # a comma that is no decimal comma


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


def without_thousands(words: tuple[str, ...]) -> tuple[str, ...]:
    """The numbers without commas between thousands, where one shows that they are no decimals.

    A single cell with commas among others is rather a mistake.

    >>> without_thousands(("1,234", "950", "1,234,567")), without_thousands(("1,234", "950"))
    (('1234', '950', '1234567'), ('1,234', '950'))
    """
    several = sum("," in word for word in words) > 1
    if several and any(map(_CERTAIN.fullmatch, words)) and all(map(_GROUPED.fullmatch, words)):
        return tuple(word.replace(",", "") for word in words)
    return words
