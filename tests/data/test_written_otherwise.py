"""Tables as other programs write them: packed, with types below the names, quotes escaped."""

import bz2
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from fnet.cli.tables import is_table
from fnet.data import csv_table
from fnet.errors import DataError
from fnet.files.compressed import packed

PLAIN = b"x,y\n1,2\n3,5\n"


def zipped(**files):
    """A zip archive of these."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


PACKED = {
    "bz2": bz2.compress(PLAIN),
    "xz": lzma.compress(PLAIN),
    "zip": zipped(**{"table.csv": PLAIN, "__MACOSX/._table.csv": b"\0\5", "folder/": b""}),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_table_is_read_as_it_was(tmp_path, kind):
    path = tmp_path / f"table.csv.{kind}"
    path.write_bytes(PACKED[kind])
    table = csv_table(path, "y")
    assert table.columns == ("x",)
    assert table.arrays["target"].tolist() == [2, 5]
    path.write_bytes(PACKED[kind][:-8])
    with pytest.raises(DataError, match=r"damaged|a zip archive"):
        csv_table(path, "y")


@pytest.mark.parametrize("name", ["BZh", "BZh9", "BZhang", "PK"])
def test_a_name_that_begins_as_packed_files_do_is_a_name(tmp_path, name):
    path = tmp_path / "table.csv"
    path.write_text(f"{name},y\n1,2\n3,5\n", "utf-8")
    assert csv_table(path, "y").columns == (name,)


def test_an_archive_of_several_tables_is_refused(tmp_path):
    path = tmp_path / "tables.zip"
    path.write_bytes(zipped(a=PLAIN, b=PLAIN))
    with pytest.raises(DataError, match=r"a zip archive.* unpack it.*\(it has 2 files\)"):
        csv_table(path, "y")


def test_what_packs_far_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fnet.files.zips.FLOOR", 1000)
    path = tmp_path / "bomb.csv.bz2"
    path.write_bytes(bz2.compress(b"x,y\n" + b"0,0\n" * 100_000))
    with pytest.raises(DataError, match=r"unpacks to more than .* bzip2 makes so small"):
        csv_table(path, "y")


@pytest.mark.parametrize(
    ("name", "target", "known"),
    [
        ("houses.csv.bz2", None, True),
        ("houses.tsv.XZ", None, True),
        ("houses.zip", "price", True),
        ("houses.txt.gz", "price", True),
        ("photos.zip", None, False),
        ("houses.json.gz", "price", True),
        ("houses.xlsx", "price", True),
        ("houses.xlsx", None, False),
        ("houses.npz", "price", False),
    ],
)
def test_packed_tables_are_known_by_their_names(name, target, known):
    assert is_table(Path(name), target) == known


TYPED = "a\tb\tkind\n{}\n{}\n1.5\tu\tno\n2.5\tv\tyes\n2\tu\tno\n"


@pytest.mark.parametrize(
    ("types", "roles"),
    [
        ("c\td\td", "\t\tclass"),
        ("continuous\tu v\tdiscrete", "\tmeta\tclass"),
        ("c\tstring\td", "\ti\tclass"),
    ],
)
def test_types_and_roles_below_the_names_are_no_rows(tmp_path, types, roles):
    path = tmp_path / "table.tab"
    path.write_text(TYPED.format(types, roles))
    table = csv_table(path, "kind", labels=True)
    assert table.classes == ("no", "yes")
    assert table.arrays["features"].tolist() == [[1.5, 0], [2.5, 1], [2, 0]]
    assert "lines 2 and 3 hold types and roles" in " ".join(table.decisions)


def test_rows_of_letters_are_rows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind\nc,d,x\nd,c,y\nc,c,x\nd,d,y\n")
    assert len(csv_table(path, "kind", labels=True)) == 4


ESCAPED = r"""name,y
"Harold ""H."" Abrahams",1
"T. \"Eddie\" Tolan",2
"W. \"Harrison\" Dillard",3
"A, B",4
"T. \"Eddie\" Tolan",4
"""


def test_quotes_with_a_backslash_before_them(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(ESCAPED)
    table = csv_table(path, "y", ["name"])
    assert 'name=T. "Eddie" Tolan' in table.columns
    assert 'name=Harold "H." Abrahams' in table.columns
    assert "quotes within cells are written with a backslash before them" in table.decisions


def test_a_backslash_at_the_end_of_a_cell_is_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('disk,y\n"C:\\",1\n"D:\\",2\n"E:\\",3\n')
    assert csv_table(path, "y", ["disk"]).columns == ("disk=C:\\", "disk=D:\\", "disk=E:\\")


def test_what_no_rule_of_quotes_explains_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(ESCAPED + '"open,5\n')
    with pytest.raises(DataError, match=r"line 3: after the quoted cell .*close the quote"):
        csv_table(path, "y", ["name"])


def test_columns_apart_by_two_blanks_hold_words_apart_by_one(tmp_path):
    path = tmp_path / "table.dat"
    path.write_text(
        "   id        heduc  mixed   years\n"
        "    9  12-15 years     No  10.546\n"
        "   11   < 12 years     No  34.943\n"
        "   13   < 12 years    Yes   2.834\n"
    )
    table = csv_table(path, "years", ["heduc", "mixed"])
    assert table.decisions[0] == "separator: double blanks (--sep)"
    assert table.arrays["features"].tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_packed_file_is_known_by_its_first_bytes():
    assert packed(PLAIN).by == ""
    assert {kind: packed(content).by for kind, content in PACKED.items()} == {
        "bz2": "bzip2",
        "xz": "xz",
        "zip": "zip",
    }


def test_many_columns_with_the_same_marks_are_said_in_one_sentence(tmp_path):
    path = tmp_path / "table.csv"
    names = ",".join(f"x{place}" for place in range(9))
    path.write_text(
        f"{names},y\n" + "?,1,2,3,4,5,6,7,8,1\n" + "1,?,?,?,?,?,?,?,?,2\n" + "4," * 9 + "3\n"
    )
    said = csv_table(path, "y", missing="nan").decisions
    assert "9 columns: 9 cells '?' are missing (--na)" in said
    assert not any("`x0`" in sentence for sentence in said)
