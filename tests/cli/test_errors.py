"""Wrong usage: one line that names the thing, exit status 2, and nothing written."""

import csv
import shutil
import zipfile

import jax
import numpy as np
import pytest
from PIL import Image

from fnet.checkpoint import load
from fnet.cli import train

CSV = "--data houses.csv --target Price"


@pytest.fixture(scope="module")
def shelf(shell, run, houses, images):
    """The shell, in a home full of broken things."""
    home = shell.home
    (home / "empty").mkdir()
    for name in ("notes.txt", "notes.pdf", "x.npy", "photos.zip"):
        (home / name).write_text("no data")
    with zipfile.ZipFile(home / "prices.xlsx", "w") as archive:
        for name in ("workbook.xml", "sheet.xml"):
            archive.writestr(name, "no data")
    images(home / "single", classes=["red"], each=2)
    images(home / "hollow", classes=["red", "blue"], each=2)
    shutil.rmtree(home / "hollow/blue")
    (home / "hollow/blue").mkdir()
    images(home / "heic", classes=["red"], each=2)
    (home / "heic/blue").mkdir()
    (home / "heic/blue/a.heic").touch()
    images(home / "few", classes=["red", "blue"], each=1)
    images(home / "mixed", classes=["red", "blue"], each=9)
    Image.new("RGB", (9, 9)).save(home / "mixed/red/00.png")
    images(home / "torn", each=9)
    torn = home / "torn/red/03.png"
    torn.write_bytes(torn.read_bytes()[:100])
    images(home / "parts/train", each=5)
    images(home / "parts/test", classes=["red", "purple"], each=5)
    images(home / "sizes/train", each=5)
    images(home / "sizes/test", each=5, size=(9, 9))
    images(home / "odd", classes=["red", "purple"], each=2)
    write_archives(home)
    write_tables(home)
    return shell


def write_archives(home):
    images, labels = np.zeros((30, 4, 4, 3), np.uint8), np.arange(30) % 3
    np.savez(home / "float.npz", images=images, labels=labels / 2)
    np.savez(home / "one.npz", images=images, labels=0 * labels)
    np.savez(home / "nan.npz", images=np.where(images == 0, np.nan, 1), labels=labels)
    np.savez(home / "bare.npz", labels=labels)
    np.savez(home / "small.npz", images=images, labels=labels, classes=["blue", "green", "red"])
    labels[4] = 7
    np.savez(home / "range.npz", images=images, labels=labels, classes=["a", "b", "c"])


def write_tables(home):
    with (home / "houses.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    rows[6][1] = "old"
    with (home / "typo.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (home / "head.csv").write_text("Area,Year,Price\n")


TRAIN = {
    "no such path": ("--data nowhere", ["nowhere", "no such file or folder"]),
    "an empty folder": ("--data empty", ["empty", "two classes or more"]),
    "one class folder": ("--data single", ["'red'", "two classes or more"]),
    "one class in an npz": ("--data one.npz", ["one.npz", "class '0'", "two classes or more"]),
    "a class without images": ("--data hollow", ["'red'", "two classes or more"]),
    "a class of other files": ("--data heic", ["heic/blue", "reads no image (1 .heic)"]),
    "images of no class": ("--data photos/red", ["30 images", "root/<class>/<image>"]),
    "too few for a split": ("--data few", ["2 samples are too few"]),
    "a broken image": ("--data torn", ["torn/red/03.png", "replace or remove it"]),
    "mixed sizes": (
        "--data mixed --size original",
        ["mixed/red/00.png", "9 × 9", "8 × 8", "--size H W"],
    ),
    "other classes to test": ("--data parts", ["parts/test/purple", "no class 'purple', only 'bl"]),
    "other sizes to test": (
        "--data sizes --size original",
        ["(8, 8, 3)", "(9, 9, 3)", "--size H W"],
    ),
    "neither folder nor table": (
        "--data notes.pdf",
        ["notes.pdf", "a folder, an .npz, a .csv or a .txt"],
    ),
    "a spreadsheet": ("--data prices.xlsx", ["prices.xlsx", "--target", "save it as .csv"]),
    "a spreadsheet with a target": ("--data prices.xlsx --target Price", ["zip", "CSV UTF-8"]),
    "one array": ("--data x.npy", ["x.npy", "np.savez('set.npz', images=x, labels=y)"]),
    "an archive of images": ("--data photos.zip", ["photos.zip", "unpack it first"]),
    "images of no table": ("--data photos --images file", ["--images", ".csv", "photos"]),
    "images without a target": ("--data houses.csv --images Kind", ["--target COLUMN"]),
    "images and numbers": (
        f"{CSV} --images Kind --features Area",
        ["--features does not apply to --images Kind"],
    ),
    "images of a number": (f"{CSV} --images Kind", ["a regression", "from images fnet learns"]),
    "three sides": ("--data photos --size 3 4 5", ["--size", "a height and a width"]),
    "a side that is none": ("--data photos --size big", ["--size", "'big'", "whole number"]),
    "labels of float": ("--data float.npz", ["float.npz", "float64", "integers"]),
    "a label out of range": ("--data range.npz", ["range.npz", "label[4] is 7", "0 to 2"]),
    "an archive without images": ("--data bare.npz", ["bare.npz", "no images"]),
    "a pixel that is NaN": ("--data nan.npz", ["nan.npz", "images[0]", "NaN"]),
    "--size of an npz": ("--data small.npz --size 8 8", ["--size", "small.npz"]),
    "no target": ("--data houses.csv", ["houses.csv", "--target COLUMN"]),
    "an unknown target": ("--data houses.csv --target Prize", ["'Prize'", "'Price'"]),
    "an unknown feature": (f"{CSV} --features Size", ["'Size'", "no column"]),
    "no rows": ("--data head.csv --target Price", ["head.csv", "only a header"]),
    "a cell that is not a number": (
        "--data typo.csv --target Price --features Area Year --binarize 30 70",
        ["typo.csv, line 7, column 'Year'", "'old' is not a number"],
    ),
    "percentiles in the wrong order": (
        f"{CSV} --features Area --binarize 70 30",
        ["70 and 30", "the low one must be below"],
    ),
    "a percentile above 100": (f"{CSV} --features Area --binarize 30 170", ["30 and 170", "100"]),
    "--target of images": ("--data photos --target Price", ["--target", ".csv", "photos"]),
    "--binarize without data": ("--binarize 30 70", ["--binarize", ".csv", "not given"]),
    "a split of less than all": ("--data photos --split 0.5 0.2 0.2", ["0.5 0.2 0.2", "must be 1"]),
    "a negative number": ("--data photos --epochs -1", ["--epochs", "'-1'", "0 or more"]),
    "a huge number": (f"--data photos --hidden {10**30}", ["--hidden", "below 2**32"]),
    "an unknown flag": ("--data photos --widht 3", ["fnet", "--widht"]),
    "parts of no devices": ("--data photos --tensor-parallel 2", ["of how many", "--devices 2"]),
    "logistic of three": (
        "--data photos --model logistic",
        ["two classes", "have 3", "--model linear"],
    ),
}


OTHERS = {
    "an unknown command": ("trian", ["'trian'", "train"]),
    "--out with a run in it": ("train --data photos --out run", ["--out run", "--resume"]),
    "--out with other things": ("train --data photos --out photos", ["photos", "other files"]),
    "--out that is a file": ("train --data photos --out notes.txt", ["notes.txt", "a file"]),
    "--out below a file": ("train --data photos --out notes.txt/run", ["notes.txt/run"]),
    "--resume of what": ("train --resume", ["--out"]),
    "--resume of no run": ("train --resume --out photos", ["photos", "no run here"]),
    "evaluate no run": ("evaluate nowhere", ["nowhere", "no run here"]),
    "evaluate an unknown class": ("evaluate run --data odd", ["odd", "'purple'", "'blue'"]),
    "evaluate another shape": ("evaluate run --data small.npz", ["(4, 4, 3)", "(8, 8, 3)"]),
    "evaluate images by a table": ("evaluate houses --data photos", ["photos", "a table"]),
    "evaluate a table by images": ("evaluate run --data houses.csv", ["houses.csv", "images"]),
    "predict no image": ("predict run photos/red/99.png", ["photos/red/99.png", "no such file"]),
    "predict a broken image": ("predict run torn/red/03.png", ["torn/red/03.png", "image"]),
    "predict a table's": ("predict houses photos/red/00.png", ["houses", "table"]),
    "check no layer": ("check relu rleu", ["rleu", "leaky_relu"]),
    "summary of two networks": ("summary run --hidden 3", ["--hidden", "RUN"]),
    "to overfit numbers": (
        "overfit --data houses.csv --target Price",
        ["Price is a number", "--binarize"],
    ),
    "a grid of a table": ("data grid --data houses.csv --target Kind --features Area", ["table"]),
    "a grid into no folder": (
        "data grid --data photos --out no/grid.png",
        ["no/grid.png: No such"],
    ),
    "shapes into a full folder": ("data make photos", ["photos", "another folder"]),
}


CASES = {case: (f"train --out unborn {words}", parts) for case, (words, parts) in TRAIN.items()}
CASES |= OTHERS

OF_EACH_KIND = [  # an error of fnet's, of argparse, of the system
    "a broken image",
    "an unknown flag",
    "--out below a file",
]


@pytest.mark.parametrize("case", CASES)
def test_it_refuses(shelf, inside, case):
    words, expected = CASES[case]
    line = shelf.refuses(*words.split(), call=inside)
    for part in expected:
        assert part in line


@pytest.mark.parametrize("case", OF_EACH_KIND)
def test_a_process_says_the_same(shelf, inside, case):
    words = CASES[case][0].split()
    assert shelf.refuses(*words, call=shelf.process) == inside(*words).err


def test_too_little_memory(shelf, inside, monkeypatch):
    def start(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")

    monkeypatch.setattr(train, "start", start)
    line = shelf.refuses("train", "--data", "photos", "--out", "unborn", call=inside)
    assert "out of memory" in line
    assert "--hidden" in line


def test_training_that_diverges(shell, photos):
    """It stops, and leaves a complete run, at its last epoch without a NaN."""
    words = "--optimizer sgd --learning-rate 1e30 --batch-size 64".split()
    result = shell("train", "--out", "diverged", *photos, *words)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1
    assert "--learning-rate" in result.err
    # The training loss was computed before the step.
    said = "after epoch 1 the validation loss is nan, though the weights are finite: they"
    assert said in result.err
    assert "take a smaller learning rate than 1e+30" in result.err
    with np.load(shell.home / "diverged/checkpoint.npz") as file:
        for name, array in file.items():
            assert name == "config.json" or np.isfinite(array).all()
    assert load(shell.home / "diverged/checkpoint.npz").record.epoch == 0


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_config(shell, inside, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    for words in (["evaluate", tmp_path], ["train", "--resume", "--out", tmp_path]):
        assert "config.json" in shell.refuses(*words, call=inside)
