import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fnet.data import image_folder, memory, read_image, rescale
from fnet.errors import ConfigurationError, DataError


def picture(seed=0, height=5, width=7):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def root(tmp_path):
    """Two classes of two pictures, written in an order that is not the sorted one."""
    for seed, name in enumerate(["dog/b.png", "cat/z/a.PNG", "dog/a.bmp", "cat/b.png"]):
        save(tmp_path / name, picture(seed))
    return tmp_path


def test_classes_paths_and_labels_are_sorted(root):
    dataset = image_folder(root)
    names = [path.relative_to(root).as_posix() for path in dataset.paths]
    assert names == ["cat/b.png", "cat/z/a.PNG", "dog/a.bmp", "dog/b.png"]
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert dataset.classes == ("cat", "dog")
    assert dataset.class_to_idx == {"cat": 0, "dog": 1}


def test_spec_7_5_order_does_not_depend_on_the_file_system(root, monkeypatch):
    from fnet.data import images

    expected = image_folder(root).paths
    walk, listing = images.os.walk, images.Path.iterdir

    def backwards(folder, **options):
        found = [(top, folders, files[::-1]) for top, folders, files in walk(folder, **options)]
        return iter(found[::-1])

    monkeypatch.setattr(images.os, "walk", backwards)
    monkeypatch.setattr(images.Path, "iterdir", lambda path: iter(sorted(listing(path))[::-1]))
    dataset = image_folder(root)
    assert dataset.paths == expected
    assert dataset.classes == ("cat", "dog")


def test_gather_reads_the_pixels_of_these_places(root):
    batch = image_folder(root).gather([-1, 0])
    assert batch["image"].dtype == np.uint8
    assert batch["label"].dtype == np.int32
    np.testing.assert_array_equal(batch["image"], [picture(0), picture(3)])
    assert batch["label"].tolist() == [1, 0]


def test_gather_of_nothing(root):
    assert image_folder(root, size=(3, 4)).gather([0])["image"].shape == (1, 3, 4, 3)
    empty = image_folder(root, size=(3, 4)).gather(np.array([], np.int32))
    assert empty["image"].shape == (0, 3, 4, 3)


def test_a_map_style_dataset_of_samples(root):
    dataset = image_folder(root, transform=rescale())
    assert len(dataset) == 4
    assert [int(sample["label"]) for sample in dataset] == [0, 0, 1, 1]
    np.testing.assert_allclose(dataset[-1]["image"], picture(0) / 255, atol=1e-6)
    with pytest.raises(IndexError, match="sample 4 of a dataset of 4"):
        dataset[4]


def test_select_keeps_paths_and_labels_together(root):
    dataset = image_folder(root, transform=rescale())
    part = dataset.select([3, 0])
    assert part.paths == (dataset.paths[3], dataset.paths[0])
    assert part.labels.tolist() == [1, 0]
    assert part.transform is dataset.transform
    assert part.classes == dataset.classes


def test_labels_are_read_only_and_batches_are_not(root):
    dataset = image_folder(root)
    with pytest.raises(ValueError, match="read-only"):
        dataset.labels[0] = 1
    batch = dataset.gather([0, 1])
    batch["image"][:] = 0
    batch["label"][:] = 9
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert dataset.gather([0])["image"].any()


def test_memory_holds_the_same_samples(root):
    dataset = image_folder(root, transform=rescale())
    held = memory(dataset)
    for mine, theirs in zip(held, dataset, strict=True):
        np.testing.assert_array_equal(mine["image"], theirs["image"])
        assert mine["label"] == theirs["label"]
    assert held.classes == dataset.classes


def test_hidden_files_and_other_files_are_passed_over(root):
    for name in ["cat/.hidden.png", "cat/.thumbnails/a.png", ".cache/a.png"]:
        save(root / name, picture())
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "README").write_text("no class")
    assert len(image_folder(root)) == 4
    assert image_folder(root).classes == ("cat", "dog")


def test_mixed_sizes_need_a_size(root):
    path = save(root / "dog" / "c.png", picture(height=11, width=13))
    dataset = image_folder(root)
    with pytest.raises(DataError, match=r"11 × 13.*5 × 7.*size=") as caught:
        dataset.gather(np.arange(5))
    assert str(path) in str(caught.value)
    assert image_folder(root, size=(4, 6)).gather(range(5))["image"].shape == (5, 4, 6, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.write_text(""), "it is a file"),
        (lambda root: root.mkdir(), "holds 0 folders"),
        (lambda root: save(root / "a.png", picture()), "holds 0 folders"),
        (lambda root: save(root / "train" / "a.png", picture()), "holds 1 folders.*'train'"),
    ],
)
def test_a_root_that_holds_no_classes(tmp_path, make, message):
    root = tmp_path / "root"
    make(root)
    with pytest.raises(DataError, match=message) as caught:
        image_folder(root)
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_without_images(root):
    (root / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no images"):
        image_folder(root)


@pytest.mark.parametrize("size", [(0, 3), (3,), (-1, 2)])
def test_a_size_that_is_none(root, size):
    with pytest.raises(ConfigurationError, match="height, width"):
        image_folder(root, size=size)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA"])
def test_every_8_bit_mode_becomes_rgb(tmp_path, mode):
    white = Image.new("RGB", (4, 3), "white").convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    white.save(path)
    with Image.open(path) as image:
        assert image.mode == mode
    np.testing.assert_array_equal(read_image(path), np.full((3, 4, 3), 255, np.uint8))


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.array([[[200, 100, 0, 0], [200, 100, 0, 255], [0, 0, 0, 51]]], np.uint8)
    image = read_image(save(tmp_path / "a.png", pixels))
    expected = np.array([[[255, 255, 255], [200, 100, 0], [204, 204, 204]]])  # 255 (1 − 51/255)
    np.testing.assert_allclose(image, expected, atol=1)


def test_a_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=0)
    assert read_image(tmp_path / "a.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda x: x),
        (2, np.fliplr),
        (3, lambda x: np.rot90(x, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (8, np.rot90),
    ],
)
def test_the_exif_orientation_is_applied(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", picture(), exif=exif)
    np.testing.assert_array_equal(read_image(path), turn(picture()))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_more_than_8_bits_are_refused(tmp_path, dtype):
    path = save(tmp_path / "a.tif", np.full((3, 4), 1000, dtype))
    with pytest.raises(DataError, match=r"a\.tif.*8 bits"):
        read_image(path)


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_size_is_height_then_width(tmp_path):
    halves = np.zeros((64, 32, 3), np.uint8)
    halves[:32] = 240
    image = read_image(save(tmp_path / "a.png", halves), size=(6, 4))
    assert image.shape == (6, 4, 3)
    assert image[0].min() > 230
    assert image[-1].max() < 10


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_a_truncated_image(tmp_path, keep):
    path = save(tmp_path / "a.png", picture(height=40, width=40))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"a\.png: cannot be read as an image; replace or remove"):
        read_image(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("hello"), "cannot be read as an image"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_no_image(tmp_path, make, message):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(DataError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.filterwarnings("default")
def test_a_decompression_bomb_is_an_error_not_a_warning(tmp_path, monkeypatch, recwarn):
    path = save(tmp_path / "a.png", picture(height=40, width=40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match=r"a\.png: cannot be read.*1600 pixels"):
        read_image(path)
    assert not recwarn.list


def test_pillow_is_imported_only_to_read():
    code = "import sys, fnet.data; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
