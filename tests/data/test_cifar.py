import pickle

import numpy as np
import pytest
from PIL import Image

from fnet.data import cifar10, rescale
from fnet.errors import DataError

NAMES = ["truck", "airplane", "cat"]  # deliberately unsorted
FILES = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]


def records(seed, n=2):
    """n images, the same as rows of CIFAR-10 (1024 bytes each of red, green, blue), and labels."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 32, 32, 3), np.uint8)
    rows = np.stack([np.concatenate([image[..., c].ravel() for c in range(3)]) for image in images])
    return images, rows, rng.integers(0, len(NAMES), n)


def write_binary(folder):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(FILES):
        _, rows, labels = records(seed)
        data = b"".join(
            bytes([label]) + row.tobytes() for label, row in zip(labels, rows, strict=True)
        )
        (folder / f"{name}.bin").write_bytes(data)
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return folder


def write_pickles(folder, protocol=2, key=str.encode):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(FILES):
        _, rows, labels = records(seed)
        content = {key("data"): rows, key("labels"): labels.tolist(), key("batch_label"): key("x")}
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    meta = {key("label_names"): [key(name) for name in NAMES]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol))
    return folder


def check(parts):
    assert list(parts) == ["train", "test"]
    for part, seeds in (("train", range(5)), ("test", [5])):
        expected = [records(seed) for seed in seeds]
        batch = parts[part].gather(np.arange(len(parts[part])))
        np.testing.assert_array_equal(batch["image"], np.concatenate([e[0] for e in expected]))
        np.testing.assert_array_equal(batch["label"], np.concatenate([e[2] for e in expected]))
        assert batch["image"].dtype == np.uint8
        assert batch["label"].dtype == np.int32
        assert parts[part].classes == tuple(NAMES)
        assert parts[part].transform is rescale()


@pytest.mark.parametrize("sub", ["", "cifar-10-batches-bin"])
def test_binary(tmp_path, sub):
    write_binary(tmp_path / sub)
    check(cifar10(tmp_path, rescale()))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("key", [str.encode, str])
def test_pickles(tmp_path, protocol, key):
    write_pickles(tmp_path / "cifar-10-batches-py", protocol, key)
    check(cifar10(tmp_path, rescale()))


def test_folders(tmp_path):
    for part in ("train", "test"):
        for seed, name in enumerate(NAMES):
            (tmp_path / part / name).mkdir(parents=True)
            Image.fromarray(records(seed)[0][0]).save(tmp_path / part / name / "0001.png")
    parts = cifar10(tmp_path, rescale())
    assert list(parts) == ["train", "test"]
    assert parts["train"].classes == ("airplane", "cat", "truck")
    np.testing.assert_array_equal(parts["test"].gather([2])["image"][0], records(0)[0][0])
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "dog")
    with pytest.raises(DataError, match="train and test differ"):
        cifar10(tmp_path)


def one_pickle(path, **changes):
    images, _, _ = records(0, 4)
    content = {
        "images": images,
        "labels": [2, 0, 1, 2],
        "class_to_idx": {"airplane": 0, "cat": 1, "truck": 2},
        "classes": NAMES,
        **changes,
    }
    path.write_bytes(pickle.dumps(content))
    return path.parent


@pytest.mark.parametrize("name", ["cifar10.pickle", "cifar10.pkl", "cifar10.p"])
@pytest.mark.parametrize("form", [np.asarray, list])
def test_spec_7_4_the_names_of_one_pickle_are_those_its_labels_were_made_with(tmp_path, name, form):
    images = records(0, 4)[0]
    parts = cifar10(one_pickle(tmp_path / name, images=form(images)), rescale())
    dataset = parts["all"]
    assert list(parts) == ["all"]
    assert dataset.classes == ("airplane", "cat", "truck")
    assert [dataset.classes[label] for label in dataset.arrays["label"]] == [
        "truck",
        "airplane",
        "cat",
        "truck",
    ]
    np.testing.assert_array_equal(dataset.arrays["image"], images)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 1, 2, 3]}, "label of record 3 is 3.*3 classes.*0 to 2"),
        ({"labels": [0, 1, -1, 2]}, "label of record 2 is -1"),
        ({"labels": [0, 1, 2]}, r"labels are \(3,\)"),
        ({"labels": [0.0, 1.0, 2.0, 0.0]}, "float64"),
        ({"images": np.zeros((4, 3072), np.uint8)}, r"images are \(4, 3072\)"),
        ({"images": [[1], [2, 3]]}, "lists do not form arrays"),
        ({"class_to_idx": {"a": 0, "b": 2}}, "class_to_idx must number"),
        ({"class_to_idx": ["a", "b"]}, "class_to_idx must be a dictionary"),
    ],
)
def test_one_pickle_that_is_wrong(tmp_path, changes, message):
    with pytest.raises(DataError, match=message) as caught:
        cifar10(one_pickle(tmp_path / "cifar10.p", **changes))
    assert "cifar10.p" in str(caught.value)


def test_one_pickle_of_two_and_one_without_labels(tmp_path):
    (tmp_path / "b.p").write_bytes(pickle.dumps({"images": 1}))
    with pytest.raises(DataError, match="no labels, class_to_idx, only"):
        cifar10(tmp_path)
    one_pickle(tmp_path / "a.pickle")
    with pytest.raises(DataError, match=r"a\.pickle and b\.p; keep only one"):
        cifar10(tmp_path)


def test_nothing_here(tmp_path):
    with pytest.raises(DataError, match="no CIFAR-10 here"):
        cifar10(tmp_path / "none")


@pytest.mark.parametrize("write", [write_binary, write_pickles])
def test_missing_files_are_named(tmp_path, write):
    write(tmp_path)
    gone = sorted(tmp_path.iterdir())[:2]
    for path in gone:
        path.unlink()
    with pytest.raises(DataError) as caught:
        cifar10(tmp_path)
    assert all(path.name in str(caught.value) for path in gone)


@pytest.mark.parametrize("size", [0, 3072, 3074])
def test_binary_records_are_whole(tmp_path, size):
    path = write_binary(tmp_path) / "data_batch_3.bin"
    path.write_bytes(bytes(size))
    with pytest.raises(DataError, match=rf"data_batch_3\.bin: {size} bytes.*3073"):
        cifar10(tmp_path)


def test_spec_7_7_binary_labels_are_checked(tmp_path):
    path = write_binary(tmp_path) / "test_batch.bin"
    path.write_bytes(bytes(3073) + bytes([len(NAMES)]) + bytes(3072))
    with pytest.raises(DataError, match=r"test_batch\.bin: the label of record 1 is 3"):
        cifar10(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 0]}, r"pixels are \(2, 3071\)"),
        ({"data": np.zeros((2, 3072)), "labels": [0, 0]}, "float64"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, r"labels are \(1,\)"),
        ({"data": np.zeros((2, 3072), np.uint8)}, "no labels"),
        ([1, 2], "holds a list"),
    ],
)
def test_pickled_batches_that_are_wrong(tmp_path, content, message):
    path = write_pickles(tmp_path) / "data_batch_2"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        cifar10(tmp_path)
    assert "data_batch_2" in str(caught.value)
