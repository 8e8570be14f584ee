"""Tables that name images: where the files are, and what of such a table cannot be right."""

import numpy as np
import pytest
from PIL import Image

from fnet import data
from fnet.errors import DataError

COLOURS = {"cat": (250, 0, 0), "dog": (0, 250, 0)}
ROWS = [("a", "cat"), ("b", "dog"), ("c", "cat"), ("d", "dog")]


def draw(folder, suffix=".png", rows=ROWS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, label in rows:
        Image.new("RGB", (4, 4), COLOURS[label]).save(folder / f"{name}{suffix}")


@pytest.fixture
def write(tmp_path):
    def table(rows=ROWS, form="{}.png"):
        path = tmp_path / "labels.csv"
        path.write_text("file,kind\n" + "".join(f"{form.format(f)},{k}\n" for f, k in rows))
        return path

    return table


@pytest.mark.parametrize(
    ("folder", "form", "said"),
    [
        (".", "{}.png", ()),
        ("images", "images/{}.png", ()),
        ("images", "images\\{}.png", ()),
        ("images", "{}.png", ("images are in images/",)),
        ("set/train", "{}", ("images are in set/train/, their names without .png",)),
    ],
)
def test_files_are_found_and_it_is_said_where(write, tmp_path, folder, form, said):
    draw(tmp_path / folder)
    found = data.image_table(write(form=form), "file", "kind")
    assert found.decisions == said
    assert found.classes == ("cat", "dog")
    batch = found.gather(np.arange(4))
    assert [found.classes[label] for label in batch["label"]] == [kind for _, kind in ROWS]
    assert batch["image"][:, 0, 0].tolist() == [list(COLOURS[kind]) for _, kind in ROWS]


def test_a_frame_and_a_folder(tmp_path):
    class Frame(dict):
        columns, shape = ("file", "kind"), (4, 2)

    draw(tmp_path / "deep")
    names, kinds = (np.array(column, object) for column in zip(*ROWS, strict=True))
    found = data.image_table(Frame(file=names, kind=kinds), "file", "kind", folder=tmp_path)
    assert [path.name for path in found.paths] == ["a.png", "b.png", "c.png", "d.png"]


def test_an_image_of_two_rows_is_one_sample(write, tmp_path):
    draw(tmp_path)
    found = data.image_table(write([*ROWS, ROWS[0]]), "file", "kind")
    assert len(found) == 4
    assert found.decisions == ("1 row with an image of another row, once is enough",)
    with pytest.raises(DataError, match=r"line 6, column 'file'.*one class per image"):
        data.image_table(write([*ROWS, ("a", "dog")]), "file", "kind")


def test_what_is_not_there_is_named(write, tmp_path):
    path = write()
    with pytest.raises(
        DataError, match=r"line 2, column 'file'.*'a.png' is no file in .*a folder in"
    ):
        data.image_table(path, "file", "kind")
    draw(tmp_path / "one", rows=ROWS[:3])
    with pytest.raises(DataError, match=r"line 5, column 'file'.*'d.png' is no file in .*one"):
        data.image_table(path, "file", "kind")
    draw(tmp_path / "one")
    draw(tmp_path / "two")
    with pytest.raises(DataError, match=r"are in .*one and in .*two; put the folder before"):
        data.image_table(path, "file", "kind")
    with pytest.raises(DataError, match="'file' is the target"):
        data.image_table(path, "file", "file")
    path.write_text("file,kind\na.png,cat\n,dog\n")
    with pytest.raises(DataError, match=r"line 3.*every row needs an image"):
        data.image_table(path, "file", "kind")
