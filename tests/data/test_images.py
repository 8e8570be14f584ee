import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fnet.data import image_folder, memory, rescale
from fnet.errors import ConfigurationError, DataError


def picture(seed=0, height=5, width=7):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def root(tmp_path):
    """Two classes of two pictures, written in unsorted order."""
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
        (lambda root: root.mkdir(), "holds no folders"),
        (lambda root: save(root / "a.png", picture()), "1 image and no folders.*root/<class>/<im"),
        (lambda root: save(root / "train" / "a.png", picture()), "holds one folder.*'train'"),
    ],
)
def test_a_root_that_holds_no_classes(tmp_path, make, message):
    root = tmp_path / "root"
    make(root)
    with pytest.raises(DataError, match=message) as caught:
        image_folder(root)
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_passed_over_is_counted_by_name(root):
    (root / "empty").mkdir()
    (root / "__MACOSX" / "cat").mkdir(parents=True)
    for name in ["cat/a.HEIC", "dog/b.heic", "dog/c.txt", "dog/Makefile", "loose.png"]:
        (root / name).touch()
    for name in ["cat/._b.png", "cat/.DS_Store", "dog/Thumbs.db", "dog/__MACOSX/._a.png"]:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    dataset = image_folder(root)
    assert (len(dataset), dataset.classes) == (4, ("cat", "dog"))
    assert dataset.decisions == (
        "skipped empty/: no images in it",
        f"skipped 1 image in {root} itself: of no class",
        "skipped 7 files: 3 hidden, 2 .heic, 1 without a suffix, 1 .txt",
        "skipped what systems leave in __MACOSX/",
    )


def test_a_class_whose_images_are_of_another_kind_is_not_empty(root):
    (root / "fox").mkdir()
    (root / "fox" / "a.heic").touch()
    with pytest.raises(DataError, match=r"fox: of this class fnet reads no image \(1 \.heic\)"):
        image_folder(root)


@pytest.mark.parametrize("suffix", ["jfif", "JPE", "tif", "webp", "gif", "pbm", "pnm", "apng"])
def test_every_suffix_of_a_format_that_is_read(root, suffix):
    formats = {"jfif": "JPEG", "JPE": "JPEG", "tif": "TIFF", "pbm": "PPM", "pnm": "PPM"}
    path = root / "cat" / f"z.{suffix}"
    Image.fromarray(picture()).save(path, formats.get(suffix, suffix).replace("apng", "PNG"))
    dataset = image_folder(root)
    assert path in dataset.paths
    assert dataset.gather([dataset.paths.index(path)])["image"].shape == (1, 5, 7, 3)


def test_class_folders_one_too_deep_are_entered(root):
    dataset = image_folder(root)
    (root / "all" / "data").mkdir(parents=True)
    for name in ("cat", "dog"):
        (root / name).rename(root / "all" / "data" / name)
    deeper = image_folder(root)
    assert deeper.classes == dataset.classes
    assert len(deeper) == 4
    assert deeper.decisions == ("the class folders are in all/data/",)


def test_images_that_are_named_after_their_class(tmp_path):
    for k in range(3):
        for name in ("cat", "dog"):
            save(tmp_path / f"{name}.{k}.jpg", picture())
    with pytest.raises(DataError, match=r"6 images and no folders.*cat, dog: move them into"):
        image_folder(tmp_path)


def test_parts_are_no_classes(root):
    (root / "cat").rename(root / "Train")
    (root / "dog").rename(root / "Test")
    with pytest.raises(DataError, match=r"Train and Test look like the parts.*image_parts"):
        image_folder(root)


def test_classes_of_another_part(root):
    dataset = image_folder(root, classes=("fox", "dog", "cat"))
    assert dataset.classes == ("fox", "dog", "cat")
    assert dataset.labels.tolist() == [2, 2, 1, 1]
    with pytest.raises(DataError, match=r"no class 'dog', only 'cat', 'dgo'.*did you mean dgo"):
        image_folder(root, classes=("cat", "dgo"))


def test_memory_is_refused_before_it_is_taken(root, monkeypatch):
    monkeypatch.setattr("fnet.core.available.available_memory", lambda: 2.5e6)
    monkeypatch.setattr("fnet.core.available.SMALL", 100)
    assert len(memory(image_folder(root))) == 4
    monkeypatch.setattr("fnet.core.available.available_memory", lambda: 400.0)
    with pytest.raises(DataError, match=r"4 images of 5 × 7 pixels take 420 B, and 400 B.*size="):
        memory(image_folder(root))


@pytest.mark.parametrize("size", [(0, 3), (3,), (-1, 2)])
def test_a_size_that_is_none(root, size):
    with pytest.raises(ConfigurationError, match="height, width"):
        image_folder(root, size=size)


def test_pillow_is_imported_only_to_read():
    code = "import sys, fnet.data; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
