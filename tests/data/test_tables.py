import math
import statistics

import numpy as np
import pytest

from fnet.data import (
    binarize,
    column_means,
    csv_table,
    fill_missing,
    memory,
    min_max,
    rescale,
    split,
    thresholds,
)
from fnet.errors import ConfigurationError, DataError

HOUSES = '''Id,Area,"Street, kind",Price
1,100.5,Pave,200000

2,80,"Gravel ""B""",150000.25
3,-1e2,Pave,90000
'''


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "houses.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_features_and_target(write, encoding, end):
    path = write(HOUSES.replace("\n", end), encoding)
    table = csv_table(path, "Price", ("Area", "Id"), transform=rescale())
    assert table.fields == ("features", "target")
    assert table.arrays["features"].dtype == table.arrays["target"].dtype == np.float64
    assert table.arrays["features"].tolist() == [[100.5, 1], [80, 2], [-100, 3]]
    assert table.arrays["target"].tolist() == [200000, 150000.25, 90000]
    assert table.classes == ()
    assert table.transform is rescale()


def test_all_columns_but_the_target(write):
    table = csv_table(write("a,y,b\n1,2,3\n4,5,6\n"), "y")
    assert table.arrays["features"].tolist() == [[1, 3], [4, 6]]


def test_names_become_sorted_classes(write):
    table = csv_table(write(HOUSES), "Street, kind", "Area", labels=True)
    assert table.fields == ("features", "label")
    assert table.classes == ('Gravel "B"', "Pave")
    assert table.arrays["label"].tolist() == [1, 0, 1]
    assert table.arrays["label"].dtype == np.int32


def test_numbers_become_classes_sorted_as_numbers(write):
    table = csv_table(write("x,y\n1,10\n1,9\n1,10.0\n1,-2\n"), "y", labels=True)
    assert table.classes == ("-2", "9", "10")
    assert table.arrays["label"].tolist() == [2, 1, 2, 0]


def test_halves_are_classes_too(write):
    assert csv_table(write("x,y\n1,10.5\n1,9\n"), "y", labels=True).classes == ("9", "10.5")


def test_many_distinct_labels_look_like_a_number(write):
    rows = "".join(f"1,{price}\n" for price in range(101))
    with pytest.raises(DataError, match=r"'y': 101 distinct values.*binarize"):
        csv_table(write("x,y\n" + rows), "y", labels=True)
    table = csv_table(write("x,y\n" + rows.replace("1,100\n", "")), "y", labels=True)
    assert len(table.classes) == 100


def test_one_distinct_label(write):
    with pytest.raises(DataError, match="every label is 'a'"):
        csv_table(write("x,y\n1,a\n2,a\n"), "y", labels=True)


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "null", "None", "  NA  "])
def test_missing_cells(write, cell):
    path = write(f"x,z,y\n1,2,3\n{cell},5,6\n")
    with pytest.raises(DataError, match=r"line 3, column 'x'.*missing.*missing='nan'"):
        csv_table(path, "y")
    features = csv_table(path, "y", missing="nan").arrays["features"]
    np.testing.assert_array_equal(features, [[1, 2], [np.nan, 5]])
    assert fill_missing(column_means(features))(features).tolist() == [[1, 2], [1, 5]]


@pytest.mark.parametrize("labels", [True, False])
def test_a_missing_target_is_always_an_error(write, labels):
    with pytest.raises(DataError, match=r"line 3, column 'y'.*missing"):
        csv_table(write("x,y\n1,2\n2,NA\n"), "y", missing="nan", labels=labels)


@pytest.mark.parametrize(
    ("text", "target", "features", "words"),
    [
        (HOUSES, "price", None, ["line 1", "no column 'price'", "'Price'"]),
        (HOUSES, "Price", ["Aera"], ["line 1", "no column 'Aera'", "'Area'"]),
        (HOUSES, "Price", ["Price"], ["not the target"]),
        (HOUSES, "Price", ["Id", "Id"], ["each once"]),
        (HOUSES, "Price", [], ["one or more"]),
        (HOUSES, "Street, kind", None, ["'Street, kind'", "'Gravel", "labels=True"]),
        ("x,y, y\n1,2,3\n", "y", None, ["line 1", "'y'", "rename"]),
        ("x,y\n1,2\n\n1,2,3\n", "y", None, ["line 4", "3 cells", "2"]),
        ('x,y\n"a\nb",2\n1\n', "y", None, ["line 4", "1 cells"]),
        ("x,y\n1,2\ninf,2\n", "y", None, ["line 3", "'x'", "'inf'", "infinite"]),
        ("x,y\n1,2\n1,-1e39\n", "y", None, ["line 3", "'y'", "'-1e39'", "infinite in float32"]),
        ("x,y\n1,2\n1,dear\n", "y", None, ["line 3", "'y'", "'dear'", "not a number"]),
        ("", "y", None, ["no lines"]),
        ("x,y\n\n", "y", None, ["only a header"]),
        (HOUSES, "PRICE", None, ["line 1", "no column 'PRICE'", "such as 'Price'"]),
    ],
)
def test_errors_are_one_line_that_names_the_place(write, text, target, features, words):
    path = write(text)
    with pytest.raises(DataError) as caught:
        csv_table(path, target, features)
    message = str(caught.value)
    assert all(word in message for word in [str(path), *words]), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("cell", "value"),
    [("+1.", 1), (".5", 0.5), ("-0", 0), ("1E2", 100), ("1e-2", 0.01), (" 5\t", 5)],
)
def test_what_a_number_is(write, cell, value):
    features = csv_table(write(f"x,y\n{cell},2\n"), "y").arrays["features"]
    assert features.tolist() == [[value]]


@pytest.mark.parametrize("text", ['x, "a,b",y\n1, "2",3\n', "x,z,y\r1,2,3\r", "x,z,y\n1,2,3"])
def test_spaces_before_quotes_and_other_ends_of_lines(write, text):
    table = csv_table(write(text), "y")
    assert table.arrays["features"].tolist() == [[1, 2]]
    assert table.arrays["target"].tolist() == [3]


def test_large_whole_labels_are_not_merged(write):
    text = "x,y\n1,9007199254740992\n1,9007199254740993\n"  # one float64
    assert len(csv_table(write(text), "y", labels=True).classes) == 2


def test_columns_that_a_library_numbered(write):
    assert csv_table(write("0,1,2\n4,5,6\n"), "1").arrays["features"].tolist() == [[4, 6]]


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        csv_table(tmp_path / "none.csv", "y")


def test_a_policy_that_is_none(write):
    with pytest.raises(ConfigurationError, match="'mean'"):
        csv_table(write(HOUSES), "Price", missing="mean")


def test_column_means_pass_over_nan():
    features = np.array([[1, np.nan], [2, 5], [6, 7]], np.float32)
    assert column_means(features) == (3.0, 6.0)
    with pytest.raises(DataError, match="column 1 has no values"):
        column_means(np.array([[1, np.nan], [2, np.nan]]))
    with pytest.raises(DataError, match=r"a table \(N, D\)"):
        column_means(np.ones(3))


def test_min_max_fits_rescale():
    features = np.array([[1, 50], [3, np.nan], [2, 10]], np.float32)
    low, high = min_max(features)
    assert (low, high) == ((1.0, 10.0), (3.0, 50.0))
    scaled = rescale((low, high))(features)
    np.testing.assert_array_equal(scaled, [[0, 1], [1, np.nan], [0.5, 0]])


def test_spec_7_3_min_max_refuses_a_column_of_one_value():
    with pytest.raises(DataError, match="column 1 holds one value"):
        min_max(np.array([[1.0, 4.0], [2.0, 4.0]]))


def test_thresholds_are_percentiles():
    prices = [float(p) for p in np.random.default_rng(0).integers(0, 1000, 201)]
    cuts = statistics.quantiles(prices, n=10, method="inclusive")
    np.testing.assert_allclose(thresholds(np.array(prices)), (cuts[2], cuts[6]), rtol=1e-12)
    assert thresholds(np.arange(101.0), (10, 95)) == (10, 95)


@pytest.mark.parametrize("targets", [[], [1.0, math.nan], [math.inf]])
def test_thresholds_of_what_has_none(targets):
    with pytest.raises(DataError, match="finite"):
        thresholds(np.array(targets))


def numbers(targets):
    targets = np.array(targets, np.float32)
    return memory(
        {"features": np.arange(len(targets), dtype=np.float32)[:, None], "price": targets}
    )


def test_binarize_drops_the_middle_and_keeps_the_bounds():
    low_high = binarize(numbers([5, 1, 3, 2, 4]), 2, 4)
    assert low_high.arrays["features"].ravel().tolist() == [0, 1, 3, 4]
    assert low_high.arrays["label"].tolist() == [1, 0, 0, 1]
    assert low_high.arrays["label"].dtype == np.int32
    assert low_high.classes == ("low", "high")
    assert low_high.fields == ("features", "label")


def test_binarize_does_not_round_its_bounds_to_float32():
    low = 1.0 - 2.0**-30  # float32 would round it to 1.0, and include the target 1.0
    assert binarize(numbers([0, 1, 3]), low, 2).arrays["label"].tolist() == [0, 1]


def test_binarize_refuses():
    with pytest.raises(ConfigurationError, match="low must be below high"):
        binarize(numbers([1, 2]), 3, 3)
    with pytest.raises(ConfigurationError, match="low must be below high"):
        binarize(numbers([1, 2]), math.nan, 3)
    with pytest.raises(DataError, match=r"class 'dear'.*from 1\.0 to 2\.0"):
        binarize(numbers([1, 2]), 1, 3, classes=("cheap", "dear"))


def test_spec_7_15_the_house_price_task_learns_its_numbers_from_training_only(write):
    """876/292/292 rows; changing every target outside training changes no bound and no scale."""
    rng = np.random.default_rng(0)
    area, price = rng.integers(500, 4000, 1460), rng.integers(35_000, 755_000, 1460)

    def prepare(price):
        rows = "".join(f"{a},{p}\n" for a, p in zip(area, price, strict=True))
        table = csv_table(write("Area,Price\n" + rows), "Price")
        parts = split(table, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
        train = parts["train"].arrays
        bounds = thresholds(train["target"])
        return parts, bounds, min_max(train["features"])

    parts, bounds, scale = prepare(price)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 876,
        "val": 292,
        "test": 292,
    }
    order = np.random.default_rng(0).permutation(1460)
    other = price.copy()
    other[order[876:]] += 1_000_000
    _, same_bounds, same_scale = prepare(other)
    assert (same_bounds, same_scale) == (bounds, scale)
    assert bounds == tuple(np.percentile(price[order[:876]], (30, 70)))
    for part in parts.values():
        labelled = binarize(part, *bounds)
        targets = part.arrays["target"]
        assert len(labelled) == np.sum((targets <= bounds[0]) | (targets >= bounds[1]))


def test_none_is_a_word_among_words_and_missing_among_numbers_and_dates(tmp_path):
    path = tmp_path / "sleep.csv"
    path.write_text("day,hours,disorder\n2024-01-02,None,None\nNone,6,Apnea\n2024-02-03,7,None\n")
    table = csv_table(path, "disorder", labels=True, missing="nan")
    assert table.classes == ("Apnea", "None")
    assert table.arrays["label"].tolist() == [1, 0, 1]
    assert np.isnan(table.arrays["features"]).tolist() == [
        [False, True],
        [True, False],
        [False] * 2,
    ]
    with pytest.raises(DataError, match="'None' is missing"):
        csv_table(path, "disorder", labels=True, missing="nan", na=["None"])
