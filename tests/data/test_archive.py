import numpy as np
import pytest

from fnet.data import npz_images, rescale
from fnet.errors import DataError

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
    np.testing.assert_array_equal(dataset.arrays["image"], images)
    np.testing.assert_array_equal(dataset.arrays["label"], LABELS)


def test_classes_default_to_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    assert npz_images(tmp_path / "a.npz").classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "no labels"),
        ({"labels": LABELS}, "no images"),
        ({"other": LABELS}, "no images or labels"),
        ({"images": IMAGES.reshape(4, -1), "labels": LABELS}, r"images are \(4, 105\) uint8"),
        ({"images": IMAGES.astype(np.int64), "labels": LABELS}, "int64"),
        ({"images": IMAGES, "labels": LABELS[:, None]}, r"labels are \(4, 1\)"),
        ({"images": IMAGES, "labels": LABELS.astype(float)}, "labels are .* float64"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "differ in length"),
        ({"images": IMAGES, "labels": LABELS - 1}, r"label\[1\] is -1"),
        ({"images": IMAGES, "labels": LABELS + 2**40}, "label 1099511627778"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "no samples"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "b"])}, r"label\[2\] is 2"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.arange(3)}, "classes are"),
        ({"images": np.array([{}, 1], object), "labels": LABELS}, "plain arrays"),
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
