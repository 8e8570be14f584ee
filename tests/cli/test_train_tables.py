"""`fnet train`, `evaluate` and `predict` on tables: kinds of columns, kept with the run."""

import csv
import io
import json
import sys

import numpy as np
import pytest

from fnet.cli.arguments import DATA
from fnet.cli.learned import load_rows, load_table, written
from fnet.cli.source import load_parts
from fnet.cli.tables import open_table
from fnet.data.schema import fit_schema
from fnet.errors import ConfigurationError, DataError


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A table of every kind, whose class follows from a word, and rows without it."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    lines = [";age;sex;town;born;code;constant;note;group"]
    for row in range(120):
        town = ("Ulm", "Bonn", "Köln")[row % 3]
        age = "" if row % 10 == 0 else f"{20 + rng.integers(60)},5"
        born = f"{1950 + row % 40}-0{1 + row % 9}-11"
        group = "" if row == 7 else ("north" if town != "Ulm" else "south")
        cells = (row, age, "mf"[row % 2], town, born, f"00{row % 4}", 1, f"note {row}", group)
        lines.append(";".join(map(str, cells)))
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="cp1252")
    return folder


@pytest.fixture(scope="module")
def learned(people, shell):
    return shell.train(
        *(people / "run", "--data", people / "people.csv", "--target", "group"),
        *("--epochs", 15, "--batch-size", 16, "--hidden", 8),
    )


def test_every_decision_is_kept(learned):
    schema = learned.config["schema"]
    kinds = {column["name"]: column["kind"] for column in schema["columns"]}
    assert kinds == {
        "age": "number",
        "sex": "yes/no",
        "town": "category",
        "born": "date",
        "code": "category",
    }
    assert schema["target"] == "group"
    assert sum(learned.config["samples"]) == 119


def test_it_has_learned(learned):
    assert learned.metrics["test_accuracy"] == 1


NEW = "town,code,born,age,extra,sex\nUlm,003,1960-01-11,30.5,1,m\nBonn,000,1970-01-11,NA,2,f\n"


def rows_of(result):
    assert result.status == 0, result.err
    return list(csv.DictReader(io.StringIO(result.out)))


def test_predict_needs_no_target_and_no_order(people, learned, shell):
    (people / "new.csv").write_text(NEW)
    result = shell("predict", learned.folder, people / "new.csv")
    rows = rows_of(result)
    assert [row["class"] for row in rows] == ["south", "north"]
    assert [row["row"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == ["row", "class", "north", "south"]
    for row in rows:
        assert float(row["north"]) + float(row["south"]) == pytest.approx(1, abs=1e-5)
    assert "not used by the run: `extra`" in result.err


def test_predict_reads_standard_input(people, learned, shell, monkeypatch):
    (people / "new.csv").write_text(NEW)
    as_file = shell("predict", learned.folder, people / "new.csv")
    standard = io.TextIOWrapper(io.BytesIO(NEW.encode()))
    monkeypatch.setattr(sys, "stdin", standard)
    assert shell("predict", learned.folder, "-").out == as_file.out


def test_predict_json_and_out(people, learned, shell):
    (people / "new.csv").write_text(NEW)
    result = shell("predict", learned.folder, people / "new.csv", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["class"] for line in lines] == ["south", "north"]
    assert lines[0]["probability"] == lines[0]["classes"]["south"]
    out = people / "predicted.csv"
    written = shell("predict", learned.folder, people / "new.csv", "--out", out)
    assert (written.status, written.out) == (0, "")
    assert out.read_text() == shell("predict", learned.folder, people / "new.csv").out


def test_words_that_training_had_not_are_said(people, learned, shell):
    (people / "new.csv").write_text(NEW.replace("Ulm", "Trier"))
    result = shell("predict", learned.folder, people / "new.csv")
    assert result.status == 0
    assert "`town`: 1 of 2 cells is not known from training, such as 'Trier'" in result.err


def test_missing_columns_are_named_together(people, learned, shell):
    (people / "few.csv").write_text("town,sex,age\nUlm,m,3\n")
    message = shell.refuses("predict", learned.folder, people / "few.csv")
    assert "2 columns are missing" in message
    assert "'born', 'code'" in message


def test_a_word_in_a_column_of_numbers(people, learned, shell):
    (people / "bad.csv").write_text(NEW.replace("30.5", "thirty"))
    message = shell.refuses("predict", learned.folder, people / "bad.csv")
    assert "line 2, column 'age': 'thirty' is not a number" in message


def test_evaluate_applies_the_schema(people, learned, shell):
    header, *rows = NEW.splitlines()
    table = [f"{header},group", f"{rows[0]},south", f"{rows[1]},"]
    (people / "other.csv").write_text("\n".join(table) + "\n")
    result = shell("evaluate", learned.folder, "--data", people / "other.csv")
    assert result.status == 0, result.err
    assert "accuracy   100.0%" in result.out
    assert "1 row has no `group`" in result.out
    (people / "odd.csv").write_text("\n".join([table[0], f"{rows[0]},east"]) + "\n")
    message = shell.refuses("evaluate", learned.folder, "--data", people / "odd.csv")
    assert "no class 'east'" in message


def test_resuming_finds_the_same_data(people, learned, shell):
    result = shell("train", "--out", learned.folder, "--resume", "--epochs", 16)
    assert result.status == 0, result.err


def test_what_tells_rows_apart_is_no_class(people, shell):
    message = shell.refuses("train", "--data", people / "people.csv", "--target", "born")
    assert "column 'born': 120 distinct words" in message
    assert "choose another" in message
    names = "".join(f"{row},Mr {row}\n" for row in range(20))
    (people / "names.csv").write_text(f"x,name\n{names}")
    message = shell.refuses("train", "--data", people / "names.csv", "--target", "name")
    assert "20 distinct values in 20 rows, such as 'Mr 0'; they tell rows apart" in message


def test_flags(people, shell, tmp_path):
    table = people / "people.csv"
    words = ("--data", table, "--target", "group", "--epochs", 1, "--hidden", 2)
    run = shell.train(
        *(tmp_path / "a", *words, "--drop", "born", "note", "--missing", "category"),
        *("--scale", "standard", "--sep", ";", "--decimal", ",", "--encoding", "cp1252"),
    )
    names = [column["name"] for column in run.config["schema"]["columns"]]
    assert names == ["age", "sex", "town", "code"]
    assert run.config["schema"]["columns"][0]["blank"]
    settings = {**DATA, "target": "group", "missing": "drop"}
    assert len(open_table(table, settings).dataset) == 107
    message = shell.refuses("train", *words, "--out", tmp_path / "c", "--missing", "error")
    assert "line 2, column 'age': '' is missing" in message


def test_missing_cells_of_rows_that_are_used(tmp_path):
    """A date of which nothing is known is missing too; a row without a target is not used."""
    days = ["2024-01-31", "?", "2024-02-01", "2024-02-03"]
    rows = [f"{day},{place},{'ab'[place % 2]}\n" for place, day in enumerate(days * 3)]
    (tmp_path / "days.csv").write_text(f"day,x,y\n2024-02-02,,\n{''.join(rows)}")
    settings = {**DATA, "target": "y", "missing": "drop"}
    assert len(open_table(tmp_path / "days.csv", settings).dataset) == 9
    with pytest.raises(DataError, match=r"line 4, column 'day': '\?' is missing"):
        open_table(tmp_path / "days.csv", {**settings, "missing": "error"})


def test_many_columns_with_gaps_are_told_in_one_line(tmp_path):
    names = [f"x{place}" for place in range(9)]
    lines = [",".join([*names, "y"])]
    for row in range(20):
        cells = ["" if row <= place else f"{row}.5" for place in range(9)]
        lines.append(",".join([*cells, "ab"[row % 2]]))
    (tmp_path / "gaps.csv").write_text("\n".join(lines) + "\n")
    table = open_table(tmp_path / "gaps.csv", {**DATA, "target": "y"})
    said = [sentence for sentence in table.decisions if "missing" in sentence]
    assert said == [
        "9 columns have missing cells, from `x0` in 1 row to `x8` in 9 rows: filled by the mean of "
        "training (--missing)"
    ]


def test_a_unit_is_kept_with_the_run(tmp_path):
    table = "x,y\n" + "".join(f"{row} kg,{'ab'[row % 2]}\n" for row in range(10))
    (tmp_path / "kg.csv").write_text(table)
    opened = open_table(tmp_path / "kg.csv", {**DATA, "target": "y"})
    schema = fit_schema(opened.kinds, opened.dataset.arrays["features"]).json()
    learned = {**schema, "target": "y", "words": True}
    inputs, _, said = load_rows(b"x\n3 kg\n", DATA, learned)
    assert (inputs.tolist(), said) == ([[np.float32(3 / 9)]], [])
    _, _, said = load_rows(b"x\n3\n", DATA, learned)
    assert said == ["`x` has no 'kg' here: taken as if it had, as in training"]
    with pytest.raises(DataError, match="are in 'lb', and were in 'kg' in training"):
        load_rows(b"x\n3 lb\n", DATA, learned)


def test_classes_of_a_run_keep_their_spelling(tmp_path):
    """Cells that are classes by their spelling are no numbers, even where no other cells are."""
    (tmp_path / "new.csv").write_text("x,y\n1,1.50\n2,1.50\n")
    kinds = open_table(tmp_path / "new.csv", {**DATA, "target": "y", "task": "regression"}).kinds
    schema = fit_schema(kinds, {"x": np.array([1.0, 2.0])}).json()
    settings = {**DATA, "schema": {**schema, "target": "y", "words": True}}
    dataset, _ = load_table(tmp_path / "new.csv", settings, ("1.50", "b"), None)
    assert dataset.arrays["label"].tolist() == [0, 0]


def test_a_column_that_says_the_target_is_told(tmp_path):
    lines = ["wage,logwage,pay,grade,x"]
    lines += [f"{9 + r},{np.log(9 + r)},{-9 - r},{'abc'[r % 3]},{r * 7 % 60}" for r in range(60)]
    (tmp_path / "wages.csv").write_text("\n".join(lines) + "\n")
    told = open_table(tmp_path / "wages.csv", {**DATA, "target": "wage"}).decisions
    assert [words.split("`")[1] for words in told if "say the same" in words] == ["logwage", "pay"]
    lines = [
        "y,ja,z,u",
        *(
            f"{'no' if r % 2 else 'yes'},{'nein' if r % 2 else 'ja'},{r % 3},{r}.5"
            for r in range(30)
        ),
    ]
    (tmp_path / "words.csv").write_text("\n".join(lines) + "\n")
    told = open_table(tmp_path / "words.csv", {**DATA, "target": "y"}).decisions
    assert [words.split("`")[1] for words in told if "say the same" in words] == ["ja"]


def test_a_table_without_names_is_trained_on_and_predicted(tmp_path):
    """Rows to predict lack the class, and may be one; a table with names is none of these."""
    rows = "".join(f"{4 + r / 10},{r % 7}.5,{'ab'[r % 2]}\n" for r in range(20))
    (tmp_path / "iris.data").write_text(rows)
    opened = open_table(tmp_path / "iris.data", {**DATA, "target": "x3"})
    assert len(opened.dataset) == 20
    schema = fit_schema(opened.kinds, opened.dataset.arrays["features"]).json()
    learned = {**schema, "target": "x3", "words": True, "named": opened.named}
    assert load_rows(b"5.9,3.5\n", DATA, learned)[0].tolist() == [[1, 0.5]]
    assert load_rows(b"5.9,3.5,a\n", DATA, learned)[0].tolist() == [[1, 0.5]]
    with pytest.raises(DataError, match=r"1 column is missing.*'x2'.*taken as a row \(--header"):
        load_rows(b"5.9\n", DATA, learned)
    with pytest.raises(DataError, match="2 columns are missing"):
        load_rows(b"5.9,3.5\n5,4\n", {**DATA, "header": "yes"}, learned)


def test_what_is_said_of_rows_to_predict(tmp_path):
    rows = "".join(f"{20 + r},{'Ulm Bonn Trier'.split()[r % 3]},{'ab'[r % 2]}\n" for r in range(12))
    (tmp_path / "towns.csv").write_text("age,town,y\n" + rows)
    opened = open_table(tmp_path / "towns.csv", {**DATA, "target": "y"})
    schema = fit_schema(opened.kinds, opened.dataset.arrays["features"]).json()
    learned = {**schema, "target": "y", "words": True}
    inputs, _, said = load_rows(b"age,town,note\n-,,12x4\n31,Ulm,5\n20,Rom,7\n", DATA, learned)
    assert inputs.tolist() == [[0.5, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert said == [
        "`age`: 1 cell '-' is missing (--na)",
        "not used by the run: `note`",
        "`town` is missing in 1 row, as never in training: all its columns are 0",
        "`town`: 1 of 3 cells is not known from training, such as 'Rom': all its columns are 0",
        "`age` is missing in 1 row: filled by the mean of training (--missing)",
    ]
    assert load_rows(b"age,town\n?,Ulm\n", DATA, learned)[0].tolist() == [[0.5, 0, 0, 1]]
    with pytest.raises(DataError, match=r"2 columns are missing.*\(there are 'Age', 'Town'\)"):
        load_rows(b"Age,Town\n30,Ulm\n", DATA, learned)


PRICED = {  # the cells of training, a cell to predict, and the number that it is
    "$": ("$1,250 $999 $12,500", "$45,000", 45000),
    "commas": ("1,250,000 999 12,500", "45,000", 45000),
    "brackets": ("(1.5) 2.5 (3.5)", "(7.5)", -7.5),
    "points": ("1.250,50€ 7,25€ 12.000,00€", "45.000€", 45000),
    "without its unit": ("5.5% 7% 8%", "9", 9),
}


@pytest.mark.parametrize("name", PRICED)
def test_one_row_is_written_as_in_training(tmp_path, name):
    """What two cells prove in training is known of a single one: it was refused before."""
    cells, cell, number = PRICED[name]
    path = tmp_path / "t.csv"
    path.write_text("x;y\n" + "".join(f"{c};{k}.5\n" for k, c in enumerate(cells.split())))
    if "€" in cells:
        path.write_text(path.read_text().replace(".5\n", ",5\n"))
    settings = {**DATA, "target": "y"}
    table = open_table(path, settings)
    schema = fit_schema(table.kinds, table.dataset.arrays["features"], "mean", "none")
    found = {**json.loads(json.dumps(schema.json())), "target": "y", "words": False}
    inputs, _, _ = load_rows(f"x;z\n{cell};\n".encode(), settings, found)
    assert inputs.tolist() == [[number]]


def test_a_decimal_comma_of_training_holds_for_other_tables(tmp_path, shell):
    rows = (f"{k / 32:.3f};{k / 4:.2f}\n" for k in range(40, 90))
    (tmp_path / "t.csv").write_text("area;price\n" + "".join(rows).replace(".", ","))
    run = tmp_path / "run"
    train = ["train", "--data", tmp_path / "t.csv", "--target", "price", "--epochs", 1]
    assert shell(*train, "--out", run)[0] == 0

    def predicted(cell, *flags):
        (tmp_path / "new.csv").write_text(f"area;note\n{cell};\n")
        status, out, err = shell("predict", run, tmp_path / "new.csv", *flags)
        return out.splitlines()[-1] if status == 0 else err

    assert predicted("1,077") == predicted("1.0770")
    assert "'1.250' may be 1250" in predicted("1.250")
    assert predicted("1.250", "--decimal", ".") == predicted("1,25")
    assert predicted("1.250", "--decimal", ",") == predicted("1250")
    status, _, err = shell("evaluate", run, "--decimal", ",")
    assert status == 2
    assert "add --data PATH" in err
    photos = {**DATA, "target": None}
    with pytest.raises(ConfigurationError, match="--sep is for a table"):
        written(photos, {"sep": ";"})


@pytest.fixture
def by_day(tmp_path):
    """Settings of a table of sales in three shops on each of 40 days, or of its lines reversed."""

    def settings(reverse=False, **more):
        days = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")
        rows = [(d, day, shop) for d, day in enumerate(days) for shop in "abc"]
        lines = [f"{day},{shop},{'Ulm' if shop == 'a' else 'Bonn'},{d}.5" for d, day, shop in rows]
        path = tmp_path / "sales.csv"
        path.write_text("\n".join(["day,shop,town,sales", *(lines[::-1] if reverse else lines)]))
        return {**DATA, "data": str(path), "target": "sales", **more}

    return settings


def test_the_latest_rows_are_the_test(by_day):
    parts = load_parts(by_day(shuffle=False))
    days = [np.unique(part.arrays["target"]) for part in (parts.train, parts.val, parts.test)]
    assert [(each[0], each[-1]) for each in days] == [(0.5, 23.5), (24.5, 31.5), (32.5, 39.5)]
    assert "--no-shuffle takes the latest" in load_parts(by_day()).decisions[-1]
    assert "warning: rows are not in the order of `day`" in " ".join(
        load_parts(by_day(reverse=True, shuffle=False)).decisions
    )


def test_rows_of_a_group_are_in_one_part(by_day):
    parts = load_parts(by_day(group="day", stratified=True))
    days = [set(part.arrays["target"].tolist()) for part in (parts.train, parts.val, parts.test)]
    assert [len(each) for each in days] == [24, 8, 8]
    assert len(set.union(*days)) == 40
    assert "rows of one `day` are in one part: 40 groups" in parts.decisions
    assert [column["name"] for column in parts.schema["columns"]] == ["shop", "town"]
    kept = load_parts(by_day(group="day", features=["day"]))
    assert [column["name"] for column in kept.schema["columns"]] == ["day"]
    with pytest.raises(DataError, match="'val' would get none: they are 2 groups"):
        load_parts(by_day(group="town"))
    with pytest.raises(ConfigurationError, match="--group sales: it is the target"):
        load_parts(by_day(group="sales"))
