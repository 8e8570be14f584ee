"""Tables as people and programs spoil them, each with the words required in its error.

The target is always the column "y". A message names the file and, where there is one, the line, the
column and the value; the last words of an entry are the fix.
"""

import pytest

from fnet.data import csv_table
from fnet.errors import DataError

CELL = ["line 3", "column 'x'"]  # of the bad cell of `cell`


def cell(text):
    return f'x,y\n1,2\n"{text}",4\n5,6\n'.encode()


BAD = {
    # cells
    "words": (cell("red"), [*CELL, "'red'", "not a number", "correct it", "--na red"]),
    "decimal comma": (cell("3,5"), [*CELL, "'3,5'", "decimal comma", "write 3.5"]),
    "thousands": (cell("-1,234.5"), [*CELL, "'-1,234.5'", "thousands separators", "write -1234.5"]),
    "millions": (cell("1,234,567"), [*CELL, "thousands", "write 1234567"]),
    "apostrophes": (cell("12'345"), [*CELL, "thousands", "write 12345"]),
    "European": (
        cell("1.234,56"),
        [*CELL, "'1.234,56'", "thousands separators and a decimal comma", "1234.56"],
    ),
    "underscores": (cell("1_000"), [*CELL, "'1_000'", "write 1000"]),
    "dollars": (cell("$1,200.50"), [*CELL, "'$1,200.50'", "currency", "write 1200.50"]),
    "euros": (cell("12,5 €"), [*CELL, "'12,5 €'", "currency", "decimal comma", "write 12.5"]),
    "percent": (cell("12.5 %"), [*CELL, "'12.5 %'", "percent", "write 12.5"]),
    "unit": (cell("80 m²"), [*CELL, "'80 m²'", "letters after it", "write 80"]),
    "spaces inside": (cell("12 345"), [*CELL, "'12 345'", "a space inside", "write 12345"]),
    "no-break space": (cell("12\u00a0345"), [*CELL, "a space inside", "write 12345"]),
    "Unicode minus": (cell("\u22125"), [*CELL, "'\u22125'", "minus", "not ASCII", "write -5"]),
    "Arabic digits": (cell("\u0663\u0664"), [*CELL, "'\u0663\u0664'", "not ASCII", "write 34"]),
    "wide digits": (cell("\uff13"), [*CELL, "not ASCII", "write 3"]),
    "brackets": (cell("(1,500)"), [*CELL, "'(1,500)'", "brackets for a minus sign", "write -1500"]),
    "a formula": (cell('=""5""'), [*CELL, "quotes around it", "write 5"]),
    "every cell": (
        "\n".join(["x,y", *(f"{k}{'gm'[k % 2]},2" for k in range(100, 125))]).encode(),
        ["line 2", "column 'x'", "'100g'", "letters after it"],
    ),
    "date": (
        cell("2024-02-30"),
        [*CELL, "'2024-02-30'", "a date", "write a number, such as the year"],
    ),
    "date of others": (cell("3/4/24 10:00"), [*CELL, "'3/4/24 10:00'", "a date", "write a number"]),
    "time": (cell("12:30"), [*CELL, "'12:30'", "a time", "minutes since midnight"]),
    "Excel's error": (cell("#NAME?"), [*CELL, "'#NAME?'", "spreadsheet", "leave the cell empty"]),
    "division": (cell("#DIV/0!"), [*CELL, "'#DIV/0!'", "fix its formula"]),
    "TRUE": (cell("TRUE"), [*CELL, "'TRUE'", "a word", "write 1 for true"]),
    "infinity": (cell("-Infinity"), [*CELL, "'-Infinity'", "infinite", "finite number is needed"]),
    "too large": (cell("1e999"), [*CELL, "'1e999'", "infinite in float64", "within ±1.8e+308"]),
    "hexadecimal": (cell("0x1F"), [*CELL, "'0x1F'", "hexadecimal", "decimal digits"]),
    "a dash": (cell("-"), [*CELL, "'-'", "missing", "fill the cell"]),
    "all may be two numbers": (
        b'x,y\n"1,234",1\n"2,345",2\n',
        ["column 'x'", "'1,234' may be 1234 or 1.234", "--decimal . for the former", "--decimal ,"],
    ),
    "a marker of people": (cell("?"), [*CELL, "'?'", "missing", "fill the cell"]),
    "empty": (cell(" "), [*CELL, "''", "missing", "fill the cell", "missing='nan'"]),
    "cut exponent": (cell("1.5e"), [*CELL, "'1.5e'", "not a number"]),
    "two points": (cell("1.2.3"), [*CELL, "'1.2.3'", "not a number"]),
    "a very long cell": (cell("9a" * 10_000), [*CELL, "'9a9a", "…'", "not a number"]),
    "a row of a cell": (cell("1\n2"), [*CELL, r"'1\n2'", "a space inside"]),
    # quotes
    "open quote": (b'x,y\n1,2\n3,"4\n5,6\n', ["line 3", r"'4\n5,6'", "never closed", "close it"]),
    "open further on": (b'x,y\n"1\n2","3\n', ["line 3", "'3'", "never closed", "close it"]),
    "text after a quote": (
        b'x,y\n1,2\n"3"4,5\n',
        ["line 3", "'\"3\"' comes '4'", "close the quote"],
    ),
    "open among others": (
        b'x,s,y\n1,"a,2\n3,"b",4\n',
        ["line 2", "comes 'b'", "close the quote where the cell ends"],
    ),
    "a cell too long": (
        b"x,y\n1,2\n3,4\n" + b"5" * 200_000 + b",6\n",
        ["line 4", "131072", "shorten"],
    ),
    "open in a long file": (
        b'x,y\n1,2\n"3,4\n' + b"5,6\n" * 100_000,
        ["line 3", r"'3,4\n5,6", "never closed", "close it"],
    ),
    # rows
    "one too many": (
        b"x,y\n1,2\n\n3,4,5\n",
        ["line 4", "3 cells, but the header has 2", "'5'", "quote a cell"],
    ),
    "decimal commas": (
        b"x,y\n1,2\n3,5,4,5\n",
        ["line 3", "4 cells", "'4'", "decimals with a point"],
    ),
    "one too few": (
        b"x,z,y\n1,2,3\n4,5\n",
        ["line 3", "2 cells", "column 'y' after '5'", "complete"],
    ),
    "cut short": (b"x,z,y\n1,2,3\n4", ["line 3", "1 cells", "column 'z' after '4'", "complete"]),
    # the header
    "header only": (b"x,y\n", ["only a header", "below it one line per sample"]),
    "empty file": (b"", ["no lines", "needs a line of column names"]),
    "blank lines": (b"\n \n\r\n", ["no lines", "needs a line of column names"]),
    "no header": (
        b"1.5,2\n3,4\n",
        ["line 1", "no column 'y'", "'x1', 'x2'", "taken as a row", "--header yes"],
    ),
    "perhaps a header": (
        b"# t\n\n1.5,2,a\n3,4,b\n",
        ["line 3", "looks like a row", "'1.5'", "--header no", "--header yes"],
    ),
    "two targets": (b"x,y,y \n1,2,3\n", ["line 1", "two columns", "'y'", "rename one"]),
    "another column": (b"x,Y1\n1,2\n", ["line 1", "no column 'y'", "choose one, such as 'Y1'"]),
    "thousands or decimals": (
        b"x;y\n1,234;2\n",
        ["column 'x'", "'1,234' may be 1234 or 1.234", "--decimal ,"],
    ),
    # encodings and other kinds
    "half of UTF-16": ("x,y\n1,2\n".encode("utf-16")[:-1], ["not UTF-16", "--encoding"]),
    "UTF-16 unmarked": ("x,y\n1,2\n".encode("utf-16-be"), ["line 1", r"'\x00'", "as UTF-8"]),
    "Latin-1": (
        "\ufeffx,y\n1,2\n".encode() + b"caf\xe9,3\n",
        ["line 3", "0xe9", "save it as UTF-8"],
    ),
    "UTF-8 but for a byte": (
        "größe,y\n1,2\n".encode() + b"caf\xe9,3\n",
        ["line 3", "0xe9", "is not UTF-8", "save it as UTF-8"],
    ),
    "a NUL": (b"x,y\r\n1,2\r\n3\x00,4\r\n", ["line 3", r"'\x00'", "get it again, or save it"]),
    "control first": (b"\x01x,y\n1,2\n\x1a", ["line 1", r"'\x01'", "get it again, or save it"]),
    "control": (b"x,y\r1,2\r3,4\x1a\r", ["line 3", r"'\x1a'", "get it again, or save it"]),
    "two files joined": (
        "x,y\n1,2\n\ufeffx,y\n".encode(),
        ["line 3", r"'\ufeff'", "several files joined"],
    ),
    ".xlsx": (b"PK\x03\x04\x14\x00\x06\x00", ["zip", ".xlsx", "export it", "CSV UTF-8"]),
    ".xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", [".xls", "export it"]),
    "gzip": (b"\x1f\x8b\x08\x00\x00", ["compressed by gzip and damaged", "get it again"]),
    "a web page": (b"<!DOCTYPE html>\n<html>", ["web page", "get the table itself"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_told_in_one_line(name, tmp_path):
    content, words = BAD[name]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        csv_table(path, "y")
    message = str(caught.value)
    positions = [message.find(word) for word in words]
    assert message.startswith(str(path)), message
    assert -1 not in positions, message
    assert positions == sorted(positions), message  # place, value, mistake, fix
    assert "\n" not in message
    assert len(message) < len(str(path)) + 300


def test_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\); pass a CSV file"):
        csv_table(tmp_path, "y")
