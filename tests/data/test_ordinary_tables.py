"""Tables as pandas, R, spreadsheets and people write them: what is read, and what is said."""

import gzip
from unittest import mock

import numpy as np
import pytest

from fnet.cli.arguments import DATA
from fnet.cli.tables import open_table
from fnet.data import csv_columns, csv_table
from fnet.data.dates import date_orders, days_of
from fnet.data.kinds import Kind, kind_of
from fnet.data.opening import read_table
from fnet.data.targets import task_of
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_columns import Column

PLAIN = "a,b,y\n1,2.5,3\n4,5,6\n"
SAME = {
    "commas": PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "blanks": PLAIN.replace(",", " "),
    "aligned": "  a    b  y\n  1  2.5  3  \n  4\t5    6\n",
    "decimal commas": "a;b;y\n1;2,5;3\n4;5;6\n",
    "decimal commas in quotes": '"a"\t"b"\t"y"\n1\t"2,5"\t3\n4\t"5"\t6\n',
    "the index of pandas": ",a,b,y\n0,1,2.5,3\n1,4,5,6\n",
    "row names of R": '"","a","b","y"\n"one",1,2.5,3\n"two",4,5,6\n',
    "a header one shorter": '"a" "b" "y"\n"1" 1 2.5 3\n"2" 4 5 6\n',
    "names of rows from 0": '"a" "b" "y"\n"0" 1 2.5 3\n"1" 4 5 6\n',
    "numbers of rows that were chosen": '"a"\t"b"\t"y"\n"7"\t1\t2.5\t3\n"3"\t4\t5\t6\n',
    "as pandas prints it": "   a    b  y\n0  1  2.5  3\n1  4    5  6\n",
    "a separator that is stated": "sep=;\r\na;b;y\r\n1;2,5;3\r\n4;5;6\r\n",
    "blanks between tabs": "a\tb\ty\n1  2.5  3\n4 \t5    6\n",
    "a separator at each end": "a,b,y,\n1,2.5,3,\n4,5,6,\n",
    "a separator at each row's end": "a,b,y\n1,2.5,3,\n4,5,6,\n",
    "comments": "# made by hand\n# on a Monday\na,b,y\n1,2.5,3\n4,5,6\n",
    "names in single quotes": "'a','b','y'\n1,2.5,3\n4,5,6\n",
    "spaces around": " a , b , y \n 1 , 2.5 , 3 \n 4 , 5 , 6 \n",
    "blank lines and returns": "\r\na,b,y\r\n\r\n1,2.5,3\r\n4,5,6\r\n\r\n",
}


@pytest.mark.parametrize("name", SAME)
def test_one_table_in_many_spellings(tmp_path, name):
    path = tmp_path / "table.csv"
    path.write_text(SAME[name], newline="")
    table = csv_table(path, "y")
    assert table.columns == ("a", "b")
    assert table.arrays["features"].tolist() == [[1, 2.5], [4, 5]]
    assert table.arrays["target"].tolist() == [3, 6]
    said = "; ".join(table.decisions)
    assert said or name in ("commas", "spaces around", "blank lines and returns")


def test_decimal_commas_between_commas_are_no_names_of_rows(tmp_path):
    path = write(tmp_path, "x,y\n12,5,4\n13,5,6\n")
    with pytest.raises(DataError, match="3 cells, but the header has 2"):
        csv_table(path, "y")


def test_blanks_and_tabs_beside_quoted_words(tmp_path):
    path = write(tmp_path, 'a\tb\ty name\n1  2.5  3\t"r s"\n4  5    6\t"t\tu"\n')
    table = csv_table(path, "y")
    assert table.columns == ("a", "b", "name")
    assert "`name` is r s (0) or t\tu (1)" in table.decisions


ENCODINGS = {"utf-8": "", "utf-8-sig": "", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path, encoding, packed):
    data = "größe,y\n1,ja\n2,nein\n3,später\n".encode(encoding)
    path = tmp_path / ("table.csv.gz" if packed else "table.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    table = csv_table(path, "y", labels=True)
    assert table.columns == ("größe",)
    assert table.classes == ("ja", "nein", "später")
    assert ENCODINGS[encoding] in "; ".join(table.decisions)


def test_an_encoding_that_is_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("дом,y\n1,да\n2,нет\n".encode("koi8-r"))
    assert csv_table(path, "y", labels=True, encoding="koi8-r").classes == ("да", "нет")
    with pytest.raises(ConfigurationError, match="'koi9'"):
        csv_table(path, "y", encoding="koi9")


def test_a_file_that_unpacks_to_far_more(tmp_path, monkeypatch):
    monkeypatch.setattr("fnet.files.zips.FLOOR", 1000)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n" + b"0,0\n" * 100_000))
    with pytest.raises(DataError, match="unpacks to more than"):
        csv_table(path, "y")


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_names_that_repeat_and_names_that_lack(tmp_path):
    path = write(tmp_path, "a,a,,y\n1,2,3,4\n5,6,7,8\n")
    table = csv_table(path, "y")
    assert csv_columns(path) == ["a", "a (2)", "column 3", "y"]
    assert table.arrays["features"].tolist() == [[1, 2, 3], [5, 6, 7]]
    assert csv_columns(write(tmp_path, "a,a,a (2)\n1,2,3\n")) == ["a", "a (3)", "a (2)"]
    said = "; ".join(table.decisions)
    assert "two columns are named `a`" in said
    assert "column 3 has no name" in said


KINDS = {
    "two words": ("no,yes,no", ["x"], [[0], [1], [0]], "`x` is no (0) or yes (1)"),
    "true and false": ("True,False,True", ["x"], [[1], [0], [1]], "False (0) or True (1)"),
    "words": ("b,a,c,b", ["x=a", "x=b", "x=c"], [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], "3"),
    "codes": ("02134,7,02134,8", ["x=02134", "x=7", "x=8"], None, "3 categories"),
    "versions": ("1.1,1.10,1.9,1.10", ["x=1.1", "x=1.10", "x=1.9"], None, "3 categories"),
    "zeros at the end": ("1.50,2.5,3.25", ["x"], [[1.5], [2.5], [3.25]], ""),
    "two decimals": ("1.10,1.50,2.00", ["x"], [[1.1], [1.5], [2]], ""),
    "ids beyond float64": ("9007199254740993,9007199254740992,1,1", None, None, "3 categories"),
    "no and a word": ("fiction,non-fiction,fiction", ["x"], [[1], [0], [1]], "non-fiction (0)"),
    "two signs": ("-$-5,$7,$8", ["x=$7", "x=$8", "x=-$-5"], None, "3 categories"),
    "a word among digits": ("3,4,4,rotary," * 5 + "4", ["x=3", "x=4", "x=rotary"], None, "3 cat"),
    "Unix milliseconds": ("1700000000001,1700000000002", ["x"], None, ""),
    "a date": ("2024-01-01,2024-01-02", None, None, "`x` is a date: days, part of the week"),
    "a European date": ("31.01.2024,01.02.2024", None, None, "`x` is a date"),
    "an American date": ("01/31/2024,02/01/2024", None, None, "`x` is a date"),
    "names of months": ('"Jan 31, 2024","Feb 1, 2024"', None, None, "`x` is a date"),
    "a time of day": ("06:00,18:30:00,23:59", None, None, "`x` is a time of day"),
    "a time by the short clock": ("6:00 AM,12:15 pm", None, None, "`x` is a time of day"),
    "minutes beyond a day": ("61:00,75:30", ["x"], None, "`x` is durations"),
    "a date by the short clock": ("1/31/2024 6:00 PM,2/1/2024 7:15 AM", None, None, "of the day"),
    "hours beyond the short clock": ("13:15 PM,14:00 PM", ["x"], None, "13:15 PM (0) or"),
    "a weekday and a date": ("Fri 2 Feb 2024,Sat 3 Feb 2024", None, None, "`x` is a date"),
    "a month and a year": ("Jan 2024,Feb 2024", None, None, "`x` is a date"),
    "a date that is unknown": ("2024-01-31,unknown,2024-02-01", None, None, "`x` is a date"),
    "percent": ("12.5%,3 %,?,7%", ["x"], [[12.5], [3], [np.nan], [7]], "numbers, each with %"),
    "a unit": ("5 kg,7 kg,-2.5 kg", ["x"], [[5], [7], [-2.5]], "`x` is numbers, each with kg"),
    "money": ("$5,-$7,$9.99", ["x"], [[5], [-7], [9.99]], "`x` is numbers, each with $"),
    "two units": ("5 kg,7 kg,3 lb", ["x=3 lb", "x=5 kg", "x=7 kg"], None, "3 categories"),
    "two words of a unit": ("36 months,60 months", ["x"], [[0], [1]], "36 months (0)"),
    "codes that end in a letter": ("01A,02A,03A", ["x=01A", "x=02A", "x=03A"], None, "3 cat"),
    "zeros": ("0,0,0,1", ["x"], [[0], [0], [0], [1]], ""),
    "question marks": ("1,?,3", ["x"], [[1], [np.nan], [3]], "`x`: 1 cell '?' is missing"),
    "a missing word": ("a,b,NA,c,b,c", ["x=a", "x=b", "x=c", "x is missing"], None, "missing (1"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(tmp_path, name):
    cells, columns, values, sentence = KINDS[name]
    cells = cells.split(",") if '"' not in cells else ['"Jan 31, 2024"', '"Feb 1, 2024"']
    path = write(tmp_path, "x,y\n" + "".join(f"{cell},1\n" for cell in cells))
    table = csv_table(path, "y", missing="nan")
    assert columns is None or table.columns == tuple(columns)
    if values is not None:
        np.testing.assert_array_equal(table.arrays["features"], values)
    assert sentence in "; ".join(table.decisions)


def test_numbers_keep_their_value(tmp_path):
    path = write(tmp_path, "t,y\n1700000000001,16777217\n1700000000002,16777219\n")
    table = csv_table(path, "y")
    assert np.diff(table.arrays["features"][:, 0]) == [1]
    assert np.diff(table.arrays["target"]) == [2]


def test_dates_are_days_and_parts(tmp_path):
    """Days since 1970 by NumPy's calendar; a Thursday begins its weeks."""
    words = ["2023-03-01", "2024-02-29", "2024-03-01", "2024-03-02"]
    path = write(tmp_path, "x,y\n" + "".join(f"{word} 06:00,1\n" for word in words))
    table = csv_table(path, "y")
    days = np.array(words, "datetime64[D]").astype(float) + 0.25
    assert table.arrays["features"][:, 0].tolist() == days.tolist()
    assert table.columns[1:] == ("x: sine of the year", "x: cosine of the year")


def test_quarters_begin_with_their_first_month(tmp_path):
    path = write(tmp_path, "x,y\n1970 Q1,1\n1970-Q3,2\n1970Q4,3\n")
    assert csv_table(path, "y").arrays["features"][:, 0].tolist() == [0, 181, 273]


def test_ambiguous_dates_are_left_out(tmp_path):
    path = write(tmp_path, "d,x,y\n01/02/2024,1,2\n03/04/2024,3,4\n")
    table = csv_table(path, "y")
    assert table.columns == ("x",)
    assert "may be month/day/year or day/month/year" in "; ".join(table.decisions)


def test_dates_that_a_word_spoils_are_left_out(tmp_path):
    cells = ["2024-01-31", "2024-02-01", "2024-02-30", "2024-02-01"]
    path = write(tmp_path, "d,x,y\n" + "".join(f"{cell},{k},2\n" for k, cell in enumerate(cells)))
    table = csv_table(path, "y")
    assert table.columns == ("x",)
    said = "; ".join(table.decisions)
    assert "`d` is dates, year-month-day, but for 1 of 4 cells, such as '2024-02-30'" in said


def test_dates_without_separators(tmp_path):
    """By name and by the calendar; others are numbers."""
    path = write(tmp_path, "date,n,when,y\n20240228,20240228,20240228,1\n20240301,7,20240230,2\n")
    columns = {column.name: column for column in read_table(path).columns.values()}
    kind, said = kind_of(columns["date"])
    assert kind is not None
    assert kind.kind == "date"
    assert "written as 20241231" in said
    assert kind.read(columns["date"]).tolist() == [19781, 19783]
    words = read_table(path, spelled=["date"]).columns["date"]
    assert kind.read(words).tolist() == [19781, 19783]
    assert [kind_of(columns[name])[0].kind for name in ("n", "when")] == ["number", "number"]


ROWS = {
    "rownames": ([931, 7, 20], "names the rows"),
    "row.names": ([1978.1, 1978.2, 1979.1], "names the rows"),
    "Unnamed: 0": ([4, 9, 6], "names the rows"),
    "obs": ([3, 1, 2], "numbers the rows"),
    "PID": ([561, 564, 562], "numbers the rows"),
    "pidnum": ([561, 564, 562], "numbers the rows"),
    "customer_id": ([k // 2 for k in range(50)], "an identifier by its name, with 25 distinct"),
    "obs ": ([3, 1, 5], None),
    "area_id": ([1, 2, 3] * 20, None),
    "void": ([3, 1, 5], None),
}


@pytest.mark.parametrize("name", ROWS)
def test_numbers_that_stand_for_rows(name):
    values, sentence = ROWS[name]
    kind, said = kind_of(Column(name, np.array(values, float)))
    assert (kind is None) == (sentence is not None)
    assert sentence is None or sentence in said


def test_thousands_or_decimals_are_not_guessed(tmp_path):
    path = write(tmp_path, "x;y\n1,234;2\n5,678;3\n")
    with pytest.raises(DataError, match=r"'1,234' may be 1234 or 1\.234"):
        csv_table(path, "y")
    table = csv_table(path, "y", decimal=",")
    assert table.arrays["features"].ravel().tolist() == [1.234, 5.678]
    other = write(tmp_path, "x;z;y\n1,234;0,5;2\n5,678;1,5;3\n")
    assert csv_table(other, "y").arrays["features"].tolist() == [[1.234, 0.5], [5.678, 1.5]]


def test_one_number_in_two_spellings_among_many_is_a_number(tmp_path):
    cells = ["9.5", "9.50", *(f"{place}.7" for place in range(40))]
    path = write(tmp_path, "x,y\n" + "".join(f"{cell},1\n" for cell in cells))
    assert csv_table(path, "y").arrays["features"].shape == (42, 1)


def test_a_zero_among_decimal_commas_is_no_code(tmp_path):
    path = write(tmp_path, "x;y\n0;1\n1,5;2\n-0;3\n")
    assert csv_table(path, "y").arrays["features"].tolist() == [[0], [1.5], [0]]


def test_commas_between_thousands(tmp_path):
    path = write(tmp_path, 'x,z,y\n"1,234","$1,234.50",1\n"1,234,567",$3,2\n17,"$2,000",3\n')
    table = csv_table(path, "y")
    assert table.arrays["features"].tolist() == [[1234, 1234.5], [1234567, 3], [17, 2000]]
    assert "`x` is numbers with commas between thousands" in table.decisions
    assert "`z` is numbers with commas between thousands, each with $" in table.decisions


def test_a_class_may_be_called_none(tmp_path):
    path = write(tmp_path, "x,y\n1,None\n2,Insomnia\n3,Apnea\n")
    assert csv_table(path, "y", labels=True).classes == ("Apnea", "Insomnia", "None")
    with pytest.raises(DataError, match="line 2, column 'y': 'None' is missing"):
        csv_table(path, "y", labels=True, na=("None",))
    quoted = write(tmp_path, 'x,y\n1,"NA"\n2,"US"\n3,"AT"\n')
    table = csv_table(quoted, "y", labels=True)
    assert table.classes == ("AT", "NA", "US")
    assert table.arrays["label"].tolist() == [1, 2, 0]


def test_words_come_late(tmp_path):
    """A column whose first thousand cells are numbers is words if later ones are."""
    cells = ["1"] * 1000 + ["b"] * 500
    path = write(tmp_path, "x,y\n" + "".join(f"{cell},{k}\n" for k, cell in enumerate(cells)))
    assert csv_table(path, "y").arrays["features"].ravel().tolist() == [0] * 1000 + [1] * 500


class Frame:
    """As much of a DataFrame as is looked at."""

    def __init__(self, columns):
        self.arrays = columns
        self.columns = list(columns)
        self.shape = (len(next(iter(columns.values()))), len(columns))

    def __getitem__(self, name):
        return self.arrays[name]


class NAType:
    """What pandas writes for a missing value."""


def test_a_frame():
    frame = Frame(
        {
            "age": np.array([1, 2, 3]),
            "kind": np.array(["a", "b", "c"], object),
            "smokes": np.array([True, False, True]),
            "when": np.array(["2024-01-01", "2024-01-02", "NaT"], "datetime64[ns]"),
            "nullable": np.array([1, NAType(), 3], object),
            "y": np.array(["u", "v", "u"], object),
        }
    )
    table = csv_table(frame, "y", ("age", "smokes", "nullable"), labels=True, missing="nan")
    expected = [[1, 1, 1], [2, 0, np.nan], [3, 1, 3]]
    np.testing.assert_array_equal(table.arrays["features"], expected)
    assert table.classes == ("u", "v")
    dated = csv_table(frame, "y", "when", labels=True, missing="nan")
    np.testing.assert_array_equal(dated.arrays["features"][:, 0], [19723, 19724, np.nan])
    with pytest.raises(DataError, match="DataFrame, row 1, column 'nullable': it is missing"):
        csv_table(frame, "y", ("nullable",), labels=True)
    with pytest.raises(DataError, match="DataFrame: there is no column 'z'"):
        csv_table(frame, "z")


def test_a_frame_whose_columns_have_numbers_for_names():
    frame = Frame({place: np.arange(3.0) + place for place in range(3)})
    table = csv_table(frame, 2, features=[0])
    assert table.columns == ("0",)
    assert table.arrays["target"].tolist() == [2, 3, 4]


def test_durations_and_large_integers_in_a_frame():
    waits = np.array([1500, "NaT", 0], "timedelta64[ms]")
    for ids in ([2**53, 2**53 + 1, 1], [-(2**53), -(2**53) - 1, 1]):
        frame = Frame({"id": np.array(ids), "wait": waits, "y": np.arange(3)})
        table = csv_table(frame, "y", missing="nan")
        assert table.columns == (*(f"id={word}" for word in sorted(map(str, ids))), "wait")
        np.testing.assert_array_equal(table.arrays["features"][:, 3], [1.5, np.nan, 0])


@pytest.mark.parametrize("dtype", [complex, object])
def test_complex_numbers_in_a_frame(dtype):
    frame = Frame({"z": np.array([1j, 2.0], dtype), "y": np.array([1.0, 2.0])})
    with pytest.raises(DataError, match="column 'z': it has complex numbers"):
        csv_table(frame, "y")


TEXT = {  # text in a DataFrame, the numbers that it is, and the words in what is said
    "a unit": (["12 kg", "7.5 kg", "8 kg"], [12, 7.5, 8], "each with kg"),
    "percent": (["5%", "7%", "9.5 %", None], [5, 7, 9.5, np.nan], "each with %"),
    "thousands": (["1,234.5", "2,500.0", "3,100.0"], [1234.5, 2500, 3100], "commas between"),
    "decimal commas": (["1,5", "2,25", "3"], [1.5, 2.25, 3], "decimal comma"),
    "numbers as text": (["1.5", "2", "-3"], [1.5, 2, -3], ""),
    "a mark for what is missing": (["1.5", "?", "-3"], [1.5, np.nan, -3], "'?' is missing"),
}


@pytest.mark.parametrize("name", TEXT)
def test_text_in_a_frame_is_read_as_that_of_a_file(name):
    cells, numbers, words = TEXT[name]
    frame = Frame({"x": np.array(cells, object), "y": np.arange(len(cells))})
    table = csv_table(frame, "y", missing="nan")
    np.testing.assert_array_equal(table.arrays["features"][:, 0], numbers)
    assert words in "; ".join(table.decisions)


@pytest.mark.parametrize("cells", ["1 -999 4", "1 -999.0 4.5", '1 "-999" NA', "1 -999 4,5"])
def test_a_number_that_stands_for_what_is_missing(tmp_path, cells):
    path = write(tmp_path, "x;y\n" + "".join(f"{cell};0\n" for cell in cells.split()))
    x = read_table(path, na=["-999", "NA"]).columns["x"].values
    assert x[0] == 1
    assert np.isnan(x[1])
    frame = Frame({"x": np.array([1, -999, 4]), "y": np.arange(3)})
    found = csv_table(frame, "y", na=[-999], missing="nan").arrays["features"]
    np.testing.assert_array_equal(found, [[1], [np.nan], [4]])
    assert frame["x"][1] == -999


SPELLED = {  # numbers as people write them, what they are, and the words in what is said
    "blanks": ("1 234;17;12 345.5", [1234, 17, 12345.5], "blanks between thousands"),
    "no-break spaces": ("1\u00a0234;17;12\u202f345", [1234, 17, 12345], "blanks between"),
    "apostrophes": ("1'234;17;12’345.5", [1234, 17, 12345.5], "apostrophes between"),
    "points": ("1.234,5;17;12.345,25", [1234.5, 17, 12345.25], "points between thousands"),
    "points of millions": ("1.234.567;17;2.345.678", [1234567, 17, 2345678], "points between"),
    "commas": ("1,234.5;17;12,345.25", [1234.5, 17, 12345.25], "commas between thousands"),
    "money": ("$1,234;$17;$12,345", [1234, 17, 12345], "commas between thousands, each with $"),
    "euros": ("1.234,50 €;17 €;-2.345,25 €", [1234.5, 17, -2345.25], "thousands, each with €"),
    "blanks and decimal commas": ("1 234,5;17,25;12 345,125", [1234.5, 17.25, 12345.125], "blanks"),
    "a narrow blank and euros": (
        "1\u202f234,50\u202f€;9,50\u202f€;2\u202f000\u202f€",
        [1234.5, 9.5, 2000],
        "with €",
    ),
    "decimal commas and euros": ("12,50 €;3,99 €;7 €", [12.5, 3.99, 7], "decimal comma"),
    "a currency's code": ("CHF 1'234.50;CHF 9.50;CHF 22'222.00", [1234.5, 9.5, 22222], "with CHF"),
    "multiples": ("€100.5M;€300K;€0", [100.5e6, 3e5, 0], "K, M or B for thousands, millions"),
    "brackets": ("(1.5);17;(12)", [-1.5, 17, -12], "brackets for a minus sign"),
    "brackets and blanks": ("(1 234);17;(2 500)", [-1234, 17, -2500], "sign and blanks between"),
    "a minus sign": ("\u22121.5;17;\u221212", [-1.5, 17, -12], "not ASCII"),
    "marks for what is missing": ("1.5;-;n.a.", [1.5, np.nan, np.nan], "2 cells '-', 'n.a.' are"),
}


@pytest.mark.parametrize("name", SPELLED)
def test_numbers_as_people_write_them(name):
    cells, numbers, words = SPELLED[name]
    reading = read_table(("x\ty\n" + cells.replace(";", "\t0\n") + "\t0\n").encode())
    np.testing.assert_array_equal(reading.columns["x"].values, numbers)
    assert words in "; ".join(reading.decisions)


@pytest.mark.parametrize(
    "cells", ["29.450;7.200;850", "29.450 km;7.200 km;850 km", "1.234;2.345;3.456", "29.000;7.000"]
)
def test_points_where_others_have_decimal_commas_are_asked_about(cells):
    """They may stand before thousands: read as decimals in silence before."""
    text = ("x\ty\n" + cells.replace(";", "\t0,5\n") + "\t1,25\n").encode()
    with pytest.raises(DataError, match=r"may be (29450|1234|29000), since other numbers have"):
        read_table(text)
    first = float(cells[:6].strip(";").replace(".", ""))
    assert read_table(text, decimal=",").columns["x"].values[0] == first
    other = text.replace(b".450", b".4501").replace(b".234", b".23").replace(b".000", b".0")
    assert read_table(other).columns["x"].values[0] == pytest.approx(first / 1000, rel=0.01)


@pytest.mark.parametrize("unit", ["", " km"])
def test_what_may_be_two_numbers_is_asked_about_and_stated(unit):
    text = f"x\ty\n1,234{unit}\t0\n2,345{unit}\t1\n950{unit}\t1\n".encode()
    with pytest.raises(DataError, match=r"may be 1234 or 1.234; say which: --decimal \. for the"):
        read_table(text)
    assert read_table(text, decimal=".").columns["x"].values.tolist() == [1234, 2345, 950]
    assert read_table(text, decimal=",").columns["x"].values.tolist() == [1.234, 2.345, 950]


@pytest.mark.parametrize("cells", ["100K;200K;300", "1.5;17;(12)", "1 23;4 567;8"])
def test_what_is_not_taken_for_a_number(cells):
    text = "x\ty\n" + cells.replace(";", "\t0\n") + "\t0\n"
    with pytest.raises(DataError, match="column 'x'"):
        read_table(text.encode()).number("x")


TOTALS = {  # a last row, how many rows are left, and the words in what is said
    "sums": ("Total,6,4.5", 3, "the last row, 'Total', holds the sums"),
    "means": ("Mittelwert,2,1.5", 3, "the last row, 'Mittelwert', holds"),
    "a sum and nothing": ("Grand total,6,", 3, "left out"),
    "something else": ("Total,5,4.5", 4, "warning: the last row is named 'Total'"),
    "another name": ("Bern,6,4.5", 4, ""),
}


def test_codes_among_whole_numbers_are_words(tmp_path):
    cells = [*map(str, range(30)), "41B", "41D"]
    table = read_table("\n".join(["flight,y", *(f"{c},1" for c in cells)]).encode())
    assert table.columns["flight"].words == tuple(sorted(cells))
    assert kind_of(table.columns["flight"])[1].startswith("`flight` is numbers but for 2 of 32")
    for spoiled in ("4.1B", "41 B", "4B1"):
        with pytest.raises(DataError, match="line 32, column 'flight'"):
            read_table(
                "\n".join(["flight,y", *(f"{c},1" for c in (*cells[:30], spoiled))]).encode()
            )
    rows = "".join(f"{c},{k}.5\n" for k, c in enumerate(cells))
    path = write(tmp_path, "flight,y\n" + rows)
    with pytest.raises(DataError, match="column 'flight': it is numbers but for 2 of 32 cells"):
        open_table(path, {**DATA, "target": "flight"})


@pytest.mark.parametrize("text", ["x,y\n1,2\n\x1a", 'x,y\n1,"2"\n\x1a\n', "x,y\r\n1,2\r\n\x1a"])
def test_the_end_of_a_file_in_dos(text):
    assert read_table(text.encode()).columns["y"].values.tolist() == [2]


@pytest.mark.parametrize("end", ["\x1a3,4\n", "\x1a\x1a", "\x1a\n3,4\n", "3,4\x1a"])
def test_a_mark_of_the_end_that_is_not_at_the_end(end):
    with pytest.raises(DataError, match=r"line 3"):
        read_table(f"x,y\n1,2\n{end}".encode())


@pytest.mark.parametrize("name", TOTALS)
def test_a_last_row_that_sums_up_the_others_is_no_sample(name):
    last, rows, words = TOTALS[name]
    table = read_table(f"town,sold,price\nUlm,1,1\nBonn,2,1.5\nUlm,3,2\n{last}\n".encode())
    assert table.rows == rows
    assert words in "; ".join(table.decisions)
    town = table.columns["town"]
    assert [town.words[code] for code in town.values[:3]] == ["Ulm", "Bonn", "Ulm"]
    assert (last.split(",")[0] in town.words) == (rows == 4)


def test_the_name_of_sums_may_stand_below_years():
    text = "year,sold,price\n2021,1,1\n2022,2,1.5\n2023,3,2\nSumme,6,4.5\n"
    table = read_table(text.encode())
    assert table.columns["year"].values.tolist() == [2021, 2022, 2023]
    assert "the last row, 'Summe', holds the sums" in table.decisions[0]
    with pytest.raises(DataError, match=r"line 5, column 'year': 'Summe' is not a number, .* sums"):
        read_table(text.replace("4.5", "5").encode())


def test_numbers_of_people_and_papers_are_no_features():
    numbers = np.arange(30.0) * 3 + 1000
    for name in ("#", "Nr.", "No.", "Lfd. Nr."):
        assert kind_of(Column(name, np.arange(1.0, 31)))[0] is None
    for name in ("Kundennummer", "invoice_no", "Order Number", "Policy No."):
        assert kind_of(Column(name, numbers))[0] is None
    for name in ("atomic number", "house number", "piano", "annum"):
        assert kind_of(Column(name, numbers))[0].kind == "number"


def test_yes_and_no_in_another_case_are_the_same():
    kind, _ = kind_of(Column("smoker", np.arange(2), ("FALSE", "TRUE")))
    new = Column("smoker", np.arange(3), ("True", "false", "yes"))
    np.testing.assert_array_equal(kind.read(new), [1, 0, np.nan])
    assert kind.strange(new) == ["yes"]


def test_means_may_be_rounded_and_a_name_that_recurs_sums_up_nothing():
    assert read_table(b"town,sold\nUlm,1\nBonn,2\nTrier,2\nMean,1.67\n").rows == 3
    assert read_table(b"town,sold\nTotal,1\nUlm,2\nTotal,3\n").rows == 3


def test_points_between_thousands_beside_a_decimal_comma_that_is_stated():
    table = read_table(b"x;y\n1.234.567,5;1\n2.345,25;2\n", decimal=",")
    assert table.columns["x"].values.tolist() == [1234567.5, 2345.25]


def test_a_mark_within_the_range_of_the_others_is_a_number():
    values = np.array([*range(0, 1000, 10), 999, 999], float)
    assert kind_of(Column("x", values))[1] is None


def test_a_target_that_is_missing_beside_a_last_row_of_sums():
    table = read_table(b'n,x,y\na,1,u\nb,2,"NA"\nc,3,NA\nTotal,6,\n')
    target, said = table.words("y")
    assert target.values.tolist() == [1, 0, -1]
    assert "in quotes is a class" in said


def test_no_word_of_a_last_row_of_sums_alone_is_a_class_or_a_category():
    table = read_table(b"kind,zone,note,x\na,n,,1\nb,s,,2\n,n,,3\na,s,,4\nTotal,all,of 5,10\n")
    target, said = table.words("kind")
    assert (target.words, target.values.tolist(), said) == (("a", "b"), [0, 1, -1, 0], None)
    assert table.columns["zone"].words == ("n", "s")
    assert kind_of(table.columns["note"]) == (None, "`note` has no values: left out")


def test_a_column_that_is_not_used_cannot_spoil_a_table(tmp_path):
    rows = "".join(f"{row},{row}.5,{row % 2}\n" for row in range(30))
    path = write(tmp_path, f"a,spoiled,y\n{rows}1,12x4,0\n")
    with pytest.raises(DataError, match="line 32, column 'spoiled'"):
        csv_table(path, "y")
    assert csv_table(path, "y", features=["a"]).columns == ("a",)


SAID = {  # words of a column, and what is said of it
    "case": ("Yes yes No no".split() * 9, "4 categories; 'No' and 'no' differ by case"),
    "nearly numbers": ([*map(str, range(60)), *["<5"] * 9], "numbers but for 9 of 69 cells, such"),
    "a mark": ([*map(str, range(60)), *["-999"] * 9], "warning: `x` is -999 in 9 rows, far from"),
    "year and month": (
        [f"{y} {m}" for y in range(2000, 2015) for m in ("Jan", "Mai")],
        "date (yea",
    ),
    "two digits of a year": ([f"{d:02}.01.98" for d in range(1, 29)], "a date (day.month.yy): day"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of_a_column(name):
    cells, words = SAID[name]
    column = read_table("\n".join(["x", *cells]).encode()).columns["x"]
    assert words in kind_of(column)[1]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("5/13/68", "2068-05-13"),
        ("13/5/69", "1969-05-13"),
        ("13.05.20", "2020-05-13"),
        ("2024.05.13", "2024-05-13"),
        ("13-May-20", "2020-05-13"),
        ("13. Mai 2024", "2024-05-13"),
        ("24. Dezember 2024", "2024-12-24"),
        ("2 juin 2022", "2022-06-02"),
        ("14 juillet 2023", "2023-07-14"),
        ("3 de enero de 2024", "2024-01-03"),
        ("2002 Jan", "2002-01-01"),
        ("1991 W06", "1991-02-04"),
        ("2020-W53", "2020-12-28"),
        ("2021 W53", None),
        ("20-01-31", None),
        ("1.2.10", None),
        ("5 apples 2020", None),
    ],
)
def test_dates_of_several_languages_and_short_years(words, day):
    orders = date_orders([words])
    assert len(orders) == (day is not None)
    if day:
        epoch = np.datetime64("1970-01-01")
        assert days_of([words], orders[0])[0] == (np.datetime64(day) - epoch).astype(int)


@pytest.mark.parametrize("text", ["<table><tr>", "@relation iris\n", "PAR1\x15\x04"])
def test_other_formats_are_named(text):
    with pytest.raises(DataError, match=r"it is not CSV but .*read it with .*DataFrame"):
        read_table(text.encode())


def test_what_is_not_read_in_a_frame():
    codes = np.array(["02134", "00501", "02134"], object)
    frame = Frame({"x": codes, "z": np.array([1.0, 2.0, 3.0]), "y": codes})
    assert csv_table(frame, "y", labels=True).columns == ("x", "z")
    spoiled = Frame({"x": np.array(["1", "2", "red"], object), "y": np.arange(3)})
    with pytest.raises(DataError, match=r"row 2, column 'x': 'red' is not a number.*make it None"):
        csv_table(spoiled, "y")
    np.testing.assert_array_equal(
        csv_table(spoiled, "y", na=["red"], missing="nan").arrays["features"], [[1], [2], [np.nan]]
    )
    with pytest.raises(ConfigurationError, match="sep is ';', which is for files"):
        csv_table(spoiled, "y", sep=";")


def test_a_column_that_says_it_is_categorical_stays_one():
    class Categorical(np.ndarray):
        dtype = "category"

    kinds = np.array(["1", "2", "3", "1"], object)
    marked = np.array([1, 2, 3, 1]).view(Categorical)
    for column, names in ((kinds, ("x",)), (marked, ("x=1", "x=2", "x=3"))):
        table = csv_table(Frame({"x": column, "y": np.arange(4)}), "y")
        assert table.columns == names


def test_a_date_that_is_unknown_is_missing(tmp_path):
    path = write(tmp_path, "x,y\n2024-01-31,1\nunknown,2\n2024-02-01,3\n")
    with pytest.raises(DataError, match="line 3, column 'x': 'unknown' is missing"):
        csv_table(path, "y")


def test_the_first_cell_that_is_no_number_with_a_decimal_comma(tmp_path):
    reading = read_table(write(tmp_path, "x;z\n" + "1,5;2,25\nred;3,25\n" * 10))
    assert "numbers are written with a decimal comma (--decimal)" in reading.decisions
    with pytest.raises(DataError, match="line 3, column 'x': 'red' is not a number"):
        reading.number("x")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.arange(15) % 3, "classes"),
        (np.arange(14) % 3, "regression"),
        (np.arange(1000) % 11, "regression"),
        (np.arange(15) % 3 + 0.5, "regression"),
        ([0, 1, np.nan], "classes"),
    ],
)
def test_few_whole_numbers_are_classes(values, task):
    column = Column("y", np.asarray(values, float))
    assert task_of(column)[0] == task


LENGTHS = {  # durations, and what they are in days
    "minutes and seconds": ("0:30 6:15 61:00", [0.5 / 24, 6.25 / 24, 61 / 24]),
    "hours": ("0:59:30 12:00:00 36:00:00.0", [0.9916666666666667 / 24, 0.5, 1.5]),
    "as pandas writes them": (
        "0 days 06:00:00;2 days 12:00:00;-1 days +06:00:00",
        [0.25, 2.5, -0.75],
    ),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_durations_are_numbers(name):
    cells, days = LENGTHS[name]
    words = tuple(cells.split(";") if ";" in cells else cells.split())
    column = Column("t", np.arange(3), words)
    kind, said = kind_of(column)
    assert said.startswith("`t` is durations")
    np.testing.assert_allclose(kind.read(column), days, rtol=1e-12)


def test_dates_in_another_order_than_in_training():
    kind, _ = kind_of(Column("d", np.arange(3), ("31.01.2020", "01.02.2020", "05.06.2021")))
    iso = Column("d", np.arange(2), ("1970-01-02", "1970-02-01"))
    assert kind.read(iso).tolist() == [1, 31]
    doubtful = Column("d", np.arange(2), ("01/02/1970", "03/04/1970"))  # two orders
    mixed = Column("d", np.arange(2), ("02.01.1970", "1970-02-01"))
    assert np.isnan(kind.read(doubtful)).all()
    np.testing.assert_array_equal(kind.read(mixed), [1, np.nan])


def test_texts_alone_are_no_categories(tmp_path):
    """Each was a category of its own before, where no other column was there."""
    rows = "".join(f"film {k},{'ab'[k % 2]}\n" for k in range(60))
    path = write(tmp_path, "review,y\n" + rows)
    with pytest.raises(DataError, match=r"`review` is words, 60 distinct.*\(--text\), left out"):
        open_table(path, {**DATA, "target": "y"})
    named = open_table(path, {**DATA, "target": "y", "features": ["review"]})
    assert len(named.kinds[0].words) == 60


def test_a_few_fractions_are_a_doubtful_target():
    task, said = task_of(Column("size", np.tile([1.5, 2.5, 3.5], 20)))
    assert task == "regression"
    assert "3 distinct numbers" in said
    assert "--task classification" in said


def test_the_first_date_tells_the_order_of_all():
    """Every word was read to learn the order, and again for its value."""
    words = tuple(f"2024-01-{day:02}" for day in range(1, 29))
    kind, seen = Kind("day", "date", order="year-month-day"), []

    def counted(given, order):
        seen.append(len(given))
        return days_of(given, order)

    with mock.patch("fnet.data.kinds.days_of", counted):
        kind.read(Column("day", np.arange(28, dtype=np.int32), words))
    assert sum(seen) == 28 + 1
