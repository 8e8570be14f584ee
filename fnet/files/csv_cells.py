"""Cells of a table: which are numbers, which are missing, and what is the matter with others."""

import re
import unicodedata
from collections.abc import Callable

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "None")

# Narrower than float(), which takes 1_000, digits of any script, and words for infinity.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST = 40  # characters of a cell that an error shows


def number(cell: str) -> float | None:
    """The number in a cell, such as -1.5e3; None where it is none."""
    return float(cell) if _NUMBER.fullmatch(cell) else None


def shown(cell: str) -> str:
    """A cell as an error shows it."""
    return repr(cell if len(cell) <= _LONGEST else cell[:_LONGEST] + "…")


def mistake(cell: str) -> str | None:
    """What is wrong with a cell that must be a number, and its fix; None if it is just words."""
    if len(cell) > _LONGEST:
        return None
    for pattern, words in _KINDS:
        if re.fullmatch(pattern, cell, re.IGNORECASE):
            return words
    found = []
    for what, change in _CHANGES:
        changed = change(cell)
        if changed != cell:
            found.append(what)
            cell = changed
    if number(cell) is None:
        return None
    return f"not a plain number: it has {' and '.join(found)}; write {cell}"


_KINDS = (  # what no change of its characters makes a number
    (r"[+-]?inf(inity)?", "infinite; a finite number is needed"),
    (r"#.*", "an error of a spreadsheet; mend its formula, or leave the cell empty"),
    (r"true|false|yes|no", "a word, not a number; write 1 for true and yes, 0 for false and no"),
    (
        r"n/?a|none|null|nan|missing|unknown|[?.*-]+",
        "not a number, nor a marker of what is missing; if that is meant, write NA",
    ),
    (
        r"\d{4}([-/.])\d{1,2}\1\d{1,2}([ T].*)?|\d{1,2}([-/.])\d{1,2}\3\d{2,4}( .*)?",
        "a date, not a number; write a number, such as the year, or days since the first one",
    ),
    (
        r"\d{1,2}:\d{2}(:\d{2}.*)?",
        "a time, not a number; write a number, such as minutes since midnight",
    ),
    (r"0x[0-9a-f]+", "a hexadecimal number; write it in decimal digits"),
)


def _ascii(cell: str) -> str:
    """Digits of any script, and every dash, as ASCII has them."""
    plain = (str(unicodedata.decimal(c, c)) for c in cell)
    return re.sub("[\u2010-\u2015\u2212\ufe63\uff0d]", "-", "".join(plain))


def _no_thousands(cell: str) -> str:
    if re.fullmatch(r"[+-]?\d{1,3}([,'’_])\d{3}(\1\d{3})*(\.\d*)?", cell):
        return re.sub(r"[,'’_]", "", cell)
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+,\d*|[+-]?\d{1,3}(\.\d{3}){2,}", cell):
        return cell.replace(".", "")
    return cell


def _no_letters(cell: str) -> str:
    return re.sub(r"(?<=[\d.])\s*(?!e$)[a-z°µ²³/]+$", "", cell, flags=re.IGNORECASE)


_CHANGES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("quotes around it", lambda cell: cell.lstrip("=").strip("'\"`")),
    ("a minus or digits that are not ASCII", _ascii),
    ("a sign of money or percent", lambda cell: re.sub(r"\s*[$€£¥₹%]\s*", "", cell)),
    ("letters after it", _no_letters),
    ("a space inside", lambda cell: "".join(cell.split())),
    ("brackets, for a minus", lambda cell: re.sub(r"^\(([^+-].*)\)$", r"-\1", cell)),
    ("separators of thousands", _no_thousands),
    ("a decimal comma", lambda cell: re.sub(r"^([+-]?\d*),(\d+)$", r"\1.\2", cell)),
    ("underscores", lambda cell: cell.replace("_", "")),
)
