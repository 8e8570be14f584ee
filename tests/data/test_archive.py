import numpy as np
import pytest

from fnet import data
from fnet.data import npz_images, rescale
from fnet.errors import ConfigurationError, DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 5, 7, 3), np.uint8)
LABELS = np.array([1, 0, 2, 1])


@pytest.mark.parametrize(
    "images", [IMAGES, IMAGES[..., 0], IMAGES.astype(np.float32) / 255, IMAGES.astype(np.float64)]
)
@pytest.mark.parametrize("kind", [np.int64, np.uint8])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels(tmp_path, images, kind, save):
    path = tmp_path / "a.npz"
    save(path, images=images, labels=LABELS.astype(kind), classes=np.array(["b", "a", "c"]))
    dataset = npz_images(path, rescale())
    assert dataset.fields == ("image", "label")
    assert dataset.classes == ("b", "a", "c")
    assert dataset.transform is rescale()
    assert dataset.arrays["image"].dtype == images.dtype
    assert dataset.arrays["label"].dtype == np.int32
    expected = images if images.ndim == 4 else images[..., None]
    np.testing.assert_array_equal(dataset.arrays["image"], expected)
    np.testing.assert_array_equal(dataset.arrays["label"], LABELS)


def test_classes_default_to_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    assert npz_images(tmp_path / "a.npz").classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "no labels"),
        ({"labels": LABELS}, "no images"),
        ({"other": LABELS}, "no images or labels, only other"),
        ({"x_train": IMAGES, "y_test": LABELS}, "no images with labels, only x_train, y_test"),
        ({"arr_0": IMAGES, "arr_1": LABELS, "arr_2": IMAGES}, "names say nothing"),
        ({"images": IMAGES.reshape(4, -1), "labels": LABELS}, r"images are \(4, 105\) uint8"),
        ({"images": IMAGES.astype(np.int64) - 9, "labels": LABELS}, "int64 from -9 to 2.*float32"),
        ({"images": IMAGES.astype(np.int64) + 2**16, "labels": LABELS}, "int64 from .*float32"),
        ({"images": IMAGES.astype(complex), "labels": LABELS}, "must be real numbers"),
        (
            {"images": IMAGES, "labels": np.eye(4) + 1},
            r"labels are \(4, 4\) float64; of a row, one",
        ),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels are .* float64"),
        ({"images": IMAGES, "labels": LABELS * 1j}, "labels are .* complex128"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "differ in length"),
        ({"images": IMAGES, "labels": LABELS - 1}, r"label\[1\] is -1"),
        (
            {"images": IMAGES, "labels": np.array([{}, 1, 2, 3])},
            r"labels is .* labels\.astype\(str",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1},
            "test has the label 3, and the classes are 0, 1, 2",
        ),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "no samples"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "b"])}, r"label\[2\] is 2"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.arange(3) + 1}, "classes are"),
        ({"images": np.array([{}, 1], object), "labels": LABELS}, r"np\.stack\(images\)"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, arrays, message):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        npz_images(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_archive(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(DataError, match="no such file"):
        npz_images(path)
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="cannot be read"):
        npz_images(path)
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match="cannot be read"):
        npz_images(path)


def test_a_damaged_archive(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], data[:150] + bytes(50) + data[200:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.npz"):
            npz_images(path)


def test_the_array_that_is_damaged_is_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    data = bytearray(path.read_bytes())
    data[data.find(IMAGES.tobytes()) + 50] ^= 4
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.npz.*the array images is damaged \(Bad CRC-32.*savez"):
        npz_images(path)


def test_arrays_that_nobody_asked_for_are_passed_over(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS, notes=np.array([{}], object))
    assert len(npz_images(path)) == len(LABELS)


def test_classes_that_are_no_unicode(tmp_path):
    path = tmp_path / "a.npz"
    classes = np.array([0x110000, 65, 66], np.uint32).view("<U1")
    np.savez(path, images=IMAGES, labels=LABELS, classes=classes)
    with pytest.raises(DataError, match=r"the array classes: its text is not Unicode"):
        npz_images(path)


def test_a_folder_is_no_archive(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        npz_images(tmp_path)


def saved(folder, **arrays):
    np.savez(folder / "set.npz", **arrays)
    return data.npz_parts(folder / "set.npz")


PAIRS = [
    ("images", "labels"),
    ("X", "y"),
    ("x", "y"),
    ("data", "target"),
    ("imgs", "classes"),
    ("image", "label"),
    ("arr_0", "arr_1"),
    ("arr_1", "arr_0"),
    ("xs", "ys"),
    ("imgs", "lbls"),
    ("x_train_images", "y_train_labels"),
    ("inputs", "outputs"),
]


@pytest.mark.parametrize(("images", "labels"), PAIRS)
def test_arrays_are_known_by_their_names(tmp_path, images, labels):
    divided = saved(tmp_path, **{labels: LABELS, images: IMAGES})
    (part,) = divided.parts.values()
    np.testing.assert_array_equal(part.arrays["image"], IMAGES)
    assert part.arrays["label"].tolist() == LABELS.tolist()
    plain = (images, labels) == ("images", "labels")
    said = f"{images} is taken as images, {labels} as labels"
    said = said.replace(" as images", " as images of train") if "train" in images else said
    assert divided.decisions == (() if plain else (said,))


@pytest.mark.parametrize(
    "form",
    [
        *("{a}_{part}", "{part}_{A}", "{a}{part}", "{part}{B}", "{words}_{part}", "{part}_{words}"),
        *("{A}_{short}", "{A}{short}"),
    ],
)
def test_parts_are_known_by_the_names_of_arrays(tmp_path, form):
    arrays = {}
    for part, shift in (("train", 0), ("val", 1), ("test", 2)):
        for a, words, array in (("x", "images", IMAGES[shift:]), ("y", "labels", LABELS[shift:])):
            name = form.format(
                a=a, A=a.upper(), B=a.upper(), part=part, words=words, short=part[:2]
            )
            arrays[name] = array
    divided = saved(tmp_path, **arrays)
    assert {part: len(images) for part, images in divided.parts.items()} == {
        "train": 4,
        "val": 3,
        "test": 2,
    }
    for part, shift in (("train", 0), ("val", 1), ("test", 2)):
        np.testing.assert_array_equal(divided.parts[part].arrays["image"], IMAGES[shift:])


@pytest.mark.parametrize("together", [False, True])
def test_parts_of_arrays_without_names(tmp_path, together):
    pairs = [(IMAGES, LABELS), (IMAGES[:3], LABELS[:3]), (IMAGES[:2], LABELS[:2])]
    order = [*zip(*pairs, strict=True)] if together else pairs
    np.savez(tmp_path / "set.npz", *[array for group in order for array in group])
    divided = data.npz_parts(tmp_path / "set.npz")
    assert {part: len(images) for part, images in divided.parts.items()} == {
        "train": 4,
        "val": 3,
        "test": 2,
    }
    last = "arr_2 is" if together else "arr_4 is"
    assert divided.decisions[2].startswith(f"{last} taken as images of test")
    np.savez(tmp_path / "set.npz", IMAGES, LABELS, IMAGES[:2], LABELS[:3])
    with pytest.raises(DataError, match="names say nothing"):
        data.npz_parts(tmp_path / "set.npz")


def test_one_part_is_asked_for(tmp_path):
    saved(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=LABELS[:1])
    assert len(npz_images(tmp_path / "set.npz", part="test")) == 1
    with pytest.raises(DataError, match=r"parts train, test; name one.*npz_parts"):
        npz_images(tmp_path / "set.npz")
    with pytest.raises(ConfigurationError, match="no part 'val', only train, test"):
        npz_images(tmp_path / "set.npz", part="val")


def test_what_has_no_labels_is_left_out_and_said(tmp_path):
    divided = saved(tmp_path, X=IMAGES, y=LABELS, X_test=IMAGES, ids=LABELS)
    assert list(divided.parts) == ["all"]
    assert divided.decisions[1:] == ("left out: X_test, which has no labels", "left out: ids")


LABELLED = {
    "a column": (LABELS[:, None], ("0", "1", "2")),
    "bytes": (LABELS.astype(np.uint8)[:, None], ("0", "1", "2")),
    "floating": (LABELS.astype(float), ("0", "1", "2")),
    "one-hot": (np.eye(4)[LABELS], ("0", "1", "2", "3")),
    "bool": (LABELS > 0, ("0", "1")),
    "from 5": (LABELS + 5, ("5", "6", "7")),
    "with gaps": (LABELS * 4, ("0", "4", "8")),
    "minus and plus one": (np.array([1, -1, -1, 1]), ("-1", "1")),
    "text": (np.array(["b", "a", "c", "b"]), ("a", "b", "c")),
    "bytes of text": (np.array([b"b", b"a", b"c", b"b"]), ("a", "b", "c")),
}


@pytest.mark.parametrize("case", LABELLED)
def test_labels_in_every_form(tmp_path, case):
    labels, classes = LABELLED[case]
    found = saved(tmp_path, images=IMAGES, labels=labels).parts["all"]
    assert found.classes == classes
    flat = labels.argmax(1) if case == "one-hot" else labels.ravel()
    told = [classes[label] for label in found.arrays["label"]]
    text = [v.decode() if isinstance(v, bytes) else str(v) for v in flat.tolist()]
    if case in ("floating", "bool"):
        text = [str(int(value)) for value in flat]
    assert told == text


def test_names_of_classes_that_are_their_numbers(tmp_path):
    found = saved(tmp_path, data=IMAGES, target=LABELS, target_names=np.arange(4)).parts["all"]
    assert found.classes == ("0", "1", "2", "3")


@pytest.mark.parametrize("name", ["classes", "class_names", "label_names"])
@pytest.mark.parametrize("least", [0, 1])
def test_names_of_classes(tmp_path, name, least):
    names = np.array(["b", "a", "c"])
    divided = saved(tmp_path, images=IMAGES, labels=LABELS + least, **{name: names})
    found = divided.parts["all"]
    assert found.classes == ("b", "a", "c")
    assert found.arrays["label"].tolist() == LABELS.tolist()
    assert ("labels count from 1" in divided.decisions) == bool(least)


GREY = np.random.default_rng(1).integers(0, 256, (6, 8, 9), np.uint8)
SIX = np.arange(6) % 2
AXES = {
    "grey": (GREY, GREY[..., None], "images are grey"),
    "channels first": (
        np.stack([GREY, GREY // 2, GREY // 3], 1),
        np.stack([GREY, GREY // 2, GREY // 3], 3),
        "channels come first",
    ),
    "one channel first": (GREY[:, None], GREY[..., None], "channels come first"),
    "samples last": (
        np.stack([GREY, GREY // 2, GREY // 3], 3).transpose(1, 2, 3, 0),
        np.stack([GREY, GREY // 2, GREY // 3], 3),
        "samples come last",
    ),
    "rows of a square": (
        GREY[:, :, :8].reshape(6, 64),
        GREY[:, :, :8, None],
        "rows of 64 pixels are taken as images of 8 × 8",
    ),
}


@pytest.mark.parametrize("case", AXES)
def test_axes_in_every_order(tmp_path, case):
    stored, expected, said = AXES[case]
    divided = saved(tmp_path, images=stored, labels=SIX)
    np.testing.assert_array_equal(divided.parts["all"].arrays["image"], expected)
    assert any(sentence.startswith(said) for sentence in divided.decisions)


RANGES = {
    "uint16": (IMAGES.astype(np.uint16) * 200, "0 to 65535", np.uint16),
    "uint16 of bytes": (IMAGES.astype(np.uint16), "0 to 255", np.uint8),
    "int64": (IMAGES.astype(np.int64), "0 to 255", np.uint8),
    "int32 of words": (IMAGES.astype(np.int32) * 200, "0 to 65535", np.uint16),
    "bool": (IMAGES > 99, "0 to 1", np.uint8),
    "float": (IMAGES / 255, "0 to 1", np.float64),
    "float of bytes": (IMAGES.astype(np.float32), "0 to 255", np.float32),
    "float of words": (IMAGES * np.float32(200), "0 to 65535", np.float32),
    "normalised": (IMAGES.astype(np.float16) - 100, "any", np.float16),
}


@pytest.mark.parametrize("case", RANGES)
def test_pixels_keep_their_values_and_their_range_is_said(tmp_path, case):
    images, pixels, dtype = RANGES[case]
    divided = saved(tmp_path, images=images, labels=LABELS)
    found = divided.parts["all"].arrays["image"]
    assert (found.dtype, divided.pixels) == (dtype, pixels)
    np.testing.assert_array_equal(found, images)
    assert divided.decisions == (f"pixels are {images.dtype}, in the range {pixels}",)


def test_parts_of_different_ranges(tmp_path):
    dark = {"x_test": IMAGES.astype(np.uint16) % 9, "y_test": LABELS}
    words = IMAGES.astype(np.uint16) * 200
    divided = saved(tmp_path, x_train=words, y_train=LABELS, **dark)
    assert divided.parts["test"].arrays["image"].dtype == np.uint16
    with pytest.raises(
        DataError, match="x_test are uint16 in the range 0 to 255, and the others 0 to"
    ):
        saved(tmp_path, x_train=IMAGES / 255, y_train=LABELS, **dark)


def test_an_archive_is_refused_before_memory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("fnet.core.available.available_memory", lambda: 400.0)
    monkeypatch.setattr("fnet.core.available.SMALL", 100)
    monkeypatch.setattr("fnet.data.archive.read_npz", None)
    with pytest.raises(DataError, match=r"set\.npz: its arrays take 452 B, and 400 B are"):
        saved(tmp_path, images=IMAGES, labels=LABELS)
