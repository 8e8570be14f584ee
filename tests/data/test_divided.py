"""Sets of images that come divided: which folders are parts, and which are classes."""

import numpy as np
import pytest
from PIL import Image

from fnet import data
from fnet.errors import DataError

COLOURS = {"cat": (250, 0, 0), "dog": (0, 250, 0), "fox": (0, 0, 250)}


def fill(folder, names=("cat", "dog"), each=2):
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            Image.new("RGB", (4, 4), COLOURS.get(name)).save(folder / name / f"{number}.png")


def loose(folder, count=3):
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (4, 4)).save(folder / f"{number}.png")


NAMES = {
    ("train", "test"): {"train", "test"},
    ("Train", "Test"): {"train", "test"},
    ("TRAIN", "TEST"): {"train", "test"},
    ("Training", "Testing"): {"train", "test"},
    ("training", "validation"): {"train", "val"},
    ("train", "dev"): {"train", "val"},
    ("train", "eval"): {"train", "val"},
    ("train", "val", "eval"): {"train", "val", "test"},
    ("train", "valid", "test"): {"train", "val", "test"},
    ("seg_train", "seg_test"): {"train", "test"},
    ("flowers-train", "flowers-test", "flowers-val"): {"train", "val", "test"},
    ("training_set", "test_set"): {"train", "test"},
    ("train_images", "validation"): {"train", "val"},
    ("TrainSet", "TestSet"): {"train", "test"},
    ("train2017", "val2017"): {"train", "val"},
    ("traindata", "testdata"): {"train", "test"},
    ("train", "val", "test", "extra"): {"train", "val", "test"},
    ("train", "extra"): {"train"},
}


@pytest.mark.parametrize("names", NAMES)
def test_parts_are_recognised_by_their_names(tmp_path, names):
    for name in names:
        fill(tmp_path / name)
    divided = data.image_parts(tmp_path)
    assert set(divided.parts) == NAMES[names]
    assert all(part.classes == ("cat", "dog") for part in divided.parts.values())
    for name in ("extra",):
        assert (f"left out: {name}/, which is no part" in divided.decisions) == (name in names)


@pytest.mark.parametrize(
    "names",
    [("bus", "train"), ("crash test dummy", "training shoe"), ("test tube", "train"), ("a", "dev")],
)
def test_names_of_classes_that_hold_the_word(tmp_path, names):
    for name in names:
        loose(tmp_path / name)
    assert list(data.image_parts(tmp_path).parts) == ["all"]
    assert data.image_folder(tmp_path).classes == tuple(sorted(names))


def test_a_class_called_train_among_coarse_classes(tmp_path):
    for name, kinds in {"train": ("steam", "diesel"), "car": ("van", "bus")}.items():
        fill(tmp_path / name, kinds)
    assert data.image_parts(tmp_path).parts["all"].classes == ("car", "train")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train", "Training", "test"), "Training and train look like the same part"),
        (("a_train", "a_test", "b_train", "b_test"), "a_train and b_train belong to two sets"),
        (("valid", "test"), "test and valid look like parts of a set, and none is for training"),
    ],
)
def test_parts_that_cannot_be_told_apart(tmp_path, names, message):
    for name in names:
        fill(tmp_path / name)
    with pytest.raises(DataError, match=message):
        data.image_parts(tmp_path)


@pytest.mark.parametrize("names", [("fold1", "fold2", "fold3"), ("tr", "te"), ("color", "grey")])
@pytest.mark.parametrize("between", ["", "images"])
def test_folders_that_hold_the_same_folders_are_no_classes(tmp_path, names, between):
    for name in names:
        kinds = ("cat", "dog", "fox") if name == names[0] else ("cat", "dog")
        fill(tmp_path / name / between, kinds)
    for read in (data.image_parts, data.image_folder):
        with pytest.raises(DataError, match=r"look like parts.* each holds folders cat, dog;"):
            read(tmp_path)
    named = data.image_parts(tmp_path, classes=sorted(names)).parts["all"]
    assert named.classes == tuple(sorted(names))
    assert len(named) == 4 * len(names) + 2


def test_parts_may_lie_deeper_and_repeat_their_name(tmp_path):
    for name in ("seg_train", "seg_test"):
        fill(tmp_path / "archive" / name / name)
    loose(tmp_path / "archive" / "seg_pred" / "seg_pred")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "about.txt").touch()
    divided = data.image_parts(tmp_path)
    assert {part: len(images) for part, images in divided.parts.items()} == {"train": 4, "test": 4}
    assert divided.decisions == (
        "the class folders are in archive/",
        "taken as parts: seg_train as train, seg_test as test",
        "seg_train: the class folders are in seg_train/",
        "left out: seg_pred/, which is no part",
    )


@pytest.mark.parametrize("place", ["test", "test/test1", "test/unknown"])
def test_a_part_without_labels_is_left_out(tmp_path, place):
    fill(tmp_path / "train")
    loose(tmp_path / place)
    divided = data.image_parts(tmp_path)
    assert list(divided.parts) == ["train"]
    assert "left out: test/, whose 3 images lie in no class" in divided.decisions


def test_labels_of_parts_mean_the_classes_of_train(tmp_path):
    fill(tmp_path / "train", COLOURS)
    fill(tmp_path / "val", ("dog", "fox"))
    fill(tmp_path / "test", ("fox",))
    divided = data.image_parts(tmp_path)
    for part in divided.parts.values():
        batch = part.gather(np.arange(len(part)))
        told = [tuple(COLOURS)[label] for label in batch["label"]]
        assert [COLOURS[name] for name in told] == [tuple(image[0, 0]) for image in batch["image"]]
    assert "val has no images of cat" in divided.decisions
    assert "test has no images of cat, dog" in divided.decisions


def test_a_class_that_train_does_not_have(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", ("cat", "fox"))
    with pytest.raises(DataError, match="test/fox: there is no class 'fox', only 'cat', 'dog'"):
        data.image_parts(tmp_path)


def test_a_training_part_without_classes(tmp_path):
    loose(tmp_path / "train")
    loose(tmp_path / "test")
    with pytest.raises(DataError, match="train: it holds 3 images and no folders of images"):
        data.image_parts(tmp_path)


def test_parts_inside_each_class_are_said(tmp_path):
    for name in ("cat", "dog"):
        loose(tmp_path / name / "train")
        loose(tmp_path / name / "test")
    divided = data.image_parts(tmp_path)
    assert len(divided.parts["all"]) == 12
    said = "each class folder holds parts, train and test: they are put together"
    assert said in divided.decisions


def test_folders_inside_classes_that_may_be_meant_are_said(tmp_path):
    fill(tmp_path / "animal", ("cat", "dog", "fox"))
    loose(tmp_path / "plant")
    divided = data.image_parts(tmp_path)
    assert divided.parts["all"].classes == ("animal", "plant")
    said = "images in animal/ are all of this class, those of cat, dog, fox alike"
    assert divided.decisions == (said,)
