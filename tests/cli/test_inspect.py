"""`fnet evaluate` and `fnet predict`: a run on its own data and on other data."""

import itertools
import json
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from fnet.checkpoint import load, save
from fnet.cli import main
from fnet.cli.arguments import DATA
from fnet.cli.source import load_parts
from fnet.errors import ConfigurationError, DataError


def matrix(out):
    """The printed confusion matrix: class names, and {true class: counts}."""
    header, *rows = out.split("\n\n")[1].splitlines()
    names = header.removeprefix("true  predicted").removesuffix("recall").split()
    return names, {row.split()[0]: [int(word) for word in row.split()[1:-1]] for row in rows}


def number(out, name):
    return re.search(rf"^{name} +([\d.]+)", out, re.MULTILINE)[1]


def test_evaluate_agrees_with_the_metrics(shell, run):
    result = shell("evaluate", "run")
    assert result.status == 0, result.err
    assert result.err == ""
    assert "data       the test part of images in" in result.out
    assert number(result.out, "accuracy") == f"{100 * run.metrics['test_accuracy']:.1f}"
    assert number(result.out, "loss") == f"{run.metrics['test_loss']:.4f}"
    names, counts = matrix(result.out)
    assert names == list(counts) == ["blue", "green", "red"]
    right = sum(row[place] for place, row in enumerate(counts.values()))
    assert right == round(run.metrics["test_accuracy"] * 18)
    assert sum(map(sum, counts.values())) == 18
    with Image.open(run.folder / "confusion.png") as picture:
        assert min(picture.size) > 200


def test_of_images_that_come_divided_the_test_part_is_measured(inside, run, images, tmp_path):
    images(tmp_path / "train", each=3)
    images(tmp_path / "test", each=2)
    result = inside("evaluate", run.folder, "--data", tmp_path)
    assert "its test part alone; taken as parts: train as train, test as test, 6 samples" in (
        result.out
    )


def test_classes_are_matched_by_name(shell, run, images, tmp_path, capsys):
    """Green and red are 0 and 1 here, 1 and 2 in the run; the images are larger, too."""
    images(tmp_path / "two", classes=["green", "red"], each=20, size=(16, 16))
    assert main(["evaluate", str(run.folder), "--data", str(tmp_path / "two")]) == 0
    out = capsys.readouterr().out
    assert float(number(out, "accuracy")) > 90
    counts = matrix(out)[1]
    assert [sum(row) for row in counts.values()] == [0, 20, 20]
    assert counts["blue"] == [0, 0, 0]


def test_rows_are_true_classes(run, images, tmp_path, capsys):
    images(tmp_path / "two", classes=["red", "blue"], each=20)
    (tmp_path / "two/blue").rename(tmp_path / "two/green")  # the run predicts blue for these
    assert main(["evaluate", str(run.folder), "--data", str(tmp_path / "two")]) == 0
    counts = matrix(capsys.readouterr().out)[1]
    assert counts["blue"] == [0, 0, 0]
    assert counts["green"][0] > 15


def test_the_best_weights_are_those_that_answer(run, inside, tmp_path):
    """Set to zero here, they give all classes one probability, and the first is predicted."""
    checkpoint = load(run.folder / "checkpoint.npz")
    best = checkpoint.record.best
    zero = best._replace(params=jax.tree.map(np.zeros_like, best.params))
    shutil.copytree(run.folder, tmp_path / "copy")
    record = checkpoint.record._replace(best=zero)
    save(tmp_path / "copy/checkpoint.npz", checkpoint._replace(record=record))
    counts = matrix(inside("evaluate", tmp_path / "copy").out)[1]
    assert all(row[0] == sum(row) for row in counts.values())
    result = inside("predict", tmp_path / "copy", "photos/red/00.png")
    assert result.out == "photos/red/00.png\tblue\t0.333\n"


@pytest.mark.parametrize("order", ["Area,Year", "Year,Area"])
def test_columns_are_matched_by_name(tmp_path, shell, houses, capsys, order):
    """Without --features, too: the columns trained on are looked up in the other file."""
    run = tmp_path / "run"
    numeric = np.loadtxt(
        shell.home / "houses.csv", delimiter=",", skiprows=1, usecols=(0, 1, 4), dtype=int
    )
    places = [["Area", "Year"].index(name) for name in order.split(",")]
    for name, head, columns in (
        ("learned", "Area,Year", [0, 1]),
        ("other", f"More,{order}", [0, *places]),
    ):
        rows = np.column_stack([numeric[:, columns], numeric[:, 2]])
        lines = [",".join(map(str, row)) for row in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"{head},Price", *lines]))
    words = "--target Price --binarize 30 70 --model logistic --epochs 2".split()
    assert main(["train", "--data", f"{tmp_path}/learned.csv", "--out", str(run), *words]) == 0
    capsys.readouterr()
    outs = []
    for name in ("learned", "other"):
        assert main(["evaluate", str(run), "--data", str(tmp_path / f"{name}.csv")]) == 0
        outs.append(capsys.readouterr().out.split("\n", 1)[1])
    assert outs[0] == outs[1]


def test_house_prices_of_another_file(shell, houses, capsys):
    """The thresholds are those of training: other files are split at the same prices."""
    low, high = houses.config["thresholds"]
    other = shell.home.parent / "other.csv"
    other.write_text(
        f"Area,Year,Price\n50,1950,{low - 1}\n280,2000,{high + 1}\n100,1980,{low + 1}\n"
    )
    assert main(["evaluate", str(houses.folder), "--data", str(other)]) == 0
    out = capsys.readouterr().out
    assert matrix(out)[1] == {"low": [1, 0], "high": [0, 1]}
    assert f"high from {high:,.0f} on; 1 row between is left out" in out


def test_predict(shell, run):
    paths = ["photos/red/00.png", "photos/green/01.png", "photos/blue/02.png"]
    result = shell("predict", "run", *paths)
    assert result.status == 0, result.err
    rows = [line.split("\t") for line in result.out.splitlines()]
    assert [row[:2] for row in rows] == [[path, path.split("/")[1]] for path in paths]
    assert all(0.34 < float(row[2]) <= 1 for row in rows)


def test_predict_the_images_of_a_folder(shell, run, tmp_path):
    """Hidden ones are no images, and what is passed over is said."""
    nested = tmp_path / "new" / "more"
    nested.mkdir(parents=True)
    for place in (nested / "b.png", nested.parent / "a.png", nested / ".c.png"):
        Image.new("RGB", (8, 8), (170, 70, 70)).save(place)
    result = shell("predict", run.folder, nested.parent)
    assert [line.split("\t")[0] for line in result.out.splitlines()] == [
        str(nested.parent / "a.png"),
        str(nested / "b.png"),
    ]
    assert "skipped 1 file: 1 hidden" in result.err
    (nested.parent / "empty").mkdir()
    refused = shell("predict", run.folder, nested.parent / "empty")
    assert refused.status == 2
    assert "there is no image in it" in refused.err


def test_class_folders_that_hold_the_same_folders_are_named(tmp_path):
    for name, inner in itertools.product(("a", "b"), ("day", "night")):
        (tmp_path / name / inner).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (4, 4)).save(tmp_path / name / inner / f"{number}.png")
    settings = {**DATA, "data": str(tmp_path)}
    with pytest.raises(DataError, match="name them: --class-folders a b"):
        load_parts(settings)
    assert load_parts({**settings, "class_folders": ["a", "b"]}).train.classes == ("a", "b")
    with pytest.raises(ConfigurationError, match="--class-folders names folders"):
        load_parts({**DATA, "class_folders": ["a", "b"]})


def test_predict_json(run, tmp_path, capsys):
    path = tmp_path / "large.png"
    Image.new("L", (50, 30), 128).save(path)  # of another size, and grey
    red = run.folder.parent / "photos/red/00.png"
    assert main(["predict", str(run.folder), str(path), str(red), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["image"] for line in lines] == [str(path), str(red)]
    assert lines[1]["class"] == "red"
    for line in lines:
        assert list(line["classes"]) == ["blue", "green", "red"]
        assert sum(line["classes"].values()) == pytest.approx(1, abs=1e-6)
        assert line["probability"] == max(line["classes"].values())
        assert line["classes"][line["class"]] == line["probability"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not end with a digest"),
        (b"junk", "does not end with a digest"),
        (slice(None, 9000), "does not end with a digest"),
        ("flipped", "the array"),
        (None, "the run has no checkpoint.npz"),
    ],
)
def test_a_damaged_checkpoint(shell, run, inside, tmp_path, content, message):
    damaged = tmp_path / "damaged"
    shutil.copytree(run.folder, damaged)
    path = damaged / "checkpoint.npz"
    whole = path.read_bytes()
    if content is None:
        path.unlink()
    elif content == "flipped":
        path.write_bytes(whole[:3000] + bytes([whole[3000] ^ 255]) + whole[3001:])
    else:
        path.write_bytes(whole[content] if isinstance(content, slice) else content)
    words = [["evaluate", damaged], ["predict", damaged, "photos/red/00.png"]]
    if content is not None:  # without a checkpoint, a run can resume before its first epoch
        words.append(["train", "--resume", "--out", damaged])
    for command in words:
        line = shell.refuses(*command, call=inside)
        assert message in line
        assert "damaged" in line
        assert "unsafe" not in line
