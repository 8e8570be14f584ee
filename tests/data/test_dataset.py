import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnet.data import memory, rescale, split
from fnet.errors import ConfigurationError, DataError


def numbered(n, **options):
    """n samples, each of which has its index as input."""
    x = np.arange(n, dtype=np.float32)[:, None]
    return memory({"x": x, "label": np.arange(n, dtype=np.int32) % 3}, "abc", **options)


def test_a_map_style_dataset():
    dataset = numbered(5, transform=rescale((0, 4)))
    assert len(dataset) == 5
    assert [float(sample["x"][0]) for sample in dataset] == [0, 0.25, 0.5, 0.75, 1]
    assert dataset[-1]["x"] == 1
    assert dataset[-1]["label"] == 1
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"sample {index} of a dataset of 5"):
            dataset[index]


def test_fields_and_classes():
    dataset = numbered(5)
    assert dataset.fields == ("x", "label")
    assert dataset.classes == ("a", "b", "c")
    assert dataset.class_to_idx == {"a": 0, "b": 1, "c": 2}


def test_gather_is_fresh_and_not_transformed():
    dataset = numbered(5, transform=rescale())
    batch = dataset.gather([3, 3, 0])
    assert batch["x"].ravel().tolist() == [3, 3, 0]
    batch["x"][:] = 9
    batch["label"][:] = 9
    assert dataset.gather([3])["x"] == 3
    assert dataset.gather([3])["label"] == 0


def test_select_keeps_the_rest():
    part = numbered(5, transform=rescale()).select([4, 1])
    assert part.arrays["x"].ravel().tolist() == [4, 1]
    assert part.arrays["label"].tolist() == [1, 1]
    assert part.classes == ("a", "b", "c")
    assert part.transform is rescale()


def test_classes_default_to_numbers_and_numbers_have_none():
    assert memory({"x": [0, 1], "y": [2, 0]}).classes == ("0", "1", "2")
    assert memory({"x": [0, 1], "y": [2.5, 0]}).classes == ()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": [1, 2], "y": [1]}, r"differ in length: \{'x': 2, 'y': 1\}"),
        ({"x": [1, 2], "y": [1, 2], "z": [1, 2]}, r"\['x', 'y', 'z'\]; two entries"),
        ({"x": [1, 2]}, "two entries"),
        ({"x": [], "y": []}, "no samples"),
        ({"x": 1, "y": 1}, "no samples"),
        ([{"x": 1, "y": 1}, {"x": 1, "z": 1}], "got a list; it takes a dataset, or a mapping"),
    ],
)
def test_spec_7_2_samples_with_other_keys_or_lengths(arrays, message):
    with pytest.raises(DataError, match=message):
        memory(arrays)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, -1], r"label\[2\] is -1; with 3 classes it must be from 0 to 2"),
        ([0, 3, 7], r"label\[1\] is 3.*2 labels are not"),
        ([0.0, 1.0, 2.0], "float64; they must be"),
        ([[0], [1], [2]], r"\(3, 1\) int64"),
        ([True, False, True], "bool"),
    ],
)
def test_spec_7_7_labels_are_checked(labels, message):
    with pytest.raises(DataError, match=message):
        memory({"x": np.zeros(3), "label": np.array(labels)}, ["a", "b", "c"])


def test_spec_7_7_labels_without_names_are_checked():
    for labels, message in (([0, -1], "is -1"), ([0, 2**40], "1099511627776")):
        with pytest.raises(DataError, match=message):
            memory({"x": np.zeros(2), "label": np.array(labels)})


def test_spec_7_5_fractions_that_sum_to_1_up_to_rounding():
    assert 0.6 + 0.3 + 0.1 != 1
    parts = split(numbered(10), {"train": 0.6, "val": 0.3, "test": 0.1})
    assert {name: len(part) for name, part in parts.items()} == {"train": 6, "val": 3, "test": 1}


def test_split_sizes_of_the_house_prices():
    parts = split(numbered(1460), {"train": 0.6, "val": 0.2, "test": 0.2})
    assert [len(part) for part in parts.values()] == [876, 292, 292]


@given(
    n=st.integers(20, 200),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    seed=st.integers(0, 2**32),
)
def test_a_split_is_disjoint_and_exhaustive(n, weights, seed):
    fractions = {str(part): weight / sum(weights) for part, weight in enumerate(weights)}
    if min(fractions.values()) * n < 1:
        return
    parts = split(numbered(n), fractions, seed)
    found = np.concatenate([part.arrays["x"].ravel() for part in parts.values()])
    assert sorted(found.tolist()) == list(range(n))
    for name, part in parts.items():
        assert abs(len(part) - fractions[name] * n) <= 1
        np.testing.assert_array_equal(part.arrays["label"], part.arrays["x"].ravel() % 3)


def test_a_split_is_shuffled_by_its_seed():
    first, again, other = (
        split(numbered(50), {"a": 0.5, "b": 0.5}, seed)["a"].arrays["x"].ravel().tolist()
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert first != sorted(first)


@pytest.mark.parametrize(
    "fractions", [{"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}, {"a": 1.0, "b": 0.0}, {}]
)
def test_fractions_that_are_none(fractions):
    with pytest.raises(ConfigurationError, match="above 0, and their sum 1"):
        split(numbered(10), fractions)


def test_groups_stay_together():
    groups = np.random.default_rng(0).integers(0, 40, 300)
    numbers = memory({"x": np.arange(300.0)[:, None], "y": np.arange(300.0)})
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    parts = split(numbers, shares, seed=3, groups=groups.astype(str))
    rows = {name: part.arrays["y"].astype(int) for name, part in parts.items()}
    assert sorted(np.concatenate([*rows.values()])) == [*range(300)]
    held = [set(groups[each]) for each in rows.values()]
    assert sum(map(len, held)) == len(set.union(*held))
    sizes = np.array([len(each) for each in rows.values()])
    assert (abs(sizes - 300 * np.array([*shares.values()])) < 12).all()
    few = split(numbers, shares, groups=np.arange(300) // 100)
    assert {name: len(part) for name, part in few.items()} == {
        "train": 100,
        "val": 100,
        "test": 100,
    }
    again = split(numbers, shares, seed=4, groups=groups)["train"].arrays["y"]
    assert set(again) != set(rows["train"])
    with pytest.raises(DataError, match=r"groups is \(3,\); it must be \(300,\)"):
        split(numbers, shares, groups=[1, 2, 3])
    with pytest.raises(ConfigurationError, match="leave `stratified` out"):
        split(numbers, shares, stratified=True, groups=groups)


def test_a_part_without_samples():
    with pytest.raises(DataError, match="'b' would get none"):
        split(numbered(3), {"a": 0.9, "b": 0.1})


def test_labels_may_be_booleans():
    found = memory({"x": np.zeros((3, 1)), "y": np.array([True, False, True])})
    assert (found.classes, found.arrays["y"].tolist()) == (("False", "True"), [1, 0, 1])
    named = memory({"x": np.zeros((3, 1)), "y": np.array([True, False, True])}, ("ham", "spam"))
    assert named.classes == ("ham", "spam")
