"""Packed images equal those of the folder, follow changes to files, and are never incomplete."""

import os
import pickle

import numpy as np
import PIL.Image
import pytest

from fnet import data, losses, models, optimizers
from fnet.data.images import read_image
from fnet.errors import DataError
from fnet.training import fit

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        path = tmp_path / "set" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(RNG.integers(0, 256, (5, 4, 3), np.uint8)).save(path)
    return data.image_folder(tmp_path / "set")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def decodings(monkeypatch):
    """A list of the paths decoded from now on."""
    seen = []

    def read(path, size=None):
        seen.append(path)
        return read_image(path, size)

    monkeypatch.setattr("fnet.data.images.read_image", read)
    return seen


def test_it_gives_what_the_folder_gives(folder, cache, monkeypatch):
    packed = data.packed(folder, cache)
    seen = decodings(monkeypatch)
    for places in (np.arange(12), np.array([7, 3, 3]), np.array([], int)):
        found, expected = packed.gather(places), folder.gather(places)
        if len(places):
            assert (found["image"] == expected["image"]).all()
        assert (found["label"] == expected["label"]).all()
        assert found["image"].flags.writeable
    assert (len(packed), packed.classes, packed.fields) == (12, ("a", "b"), ("image", "label"))
    assert packed[3]["image"].shape == (5, 4, 3)
    part = packed.select([5, 1]).select([1])
    assert (part.gather([0])["image"] == folder.gather([1])["image"]).all()
    seen.clear()
    again = data.packed(folder, cache)
    assert (again.gather([4])["image"] == packed.gather([4])["image"]).all()
    assert seen == []


def test_by_workers_it_is_the_same_file(folder, tmp_path):
    for workers in (0, 2):
        data.packed(folder, tmp_path / str(workers), workers)
    alone, by_two = ((tmp_path / str(workers)).rglob("images.uint8") for workers in (0, 2))
    assert next(alone).read_bytes() == next(by_two).read_bytes()


def test_training_cannot_tell(folder, cache):
    model, loss, adam = models.classification_net(2, hidden=3), losses.cross_entropy(), OPTIMIZER
    plain = data.image_folder(folder.paths[0].parents[1], data.rescale())
    ways = (data.packed(plain, cache), data.memory(plain, transform=data.rescale()))
    ends = [list(fit(model, loss, adam, way, way, epochs=2, batch_size=5))[-1] for way in ways]
    np.testing.assert_allclose(ends[0].losses, ends[1].losses, rtol=1e-9)


OPTIMIZER = optimizers.adam(0.01)


def test_a_changed_file_is_noticed(folder, cache):
    before = data.packed(folder, cache).gather([0])["image"]
    PIL.Image.fromarray(255 - before[0]).save(folder.paths[0])
    os.utime(folder.paths[0], ns=(1, 1))
    assert (data.packed(folder, cache).gather([0])["image"] == 255 - before).all()


def test_what_is_damaged_is_packed_anew(folder, cache):
    data.packed(folder, cache)
    (pixels,) = cache.rglob("images.uint8")
    whole = pixels.read_bytes()
    for spoilt in (whole[:-1], bytes([whole[0] ^ 1]) + whole[1:], b""):
        pixels.write_bytes(spoilt)
        assert (
            data.packed(folder, cache).gather([0])["image"] == folder.gather([0])["image"]
        ).all()
        assert pixels.read_bytes() == whole
    (index,) = cache.rglob("index.json")
    index.write_text("{}")
    data.packed(folder, cache)
    assert len(list(cache.iterdir())) == 1


def test_to_another_process_goes_a_name(folder, cache):
    packed = data.packed(folder, cache)
    text = pickle.dumps(packed)
    assert packed.images.tobytes()[:60] not in text
    assert (pickle.loads(text).gather([2])["image"] == packed.gather([2])["image"]).all()


def test_an_image_that_cannot_be_read_leaves_nothing(folder, cache):
    folder.paths[5].write_bytes(b"no image")
    with pytest.raises(DataError, match=r"\d\.png: cannot be read as an image"):
        data.packed(folder, cache)
    assert list(cache.iterdir()) == []


def test_images_of_several_sizes_are_told(folder, cache, monkeypatch):
    monkeypatch.setattr("fnet.data.packing.CHUNK", 1)
    PIL.Image.fromarray(np.zeros((5, 9, 3), np.uint8)).save(folder.paths[4])
    with pytest.raises(DataError, match=r"5 × 9 pixels, the first 5 × 4; pass size="):
        data.packed(folder, cache)


def test_what_a_killed_packing_left_is_removed(folder, cache):
    import socket

    cache.mkdir()
    for pid in (os.getpid(), 2**22 + 1):  # alive, and beyond every system's limit
        (cache / f".packing-{socket.gethostname()}-{pid}").mkdir()
    (cache / f".packing-{socket.gethostname()}-{os.getpid()}").rmdir()
    data.packed(folder, cache)
    assert [path.name[0] for path in cache.iterdir()] != ["."]
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_told(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another cache"):
        data.packed(folder, tmp_path / "file")
