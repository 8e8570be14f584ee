"""CSV files with damage: what is read must be what another reader finds in the same bytes.

The other reader is a machine of three states over characters, written from RFC 4180, with numbers
by `decimal`. It shares nothing with the one that is tried.
"""

import tempfile
import time
from decimal import Decimal, InvalidOperation, Overflow, localcontext
from pathlib import Path

import numpy as np

from fnet.data import csv_table
from fnet.errors import DataError
from tests.torture.hazard import ENDLESS, Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

NAME = "damaged CSV"
EMPTY = {"", "NA", "N/A", "NaN", "nan", "null", "None"}
STATED = {"sep": ",", "decimal": ".", "encoding": "utf-8", "na": sorted(EMPTY), "header": True}
DECIDED = (
    "words",
    "is missing (--na)",
    "is numbers",
    "is dates",
    "a time of day",
    "(0) or",
    "a date",
    "no name",
    "index",
    "comments",
    "quotes",
    "separator",
    "left out",
    "are missing",
    "as a title",
    "as a note",
    "sums or means",
)


def _tables() -> list[bytes]:
    rng = np.random.default_rng(0)
    numbers = "".join(
        f"{a},{b:.3f},{c:.2e},{d}\n" for a, b, c, d in rng.normal(0, 100, (30, 4)).round(2)
    )
    quoted = "".join(
        f'{k},"{word}",{k * 7 + 0.5},"{k * 11}"\r\n'
        for k, word in enumerate(["plain", "a, b", 'says ""so""', "two\r\nlines", "", "é, ü"] * 4)
    )
    holes = "".join(
        f"{k if k % 3 else ''},{'NA' if k % 4 == 0 else -k},{k / 8},{k * k}\n" for k in range(25)
    )
    return [
        f"x,z,w,y\n{numbers}".encode(),
        f'x,"the, name",z,y\r\n{quoted}'.encode("utf-8-sig"),
        f"x,z,w,y\n{holes}".encode(),
        b"\n\n x , y\n\n 1 , 2 \n \n+.5,1e3\n",
        b'x, "z",y\r1, "2",3\r-4, "5", 6\r',
    ]


TABLES = _tables()
PIECES = (
    *(bytes([code]) for code in b',"\n\r;\t .-+_eE0123456789\x00\xe9'),
    *(word.encode() for word in ("٣", "５", "−", "\u00a0", "inf", "nan", "NA", '""', "\r\n", "0x")),
)


def damaged(cases: int, seed: int) -> Outcome:
    """Mutants of five tables: bytes as disks spoil them, and characters as people do."""
    failures, read, slowest = [], 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        made = ((f"seed {seed}, case {case}", _mutant(case, seed)) for case in range(cases))
        for where, content in (*kept(NAME), *made):
            path.write_bytes(content)
            begun = time.process_time()
            try:
                read += max(_try(path, content, features) for features in (None, ["x", "z"]))
                _recognised(path)
            except Exception as error:
                failures.append(f"{where} ({keep(NAME, content).name}): {error!r}")
            slowest = max(slowest, time.process_time() - begun)
        if slowest > ENDLESS:
            failures.append(f"a table took {slowest:.2f} s")
    told = f"{read} were read, every number that of another reader; the others a DataError"
    return Outcome(cases, failures, told)


def _mutant(case: int, seed: int) -> bytes:
    rng = np.random.default_rng([seed, case])
    content = TABLES[case % len(TABLES)]
    if rng.random() < 0.4:
        return mutant(content, rng)
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place, piece = rng.integers(len(changed)), PIECES[rng.integers(len(PIECES))]
        width = int(rng.integers(0, 3))  # 0 inserts, 1 replaces, 2 takes one more away
        changed[place : place + width] = piece if rng.random() < 0.8 else b""
    return bytes(changed)


def _try(path: Path, content: bytes, features: list[str] | None) -> bool:
    """Whether the table was read; AssertionError where its numbers are not those of the file.

    Its layout is stated, so that nothing is left to recognise; a table in which something was
    decided about a column (that its cells are words) is not compared.
    """
    try:
        table = csv_table(path, "y", features, missing="nan", **STATED)
    except DataError as error:
        _require_message(path, error)
        return False
    if any(word in sentence for sentence in table.decisions for word in DECIDED):
        return False
    header, rows = _other(content)
    features = features or [name for name in header if name != "y"]
    x, y = table.arrays["features"], table.arrays["target"]
    assert x.shape == (len(rows), len(features)), f"{x.shape} for {len(rows)} rows of {features}"
    for number, row in enumerate(rows):
        assert len(row) == len(header), f"row {number} has {len(row)} cells"
        cells = dict(zip(header, row, strict=True))
        expected = [_value(cells[name]) for name in features]
        np.testing.assert_array_equal(x[number], expected, f"row {number}: {row}")
        np.testing.assert_array_equal(y[number], _value(cells["y"]), f"row {number}: {row}")
    return True


def _recognised(path: Path) -> None:
    """Nothing but a table or a DataError, where the layout has to be recognised."""
    try:
        csv_table(path, "y", missing="nan", labels=True)
    except DataError as error:
        _require_message(path, error)


def _require_message(path: Path, error: DataError) -> None:
    message = str(error)
    if not message.startswith(str(path)) or "\n" in message or len(message) > 1000:
        raise AssertionError(f"a bad message: {message}") from error


def _value(cell: str) -> float:
    if cell in EMPTY:
        return float("nan")
    assert cell.isascii(), f"{cell!r} is a number"
    assert not set(cell.lower()) & set("_nfx"), f"{cell!r} is a number"
    with localcontext() as context:
        context.traps[Overflow] = context.traps[InvalidOperation] = True
        return float(Decimal(cell))


def _other(content: bytes) -> tuple[list[str], list[list[str]]]:
    """The header and the rows, by a machine that is in, behind, or outside of quotes."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    rows, row, cell, state = [], [], "", "outside"
    for place, character in enumerate(text):
        if state == "inside":
            state, cell = ("behind", cell) if character == '"' else (state, cell + character)
        elif character == '"' and state == "behind":
            state, cell = "inside", cell + '"'
        elif character == '"' and not cell.strip(" "):
            state, cell = "inside", ""
        elif character == ",":
            row, cell, state = [*row, cell], "", "outside"
        elif character in "\r\n":
            if character == "\r" or text[place - 1 : place] != "\r":
                rows.append([*row, cell])
            row, cell, state = [], "", "outside"
        else:
            assert state == "outside", "something behind a quoted cell"
            cell += character
    assert state != "inside", "a quote is open at the end"
    rows.append([*row, cell])
    stripped = [[one.strip() for one in row] for row in rows]
    header, *others = (row for row in stripped if row != [""])
    return header, others


HAZARDS = (
    Hazard(
        NAME,
        "nothing but a DataError that names the file, or every number where another reader finds "
        "it: none shifted to another column, none made of what is no number",
        damaged,
        1000,
        10_000,
    ),
)
