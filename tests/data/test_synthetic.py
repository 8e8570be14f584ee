import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from fnet.data import synthetic
from fnet.data.dataset import memory, split
from fnet.data.images import image_folder
from fnet.data.statistics import mean_and_std
from fnet.data.synthetic import SHAPES, draw, synthetic_images
from fnet.data.transforms import compose, normalize, rescale
from fnet.errors import ConfigurationError, DataError
from fnet.losses import cross_entropy
from fnet.models import classification_net
from fnet.optimizers import adam
from fnet.training import fit


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_ten_class_folders_of_small_rgb_images(tmp_path):
    folder = synthetic_images(tmp_path / "shapes", per_class=3)
    assert folder == tmp_path / "shapes"
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted(SHAPES)
    assert len(SHAPES) == 10
    for name in SHAPES:
        paths = sorted((folder / name).iterdir())
        assert [p.name for p in paths] == ["0000.png", "0001.png", "0002.png"]
        for path in paths:
            assert pixels(path).shape == (32, 32, 3)
            assert pixels(path).dtype == np.uint8


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_pixels(tmp_path):
    first = contents(synthetic_images(tmp_path / "a", per_class=2, seed=7))
    again = contents(synthetic_images(tmp_path / "b", per_class=2, seed=7))
    other = contents(synthetic_images(tmp_path / "c", per_class=2, seed=8))
    assert first == again
    assert all(first[name] != other[name] for name in first)
    assert len(set(first.values())) == len(first)


def test_more_images_of_a_class_begin_with_the_same_ones(tmp_path):
    few = synthetic_images(tmp_path / "few", per_class=1)
    many = synthetic_images(tmp_path / "many", per_class=3)
    for name in SHAPES:
        assert (pixels(few / name / "0000.png") == pixels(many / name / "0000.png")).all()


def test_no_shape_is_another_and_none_leaves_the_picture():
    axis = np.linspace(-2, 2, 401, dtype=np.float32)
    masks = [inside(axis[None, :], -axis[:, None]) for inside in SHAPES.values()]
    for mask in masks:
        y, x = np.nonzero(mask)
        assert np.hypot(axis[x], axis[y]).max() < 1.25
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert (a & b).sum() < 0.85 * (a | b).sum()


def test_pictures_of_a_class_differ_in_place_colour_and_contrast():
    images = np.stack([draw("square", np.random.default_rng(k)) for k in range(40)]) / 255
    middle = images[:, 14:18, 14:18].mean(axis=(1, 2, 3))
    edge = images[:, :2].mean(axis=(1, 2, 3))
    brighter = (middle > edge).mean()
    assert 0.6 < brighter < 1
    assert images[:, 14:18, 14:18].mean(axis=(1, 2)).std(axis=0).min() > 0.1


def test_a_linear_model_stays_behind_a_hidden_layer_and_neither_is_perfect(tmp_path):
    images = memory(image_folder(synthetic_images(tmp_path / "shapes", per_class=100)))
    parts = split(images, {"train": 0.8, "val": 0.2})
    transform = compose(rescale(), normalize(*mean_and_std(parts["train"], transform=rescale())))
    train, val = (dataclasses.replace(part, transform=transform) for part in parts.values())

    def accuracy(layers):
        model = classification_net(10, layers=layers)
        records = fit(model, cross_entropy(), adam(1e-3), train, val, epochs=12, batch_size=64)
        return list(records)[-1].metrics["val_accuracy"]

    with jax.enable_x64(False):  # as users train
        linear, hidden = accuracy(1), accuracy(2)
    assert 0.2 < linear < hidden - 0.1
    assert hidden < 0.9


def test_a_folder_that_is_drawn_is_found_again(tmp_path, monkeypatch):
    folder = synthetic_images(tmp_path / "shapes", per_class=2)
    before = contents(folder)
    monkeypatch.setattr(synthetic, "draw", lambda *_: pytest.fail("drawn again"))
    assert synthetic_images(folder, per_class=2) == folder
    assert contents(folder) == before


def test_by_default_it_is_kept_in_the_cache_by_seed_and_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folders = [synthetic_images(per_class=n, seed=s) for n, s in [(1, 0), (2, 0), (1, 1), (1, 0)]]
    assert {folder.parent for folder in folders} == {tmp_path / "fnet"}
    assert folders[0] == folders[3]
    assert len(set(folders)) == 3
    assert sorted((tmp_path / "fnet").iterdir()) == sorted(set(folders))


def test_without_a_cache_variable_it_is_below_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert synthetic_images(per_class=1).parent == tmp_path / ".cache" / "fnet"


def test_another_recipe_is_another_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = synthetic_images(per_class=1)
    monkeypatch.setattr(synthetic, "RECIPE", synthetic.RECIPE + 1)
    assert synthetic_images(per_class=1) != before
    with pytest.raises(DataError, match="holds something other than"):
        synthetic_images(before, per_class=1)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch, stop):
    drawn = []

    def interrupted(name, rng):
        drawn.append(name)
        if len(drawn) == 5:
            raise stop
        return draw(name, rng)

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "draw", interrupted)
        with pytest.raises(stop):
            synthetic_images(tmp_path / "shapes", per_class=2)
    assert list(tmp_path.iterdir()) == []
    assert synthetic_images(tmp_path / "shapes", per_class=2).is_dir()


def test_of_two_processes_at_once_the_second_takes_what_the_first_drew(tmp_path, monkeypatch):
    folder = tmp_path / "shapes"
    monkeypatch.setattr(synthetic, "_is_drawn", _late(synthetic._is_drawn))
    synthetic_images(folder, per_class=1, seed=3)
    before = contents(folder)
    synthetic_images(folder, per_class=1, seed=3)
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]


def _late(is_drawn):
    """The first checks find nothing, as if made before the other process had drawn."""
    answers = iter([False, False])
    return lambda *args: next(answers, None) is not False and is_drawn(*args)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "shapes").mkdir()
    assert len(contents(synthetic_images(tmp_path / "shapes", per_class=1))) == 11


def test_a_folder_of_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"holds something other than.*choose another folder"):
        synthetic_images(tmp_path, per_class=1)
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


@pytest.mark.parametrize("other", [{"per_class": 2, "seed": 0}, {"per_class": 1, "seed": 1}])
def test_a_set_of_another_seed_or_size_is_refused(tmp_path, other):
    folder = synthetic_images(tmp_path / "shapes", per_class=1, seed=0)
    with pytest.raises(DataError, match="holds something other than"):
        synthetic_images(folder, **other)


def test_a_set_with_an_image_missing_is_refused(tmp_path):
    folder = synthetic_images(tmp_path / "shapes", per_class=2)
    (folder / "star" / "0001.png").unlink()
    with pytest.raises(DataError, match="delete it"):
        synthetic_images(folder, per_class=2)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "shapes").write_text("")
    with pytest.raises(DataError, match="shapes"):
        synthetic_images(tmp_path / "shapes", per_class=1)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*shapes"):
        synthetic_images(tmp_path / "file" / "shapes", per_class=1)


@pytest.mark.parametrize("wrong", [{"per_class": 0}, {"seed": -1}])
def test_counts_and_seeds_are_checked(tmp_path, wrong):
    with pytest.raises(ConfigurationError, match="per_class"):
        synthetic_images(tmp_path / "shapes", **wrong)
    assert list(tmp_path.iterdir()) == []
