"""Stratified splits: shares of classes, sizes of parts, rare classes, and seeds."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from fnet import data
from fnet.errors import ConfigurationError, DataError

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def of(labels):
    labels = np.asarray(labels)
    return data.memory({"x": np.arange(len(labels))[:, None], "label": labels})


def counts(parts, classes):
    columns = [np.bincount(p.arrays["label"], minlength=classes) for p in parts.values()]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_every_class_has_its_share_of_every_part_and_parts_have_theirs_of_all(seed):
    sizes = np.random.default_rng(seed).integers(1, 60, 12)
    dataset = of(np.repeat(np.arange(12), sizes))
    parts = data.split(dataset, SHARES, seed, stratified=True)
    found = counts(parts, 12)
    assert (found.sum(axis=1) == sizes).all()
    quota = sizes[:, None] * [*SHARES.values()]
    assert (np.abs(found - quota) < 1 + 1e-9).all()
    assert np.abs(found.sum(axis=0) - quota.sum(axis=0)).max() < 2
    rows = np.concatenate([part.arrays["x"][:, 0] for part in parts.values()])
    assert sorted(rows) == list(range(len(dataset)))


def test_exact_shares_are_those_of_scikit_learn():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 100, 10]))
    parts = data.split(of(labels), {"a": 0.7, "b": 0.3}, stratified=True)
    theirs = [
        np.bincount(part) for part in train_test_split(labels, test_size=0.3, stratify=labels)
    ]
    assert counts(parts, 3).T.tolist() == [part.tolist() for part in theirs]


def test_a_class_of_one_is_learned_and_one_of_three_is_measured_too():
    dataset = of([0] * 20 + [1] + [2] * 3)
    for seed in range(5):
        found = counts(data.split(dataset, SHARES, seed, stratified=True), 3)
        assert found[1].tolist() == [1, 0, 0]
        assert found[2].tolist() == [1, 1, 1]


def test_many_small_classes_leave_no_part_short():
    found = counts(data.split(of(np.arange(300) // 3), SHARES, stratified=True), 100)
    assert np.abs(found.sum(axis=0) - [180, 60, 60]).max() <= 2
    assert found.min(axis=0)[0] == 1


def test_equal_seeds_give_equal_parts_in_shuffled_order():
    dataset = of(np.arange(90) % 3)
    first, again, other = (
        data.split(dataset, SHARES, seed, stratified=True)["train"].arrays["x"][:, 0].tolist()
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert first != sorted(first)
    labels = dataset.arrays["label"][first]
    assert not (np.diff(labels) >= 0).all()  # classes are mixed


class Elsewhere:
    """A dataset with no labels to look at, only `gather`."""

    def __init__(self, inner):
        self.inner = inner
        self.fields, self.classes, self.transform = inner.fields, inner.classes, inner.transform

    def __len__(self):
        return len(self.inner)

    def gather(self, indices):
        return self.inner.gather(indices)

    def select(self, indices):
        return self.inner.select(indices)


def test_labels_are_found_wherever_they_are(tmp_path):
    dataset = of(np.arange(3000) % 3)
    expected = data.split(dataset, SHARES, stratified=True)["val"].arrays["x"].tolist()
    found = data.split(Elsewhere(dataset), SHARES, stratified=True)["val"].arrays["x"].tolist()
    assert found == expected
    folder = data.image_folder(data.synthetic_images(tmp_path / "shapes", per_class=5))
    packed = data.packed(folder, tmp_path / "cache").select(np.arange(50)[::-1])
    for images in (folder, packed):
        parts = data.split(images, SHARES, stratified=True)
        for part, size in zip(parts.values(), (3, 1, 1), strict=True):
            labels = part.gather(np.arange(len(part)))["label"]
            assert np.bincount(labels).tolist() == [size] * 10


def test_numbers_have_no_classes():
    dataset = data.memory({"x": np.zeros((9, 1)), "y": np.arange(9.0)})
    with pytest.raises(ConfigurationError, match="no class for each sample"):
        data.split(dataset, SHARES, stratified=True)


def test_classes_of_one_sample_each_leave_parts_empty():
    single = of(np.arange(30))
    with pytest.raises(DataError, match="its share of 30 classes; stratified=False"):
        data.split(single, SHARES, stratified=True)
    assert [len(part) for part in data.split(single, SHARES).values()] == [18, 6, 6]
