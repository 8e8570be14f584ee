"""The size that photographs are given, and what is said of it."""

import numpy as np
import pytest
from PIL import Image

from fnet import data
from fnet.cli.sizes import chosen_size
from fnet.core import available
from fnet.core.available import available_memory, check_memory
from fnet.errors import DataError


def folder(root, *sizes, dtype=np.uint8, suffix="png"):
    for name in ("cat", "dog"):
        (root / name).mkdir()
        for number, size in enumerate(sizes):
            Image.fromarray(np.zeros(size, dtype)).save(root / name / f"{number}.{suffix}")
    return data.image_folder(root)


SIZES = {  # of images, and what they are resized to
    "small, one size": ([(64, 48)], None),
    "large, one size": ([(120, 160)], (48, 64)),
    "upright": ([(200, 100)], (64, 32)),
    "long": ([(2, 1000)], (1, 64)),
    "small, of two sizes": ([(28, 28), (30, 30), (28, 28)], (28, 28)),
    "large, of one ratio": ([(120, 160), (90, 120), (240, 320)], (48, 64)),
    "of two ratios": ([(120, 160), (160, 120)], (64, 64)),
    "small, of two ratios": ([(20, 40), (40, 30), (20, 40)], (20, 20)),
}


@pytest.mark.parametrize("case", SIZES)
def test_the_size_is_that_of_the_images_made_small(tmp_path, case):
    sizes, expected = SIZES[case]
    size, said = chosen_size([folder(tmp_path, *sizes)])
    assert size == expected
    assert len(said) == (expected is not None)
    assert all("--size H W" in each and f"{size[0]} × {size[1]}" in each for each in said)
    stretched = len({height / width for height, width in sizes}) > 1
    assert any("stretched and not cropped" in each for each in said) == stretched


def test_nothing_is_chosen_where_a_size_is_given(tmp_path):
    images = folder(tmp_path, (100, 100), (90, 200))
    assert chosen_size([images], [30, 30]) == (None, [])
    assert chosen_size([images], "original") == (None, [])


def test_bits_that_are_not_read_are_said(tmp_path):
    images = folder(tmp_path, (9, 9), (9, 9), dtype=np.uint16)
    said = "of the 16 bits per channel of 4 images, the upper 8 are read"
    assert chosen_size([images]) == (None, [said])
    assert chosen_size([images], [30, 30]) == (None, [said])


def test_a_large_jpeg_of_few_bytes_is_read_small(tmp_path):
    """12 megapixels: too many to decode from so few bytes, but not an eighth of each side."""
    Image.new("RGB", (4000, 3000), "red").save(tmp_path / "a.jpg", quality=50)
    with pytest.raises(DataError, match="are safe for a file"):
        data.read_image(tmp_path / "a.jpg")
    small = data.read_image(tmp_path / "a.jpg", (48, 64))
    np.testing.assert_allclose(small, np.full((48, 64, 3), (255, 0, 0)), atol=3)


def group(root, **files):
    root.mkdir()
    for name, content in files.items():
        (root / name.replace("_", ".", 1)).write_text(content)
    return root


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (
            {"memory_max": "1000\n", "memory_current": "900\n", "memory_stat": "inactive_file 50"},
            [150],
        ),
        ({"memory_max": "max\n", "memory_current": "900\n", "memory_stat": ""}, []),
        ({"memory_max": "10\n", "memory_current": "900\n", "memory_stat": "anon 5"}, [0]),
        ({}, []),
    ],
)
def test_what_a_control_group_leaves(tmp_path, files, left):
    assert [*available._left(group(tmp_path / "group", **files))] == left


def test_the_least_of_what_system_and_groups_leave(monkeypatch):
    monkeypatch.setattr(available, "_of_the_system", lambda: 5e9)
    monkeypatch.setattr(available, "_groups", lambda: ["a", "b"])
    monkeypatch.setattr(available, "_left", lambda folder: [{"a": 4e9, "b": 6e9}[folder]])
    assert available_memory() == 4e9
    check_memory("this", 3e9, "do that")
    with pytest.raises(DataError, match=r"this take 4\.5 GB, and 4\.0 GB are av"):
        check_memory("this", 4.5e9, "do that")


def test_where_nothing_is_known_everything_fits(monkeypatch):
    monkeypatch.setattr(available, "_of_the_system", lambda: float("inf"))
    monkeypatch.setattr(available, "_groups", lambda: [])
    check_memory("this", 1e30, "do that")
