"""What stands above the rows of a table: names, no names, names in two lines, titles."""

import pytest

from fnet.data import csv_table
from fnet.data.opening import read_table
from fnet.errors import DataError

ROWS = {  # first lines that are rows, and what their columns are called
    "a class at the end": "5.1,3.5,1,b\n4.9,3.0,1,a\n6.2,2.9,2,b\n5.9,3.0,1,a\n",
    "numbers alone": "6,148,72\n1,85,66\n8,183,64\n",
    "a mark for what is missing": "1000025,5,1\n1057013,8,?\n1096800,6,6\n",
    "words alone": "p,x,s\ne,b,s\np,x,y\ne,x,s\np,b,y\n",
    "dates": "2024-01-05,3.5\n2024-11-12,4\n",
    "dates with names": "5-Jan-2024;3,5\n12-Feb-2024;4,1\n",
    "units": "12 kg,5\n7 kg,6\n",
    "blanks": " 18.0 8\n 15.5 4\n",
    "one row": "5.1,3.5,1.4\n",
    "zeros": "0,0,0,0\n0,1,0,0\n",
    "an empty cell": "1.5,,2\n2.5,3,1\n",
    "a separator at each end": "6,148,72,\n1,85,66,\n",
}


@pytest.mark.parametrize("name", ROWS)
def test_a_first_line_that_is_a_row_is_kept(name):
    table = read_table(ROWS[name].encode())
    assert table.rows == ROWS[name].count("\n")
    assert list(table.columns) == [f"x{place + 1}" for place in range(len(table.columns))]
    (said,) = (sentence for sentence in table.decisions if "no line of names" in sentence)
    assert f"x1 to x{len(table.columns)} (--header yes" in said


NAMES = {  # first lines that are names, and the words in what is said of them
    "words": ("a,b\n1,2\n3,4\n", ""),
    "words above words": ("name,town\nbob,ulm\nann,bonn\n", ""),
    "counted from 0": ("0,1,2\n4,5,6\n", "numbers, such as '0' (--header no"),
    "an index and counted": (",0,1\n0,4,5\n1,5,6\n", "numbers, such as '0'"),
    "an index and wavelengths": (",900.5,901.7\na,4,5\nb,5,6\n", "numbers, such as '900.5'"),
    "years": ("land,1990,2000,2020\nA,1,2,3\nB,2,3,4\n", "numbers, such as '1990'"),
    "wavelengths": ("nm,400,410,420\nA,1,2,3\nB,2,3,4\n", "numbers, such as '400'"),
    "a mark of a comment": ("#a,b\n1,2\n3,4\n", ""),
    "years alone": ("1990,2000,2020\n1,2,3\n2,3,4\n", "numbers, such as '1990'"),
    "a number among words": ("a,b,7\n1,2,3\n3,4,5\n", "numbers, such as '7'"),
    "a word that recurs": ("great,text\nso so,text\nbad,other\n", "'text' is also below itself"),
    "names that recur as a row": ("a,b\nx,y\na,b\nz,t\n", ""),
    "letters and digits": ("Q1,Q2\n5,6\n7,8\n", ""),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_first_line_that_is_names(name):
    text, words = NAMES[name]
    table = read_table(text.encode())
    assert [cell for cell in text.split("\n")[0].split(",") if cell] == list(table.columns)
    assert words in "; ".join(table.decisions)
    assert bool(words) == ("--header" in "; ".join(table.decisions))


EITHER = (
    "8,3.5,a car\n4,2.5,another\n",
    "gene,5,1,2\nq,1,2,3\nr,4,5,6\n",
    "land,1990,2020,2000\nA,1,2,3\nB,2,3,4\n",  # years, but in no order
)


@pytest.mark.parametrize("text", EITHER)
def test_a_first_line_that_may_be_either_is_asked_about(text):
    with pytest.raises(DataError, match=r"line 1: it looks like a row.*--header no.*--header yes"):
        read_table(text.encode())
    assert read_table(text.encode(), header=False).rows == text.count("\n")
    assert read_table(text.encode(), header=True).rows == text.count("\n") - 1


def test_what_is_stated_overrules_what_is_recognised():
    assert list(read_table(b"1,2\n3,4\n", header=True).columns) == ["1", "2"]
    assert list(read_table(b"a,b\nc,d\n", header=False).columns) == ["x1", "x2"]
    assert list(read_table(b"t,d\ns,m\nx,y\n", header=True).columns) == ["t", "d"]


TWO = {
    "units": ("t,d\n(s),(m)\n1,2\n3,4\n", ["t (s)", "d (m)"]),
    "units of some": ("t,who\n(s),\n1,a\n3,b\n", ["t (s)", "who"]),
    "merged cells": (
        "region,Q1,,Q2,\n,units,price,units,price\nn,1,2,3,4\ns,5,6,7,8\n",
        ["region", "Q1 units", "Q1 price", "Q2 units", "Q2 price"],
    ),
    "merged cells above words": (
        "region,Q1,\n,units,who\nn,1,ann\ns,2,bob\n",
        ["region", "Q1 units", "Q1 who"],
    ),
    "levels of pandas": (
        ",A,A,B\n,mean,std,who\n0,1,2,ann\n1,3,4,bob\n",
        ["A mean", "A std", "B who"],
    ),
    "levels of pandas and an index": (
        "level,A,A,B\npart,mean,std,who\nday,,,\nMon,1,2,ann\nTue,3,4,bob\n",
        ["day", "A mean", "A std", "B who"],
    ),
    "an empty cell beside the first": (
        "region,,Q1,\n,kind,units,price\nn,1,2,3\ns,5,6,7\n",
        ["region", "kind", "Q1 units", "Q1 price"],
    ),
}


@pytest.mark.parametrize("name", TWO)
def test_two_lines_of_names_are_joined(name):
    text, names = TWO[name]
    table = read_table(text.encode())
    assert list(table.columns) == names
    assert table.rows == 2
    assert "two lines hold the names" in "; ".join(table.decisions)


def test_one_row_is_too_few_to_show_two_lines_of_names():
    with pytest.raises(DataError, match="line 2, column 't': 's' is not a number"):
        read_table(b"t,d\ns,m\n1,2\n")


def test_a_name_beside_columns_without_names_is_no_title_of_words():
    table = read_table(b"name,,\nx,y,z\nu,v,w\np,q,r\n")
    assert list(table.columns) == ["name", "column 2", "column 3"]


TITLES = {
    "in a line of its own": "Sales in 2024\nregion,units,price\n",
    "with empty cells": "Sales in 2024,,\n,,\nregion,units,price\n",
    "with a comma": "\nSales, 2024\n\nregion,units,price\n",
    "of two lines": "Sales\nall regions\nregion,units,price\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", TITLES)
def test_titles_are_passed_over(name, separator, end):
    text = (TITLES[name] + "n,1,2\ns,3,4\ns,5,x\n").replace("\n", end).replace(",", separator)
    with pytest.raises(DataError, match=f"line {text.count(end)}, column 'price': 'x'"):
        read_table(text.encode())
    table = read_table(text.replace("x", "6").encode())
    assert list(table.columns) == ["region", "units", "price"]
    assert table.columns["units"].values.tolist() == [1, 3, 5]
    assert "above the names" in "; ".join(table.decisions)


def test_a_table_of_one_column_beside_names_of_rows_has_no_title():
    assert read_table(b'"V1"\n"a",5\n"b",6\n').columns["V1"].values.tolist() == [5, 6]


def test_csv_table_takes_header(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("1,2\n3,4\n")
    assert csv_table(path, "x2").arrays["target"].tolist() == [2, 4]
    assert csv_table(path, "2", header=True).arrays["target"].tolist() == [4]


NOTES = {  # lines below the rows, and whether they are notes
    "below an empty line": ("\nFrom the ministry, 2024\n", True),
    "a source": ("Source: a ministry\n", True),
    "a star": ("* preliminary\n", True),
    "of two paragraphs": ("\n\nSource: a ministry\n\nNote: rounded, by hand\n", True),
    "a row that is cut off": ("s,7\n", False),
    "a row that is cut off below an empty line": ("\n7,8\n", False),
    "a row below": ("\nSource: a ministry\nn,1,2\n", False),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("rows", [2, 2000])
@pytest.mark.parametrize("name", NOTES)
def test_notes_below_the_rows_are_passed_over(name, rows, end):
    below, are_notes = NOTES[name]
    text = "region,units,price\n" + "n,1,2\n" * rows + below
    if not are_notes:
        with pytest.raises(DataError, match=r"line \d+: . cells, but the header has 3"):
            read_table(text.replace("\n", end).encode())
        return
    table = read_table(text.replace("\n", end).encode())
    assert table.rows == rows
    assert "passed over, as a note" in "; ".join(table.decisions)


def test_a_note_that_comes_again_among_rows_ends_nothing():
    text = b"a,b,c\n1,2,3\nSource: me\n4,5,6\nSource: me\n"
    with pytest.raises(DataError, match="line 3: 1 cells, but the header has 3"):
        read_table(text)
