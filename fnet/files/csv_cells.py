"""Cells of a table: numbers, missing values, and what is wrong with the rest."""

import re
import unicodedata
from collections.abc import Callable

import numpy as np

# What programs write for a missing value; "" is an empty cell.
MISSING = (
    *("", "NA", "N/A", "NaN", "nan", "null", "None", "NULL", "n/a", "<NA>", "#N/A", "#NA"),
    *("-nan", "-NaN", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
WORD = "None"  # among words it is one: "no disorder", say, and no program's gap
# What people write for one; believed among numbers alone.
SUSPECTS = frozenset(
    (
        *MISSING,
        *("?", ".", "..", "...", "-", "--", "---", "–", "—", "*"),
        *("na", "n.a.", "N.A.", "none", "missing", "Missing", "unknown", "Unknown", "nil"),
        *("NaT", "(null)", "<null>", "[NULL]", r"\N"),
    )
)

# Stricter than float(), which accepts 1_000, digits of any script, and words for infinity.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
LARGEST = float(np.finfo(np.float64).max)  # of the numbers that a cell may be
EXACT = 2**53  # float64 represents smaller integers exactly
_LONGEST = 40  # characters of a cell shown in an error


def number(cell: str) -> float | None:
    """The number in a cell, such as -1.5e3; None if it is not one."""
    return float(cell) if _NUMBER.fullmatch(cell) else None


def shown(cell: str) -> str:
    """A cell as it appears in an error message."""
    return repr(cell if len(cell) <= _LONGEST else cell[:_LONGEST] + "…")


def mistake(cell: str) -> str | None:
    """Why a cell is not a number, and how to fix it; None if it is plain text."""
    if len(cell) > _LONGEST:
        return None
    for pattern, words in _KINDS:
        if re.fullmatch(pattern, cell, re.IGNORECASE):
            return words
    flaws = []
    for flaw, change in _CHANGES:
        changed = change(cell)
        if changed != cell:
            flaws.append(flaw)
            cell = changed
    if number(cell) is None:
        return None
    return f"not a plain number: it has {' and '.join(flaws)}; write {cell}"


_KINDS = (  # cells that no change of characters turns into a number
    (r"[+-]?inf(inity)?", "infinite; a finite number is needed"),
    (r"#.*", "a spreadsheet error; fix its formula, or leave the cell empty"),
    (r"true|false|yes|no", "a word, not a number; write 1 for true and yes, 0 for false and no"),
    (
        r"n/?a|none|null|nan|missing|unknown|[?.*-]+",
        "neither a number nor a known marker of a missing value; if it is missing, write NA",
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


def as_ascii(cell: str) -> str:
    """Digits of any script, and dashes of any kind, in ASCII.

    >>> as_ascii("\u22125\uff13")
    '-53'
    """
    if cell.isascii():
        return cell
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
    ("a minus sign or digits that are not ASCII", as_ascii),
    ("a currency or percent sign", lambda cell: re.sub(r"\s*[$€£¥₹%]\s*", "", cell)),
    ("letters after it", _no_letters),
    ("a space inside", lambda cell: "".join(cell.split())),
    ("brackets for a minus sign", lambda cell: re.sub(r"^\(([^+-].*)\)$", r"-\1", cell)),
    ("thousands separators", _no_thousands),
    ("a decimal comma", lambda cell: re.sub(r"^([+-]?\d*),(\d+)$", r"\1.\2", cell)),
    ("underscores", lambda cell: cell.replace("_", "")),
)
