"""Numbers read from bytes are those that Python reads, to the last bit; blocks are read as rows."""

import re

import numpy as np
import pytest

from fnet.data import csv_table
from fnet.files.csv_decimals import BEFORE, decimals
from fnet.files.csv_words import Words

PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
rng = np.random.default_rng(0)
CELLS = {
    "shortest": [repr(float(x)) for x in rng.normal(0, 100, 5000)],
    "six digits": [f"{x:.6g}" for x in rng.normal(0, 100, 5000)],
    "seventeen digits": [f"{x:.17g}" for x in rng.normal(0, 1e5, 5000)],
    "eighteen decimals": [f"{x:.18f}" for x in rng.normal(0, 5, 5000)],
    "whole": [str(x) for x in rng.integers(-(10**9), 10**9, 2000)],
    "large and whole": [str(x) for x in rng.integers(-(2**62), 2**62, 2000)],
    "halves of a last bit": [f"{2**53 + 2 * k}.{d}" for k in range(500) for d in (0, 5, 1)],
    "odd": "+ - . +1 1. .5 -.5 0x1 1e5 nan inf 1_0 1.2.3 --1 1- 00012 -0 / : 1/ 1: ;".split(),
    "long": ["9" * n for n in range(15, 22)] + ["0." + "9" * n for n in range(14, 22)],
}


def read(cells):
    """The values of cells by `decimals`, and which it takes for numbers."""
    data = np.frombuffer((" " * BEFORE + ",".join(cells) + ",").encode(), np.uint8)
    last = np.flatnonzero(data == ord(","))
    first = np.concatenate(([BEFORE], last[:-1] + 1))
    points = [-1 if (at := cell.find(".")) < 0 else at for cell in cells]
    point = np.where(np.array(points) < 0, -1, first + points)
    point[[cell.count(".") > 1 for cell in cells]] = -2
    return decimals(data, first, last, point)


@pytest.mark.parametrize("name", CELLS)
def test_each_number_is_the_nearest(name):
    cells = CELLS[name]
    values, good = read(cells)
    for cell, value, is_good in zip(cells, values.tolist(), good.tolist(), strict=True):
        if is_good:
            assert PLAIN.fullmatch(cell), cell
            assert value == float(cell), cell
    if name not in ("odd", "long", "halves of a last bit"):
        assert good.mean() > 0.9


def test_halves_are_left_to_python():
    """The middle of two floats may be rounded either way here: it is not decided."""
    values, good = read(["9007199254740993.0", "9007199254740995.0", "9007199254740993.1"])
    assert good.tolist()[:2] == [False, False]
    assert values[good].tolist() == [float("9007199254740993.1")] * good.sum()


def test_words_by_bytes_and_as_text():
    data = b" " * 16 + b"a,abcdefgh,abcdefghi, a ,,a,\xc3\xa9,abcdefghijklmnopq,NA,abcdefgh,"
    array = np.frombuffer(data, np.uint8)
    last = np.flatnonzero(array == ord(","))
    first = np.concatenate(([16], last[:-1] + 1))
    short = last - first <= 16
    words = Words(frozenset(("", "NA")))
    codes = [0, 1, 2, 0, -1, 0, 3, -1, 1]
    for _ in range(2):  # the second time they are found in the table
        assert words.of_bytes(data, first[short], last[short]).tolist() == codes
    assert list(words.spelled) == ["a", "abcdefgh", "abcdefghi", "é"]
    assert words.of_bytes(data, first, last).tolist() == [*codes[:7], 4, -1, 1]
    assert words.of(["é", "NA", "abcdefgh"], 3).tolist() == [3, -1, 1]


def test_quotes_come_late(tmp_path):
    """From the first quote on the csv module reads; rows are neither lost nor read twice."""
    lines = [f"{k},{k / 8},w{k % 3}" for k in range(300_000)]
    lines[250_000] = '250000,31250.0,"w1"'
    lines.insert(280_000, "")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["k,x,w", *lines]) + "\n")
    table = csv_table(path, "k")
    assert table.arrays["target"].tolist() == list(range(300_000))
    np.testing.assert_array_equal(table.arrays["features"][:, 0], np.arange(300_000) / 8)
    assert table.arrays["features"][:, 1:].argmax(axis=1).tolist() == [
        k % 3 for k in range(300_000)
    ]
