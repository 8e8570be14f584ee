"""Rows in JSON are those of the same table in CSV."""

import gzip
import json

import numpy as np
import pytest

from fnet.data import csv_columns, csv_table, csv_texts
from fnet.errors import DataError
from fnet.files.json_rows import json_rows

ROWS = [
    {
        "area": 80 + 7 * row,
        "town": ["Ulm", "Bonn", None][row % 3],
        "new": row % 2 == 0,
        "y": row / 4,
    }
    for row in range(12)
]


@pytest.fixture(params=["lines", "list", "indented", "packed"])
def path(request, tmp_path):
    """The rows in each way that they are written."""
    found = tmp_path / "rows.json"
    lines = "\n".join(json.dumps(row) for row in ROWS)
    written = {"list": json.dumps(ROWS), "indented": json.dumps(ROWS, indent=2)}
    content = written.get(request.param, lines).encode()
    found.write_bytes(gzip.compress(content) if request.param == "packed" else content)
    return found


def test_they_are_the_rows_of_a_csv(path, tmp_path):
    cells = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in ROWS]
    (tmp_path / "rows.csv").write_text("\n".join([",".join(ROWS[0]), *cells]))
    files = tmp_path / "rows.csv", path
    plain, found = (csv_table(file, "y", missing="nan") for file in files)
    assert csv_columns(path) == ["area", "town", "new", "y"]
    assert found.columns == plain.columns
    assert found.decisions == plain.decisions
    for name, array in plain.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_texts(tmp_path):
    path = tmp_path / "reviews.jsonl"
    path.write_text('{"review": "so good", "stars": 5}\n\n{"stars": 1, "review": "so bad"}\n')
    texts = csv_texts(path, "review", "stars")
    assert (texts.words.known, texts.classes) == (("so",), ("1", "5"))


def test_a_name_that_a_row_lacks_and_cells_of_several_values():
    rows = json_rows(b'[{"x": [1, "\xc3\xa9"]}, {"y": {"a": null}}]')
    assert rows["x"].tolist() == ['[1, "\u00e9"]', None]
    assert rows["y"].tolist() == [None, '{"a": null}']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x": 1}\n{"x": 2,}\n', "line 2: it is not JSON"),
        ('[{"x": 1},\n{"x": 2}\n', "line 3: it is not JSON"),
        ('{"x": 1}\n[2]\n', r"line 2: it is not an object.*but \[2\]"),
        ('[{"x": 1}, 3]', "row 2: it is not an object.*but 3"),
        ('{"x": {"0": 1}, "y": {"0": 2}}', r"it holds 'x', 'y', and no rows; .*lines=True"),
        ('{"data": [{"x": 1}]}', "it holds 'data', and no rows"),
        ('[{"x": ' + "[" * 100_000 + "]", "line 1: it is not JSON"),
        ('{"x": 1e999, "y": 1}\n{"x": 2, "y": 2}', "rows.json, column 'x', row 0: it is infinite"),
    ],
)
def test_what_is_no_row_is_named(tmp_path, text, message):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"rows.json.*{message}|{message}"):
        csv_table(path, "y")
