"""`fnet train`: its output, from every kind of data."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from fnet.checkpoint import load
from fnet.cli import main
from tests.cli.conftest import Run

COLUMNS = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def check_picture(path):
    with Image.open(path) as picture:
        picture.load()
    assert picture.format == "PNG"
    assert min(picture.size) > 200
    assert len(np.unique(np.asarray(picture))) > 10  # not blank


def test_a_folder_of_images(run):
    names = {path.name for path in run.folder.glob("[!.]*")} - {"confusion.png", "evaluation.json"}
    written = ["checkpoint.previous.npz"]
    written += ["checkpoint.npz", "config.json", "curves.png", "history.csv", "metrics.json"]
    assert names == {*written, "attention.png", "calibration.png", "predictions.png"}
    check_picture(run.folder / "curves.png")
    check_picture(run.folder / "predictions.png")
    assert list(run.history[0]) == COLUMNS
    assert [int(row["epoch"]) for row in run.history] == [1, 2, 3, 4]
    assert float(run.history[-1]["train_loss"]) < float(run.history[0]["train_loss"])
    assert run.config["hidden"] == 8
    assert run.config["seed"] == 0
    assert "54 train, 18 val, 18 test; 3 classes: blue, green, red" in run.out
    assert "epoch 4/4" in run.out
    assert f"reached    {run.metrics['test_accuracy']:.1%} test accuracy" in run.out
    assert "synthetic" not in run.out


def test_the_metrics_are_those_of_the_best_epoch(run):
    best = min(run.history, key=lambda row: float(row["val_loss"]))
    assert run.metrics["best_epoch"] == int(best["epoch"])
    assert run.metrics["val_loss"] == pytest.approx(float(best["val_loss"]), rel=1e-6)
    assert run.metrics["val_accuracy"] == float(best["val_accuracy"])
    assert run.metrics["test_samples"] == 18
    assert run.metrics["test_accuracy"] > 0.8
    assert {"train_loss", "train_accuracy", "test_loss", "epochs"} <= set(run.metrics)


def test_house_prices(houses):
    check_picture(houses.folder / "sigmoid.png")
    check_picture(houses.folder / "curves.png")
    assert not (houses.folder / "predictions.png").exists()
    low, high = houses.config["thresholds"]
    assert low < high
    prices = np.loadtxt(houses.folder.parent / "houses.csv", delimiter=",", skiprows=1, usecols=4)
    assert sum(houses.config["samples"]) == np.sum((prices <= low) | (prices >= high))
    assert "2 classes: low, high" in houses.out
    between = f"{np.sum((prices > low) & (prices < high))} rows between are left out"
    assert f"`Price` is low up to {low:,.0f} and high from {high:,.0f} on; {between}" in houses.out
    assert "bce" in houses.out


def test_equal_data_and_equal_seed_give_the_same_bits(shell, run, photos):
    again = shell.train("again", *photos, "--epochs", 4, call=shell.process)
    assert again.checkpoint == run.checkpoint
    for name in ("history.csv", "metrics.json", "config.json"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_another_seed_gives_another_run(tmp_path, run, photos, monkeypatch):
    monkeypatch.chdir(run.folder.parent)
    other = tmp_path / "other"
    assert main(["train", "--out", str(other), *photos, "--epochs", "4", "--seed", "1"]) == 0
    before, after = load(run.folder / "checkpoint.npz"), load(other / "checkpoint.npz")
    w, w1 = (np.asarray(c.record.best.params[0].w) for c in (before, after))
    assert np.abs(w - w1).max() > 0.1  # different weights, not different rounding
    assert before.transform != after.transform  # a different split, with a different mean


def trained(tmp_path, *words):
    """Metrics and config of two epochs in this process, where promotion and warnings fail."""
    out = tmp_path / "out"
    assert main(["train", "--epochs", "2", "--out", str(out), *map(str, words)]) == 0
    names = ("metrics.json", "config.json")
    return [json.loads((out / name).read_text("utf-8")) for name in names]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_npz(tmp_path, dtype):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 6, 7), np.uint8), np.arange(40) % 2
    if dtype == np.float32:
        images = images.astype(dtype) / 255
    np.savez(tmp_path / "a.npz", images=images, labels=labels, classes=["no", "yes"])
    metrics, config = trained(tmp_path, "--data", tmp_path / "a.npz", "--layers", 1)
    assert config["classes"] == ["no", "yes"]
    assert metrics["train_samples"] == 24
    check_picture(tmp_path / "out/predictions.png")


@pytest.mark.parametrize("form", ["binary", "pickles"])
def test_cifar10(tmp_path, form):
    rng = np.random.default_rng(0)
    root = tmp_path / f"cifar-10-batches-{'bin' if form == 'binary' else 'py'}"
    root.mkdir()
    for name in (
        "data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch"
    ).split():
        rows, labels = rng.integers(0, 256, (6, 3072), np.uint8), np.arange(6, dtype=np.uint8) % 3
        if form == "binary":
            (root / f"{name}.bin").write_bytes(np.column_stack([labels, rows]).tobytes())
        else:
            content = {b"data": rows, b"labels": labels.tolist()}
            (root / name).write_bytes(pickle.dumps(content, protocol=2))
    if form == "binary":
        (root / "batches.meta.txt").write_text("truck\nairplane\ncat\n")
    else:
        names = {b"label_names": [b"truck", b"airplane", b"cat"]}
        (root / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    metrics, config = trained(tmp_path, "--data", tmp_path, "--hidden", 4)
    assert config["classes"] == ["truck", "airplane", "cat"]
    assert config["samples"] == [22, 8, 6]  # the test batch as the test part
    assert metrics["test_samples"] == 6


def test_folders_of_train_and_test(tmp_path, images):
    images(tmp_path / "set/train", each=8)
    images(tmp_path / "set/test", each=3)
    metrics, _ = trained(tmp_path, "--data", tmp_path / "set", "--hidden", 4)
    assert [metrics[f"{part}_samples"] for part in ("train", "val", "test")] == [18, 6, 9]


def test_mixed_sizes_with_size(tmp_path, images):
    images(tmp_path / "set/large", classes=["red", "blue"], size=(9, 5))
    images(tmp_path / "set/small", classes=["red", "blue"], size=(4, 4))
    given = ["--size", 6, 5, "--hidden", 4, "--class-folders", "large", "small"]
    trained(tmp_path, "--data", tmp_path / "set", *given)
    assert load(tmp_path / "out/checkpoint.npz").shape == (6, 5, 3)


def test_photographs_are_made_small_and_it_is_said(tmp_path, images, shell):
    """The size is kept: whatever the run sees later has it."""
    images(tmp_path / "set/Training", classes=["red", "blue"], each=6, size=(90, 120))
    images(tmp_path / "set/Testing", classes=["red", "blue"], each=2, size=(120, 160))
    (tmp_path / "set/Training/red/a.heic").touch()
    out = tmp_path / "out"
    run = shell.train(out, "--data", tmp_path / "set", "--hidden", 4, "--epochs", 1)
    config = run.config
    assert run.metrics["test_samples"] == 4
    assert config["classes"] == ["blue", "red"]
    assert config["size"] == [48, 64]
    assert config["decisions"] == [
        "taken as parts: Training as train, Testing as test",
        "Training: skipped 1 file: 1 .heic",
        "images of 2 sizes, 90 × 120 to 120 × 160, pixels (height × width) are resized to 48 × 64: "
        "--size H W takes another size, --size original keeps theirs",
    ]
    resumed = shell("train", "--out", out, "--resume", "--epochs", 3)
    assert resumed.status == 0, resumed.err
    assert all(f"           {decision}\n" in resumed.out for decision in config["decisions"])
    images(tmp_path / "red", classes=["red"], each=1, size=(30, 30))
    for words in (
        ["predict", out, tmp_path / "set/Testing/red/00.png"],
        ["evaluate", out, "--data", tmp_path / "red"],
    ):
        result = shell(*words)
        assert result.status == 0, result.err


def test_an_archive_in_its_parts(tmp_path, shell):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("test", 6)):
        labels = np.arange(count) % 2
        pixels = rng.integers(0, 20_000, (count, 6, 7)) + 30_000 * labels[:, None, None]
        arrays |= {f"x_{part}": pixels.astype(np.uint16), f"y_{part}": labels[:, None] + 3}
    np.savez(tmp_path / "a.npz", **arrays)
    run = shell.train(tmp_path / "out", "--data", tmp_path / "a.npz", "--layers", 1)
    metrics, config = run.metrics, run.config
    assert [metrics[f"{part}_samples"] for part in ("train", "val", "test")] == [15, 5, 6]
    assert config["classes"] == ["3", "4"]
    assert config["pixels"] == "0 to 65535"
    assert "pixels are uint16, in the range 0 to 65535" in config["decisions"]
    # A photograph has the range of the archive.
    for name, grey in (("dark", 40), ("light", 155)):
        Image.new("RGB", (50, 60), (grey, grey, grey)).save(tmp_path / f"{name}.png")
    said = shell("predict", tmp_path / "out", tmp_path / "dark.png", tmp_path / "light.png")
    assert [line.split("\t")[1] for line in said.out.splitlines()] == ["3", "4"], said
    np.savez(tmp_path / "unit.npz", images=arrays["x_test"] / 65535, labels=arrays["y_test"])
    other = shell("evaluate", tmp_path / "out", "--data", tmp_path / "unit.npz")
    assert "in the range 0 to 1, and the others 0 to 65535" in other.err
    np.savez(tmp_path / "dark.npz", x_test=arrays["x_test"] // 256, y_test=arrays["y_test"])
    assert shell("evaluate", tmp_path / "out", "--data", tmp_path / "dark.npz").status == 0


def test_what_does_not_fit_is_refused_before_it_is_read(tmp_path, images, shell, monkeypatch):
    images(tmp_path / "set", classes=["red", "blue"], each=3, size=(60, 80))
    monkeypatch.setattr("fnet.cli.fitting.available_memory", lambda: 3e6)
    words = ["--data", tmp_path / "set", "--size", "original", "--out", tmp_path / "out"]
    line = shell.refuses("train", *words, call=shell.plainly)
    step = "6 images of 60 × 80 pixels take 86.4 kB and a step of training on 4 of them "
    assert step in line, line
    assert "and 3.0 MB are available; take --size " in line
    assert "or a smaller --batch-size" in line


def test_a_table_with_labels(tmp_path, shell):
    words = "--target Kind --features Year Area --hidden 4".split()
    metrics, config = trained(tmp_path, "--data", shell.home / "houses.csv", *words)
    assert config["classes"] == ["large", "small"]
    assert config["features"] == ["Year", "Area"]
    assert metrics["train_samples"] == 72
    assert not (tmp_path / "out/sigmoid.png").exists()


def test_an_empty_cell_of_the_test_part_has_the_mean_of_training(tmp_path):
    empty = np.random.default_rng(0).permutation(40)[-1]  # in the test part of the split of seed 0
    lines = [f"{'' if row == empty else row},{row % 2}" for row in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *lines]))
    words = "--target y --missing mean --scale minmax --no-stratified --hidden 4".split()
    metrics, config = trained(tmp_path, "--data", tmp_path / "a.csv", *words)
    assert np.isfinite(metrics["test_loss"])
    training = np.random.default_rng(0).permutation(40)[:24]
    (column,) = config["schema"]["columns"]
    low, high = training.min(), training.max()
    assert column["scale"] == [low, high - low, pytest.approx(training.mean())]


def test_no_epochs_at_all(tmp_path, run, photos, monkeypatch):
    monkeypatch.chdir(run.folder.parent)
    out = tmp_path / "out"
    assert main(["train", "--out", str(out), *photos, "--epochs", "0"]) == 0
    assert json.loads((out / "metrics.json").read_text("utf-8"))["best_epoch"] == 0


HOUSES = "--data houses.csv --target Price --features Area Year --binarize 30 70".split()


def test_all_samples_at_each_step(shell, inside):
    """Thousands of epochs, each with one line of history, also after resuming."""
    words = [*HOUSES, "--model", "logistic", "--optimizer", "sgd", "--batch-size", "all"]
    whole, half = shell.home / "all-at-once", shell.home / "all-in-two"
    assert inside("train", "--out", whole, *words, "--epochs", 3000).status == 0
    assert inside("train", "--out", half, *words, "--epochs", 1700).status == 0
    result = inside("train", "--out", half, "--resume", "--epochs", 3000)
    assert result.status == 0, result.err
    assert "epoch 3000/3000" in result.out
    histories = [Run(folder, "").history for folder in (whole, half)]
    for history in histories:
        assert [int(row["epoch"]) for row in history] == list(range(1, 3001))
    losses = [[float(row["val_loss"]) for row in history] for history in histories]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert Run(whole, "").metrics["best_epoch"] == 1 + int(np.argmin(losses[0]))


def test_a_run_of_all_samples_that_diverges_says_when(shell):
    words = "--data houses.csv --target Kind --features Year Area --batch-size all --optimizer sgd"
    rate = "--learning-rate 1e38 --epochs 50"
    result = shell("train", "--out", "all-diverged", *f"{words} {rate}".split())
    assert result.status == 2
    assert "at step 2 the output of layer" in result.err
    assert "all-diverged holds the last finite weights, after epoch 0" in result.err
    assert "take a smaller learning rate than 1e+38" in result.err


def test_precision_is_kept_with_the_run(shell, inside):
    words = "--data photos --hidden 8 --epochs 3 --precision bfloat16".split()
    result = inside("train", "--out", "narrow", *words)
    assert result.status == 0, result.err
    assert "mixed_precision(serial(affine(8)" in result.out
    kept = Run(shell.home / "narrow", "")
    assert kept.config["precision"] == "bfloat16"
    assert {dtype for dtype, _, _ in kept.checkpoint.values()} <= {
        "float32",
        "float64",
        "int32",
        "uint8",
    }
    assert inside("evaluate", "narrow").status == 0


@pytest.mark.turns(4)
@pytest.mark.parametrize(
    ("words", "model", "why"),
    [
        ([], "serial(conv(32), relu(), max_pool()", "chosen for images"),
        (["--depth", "8"], "serial(conv(16, bias=False), residual(", "chosen for --depth"),
        (["--model", "mobile"], "serial(conv(32, bias=False), batch_norm(), relu(), depth", ""),
        (["--hidden", "5"], "serial(affine(5), relu(), affine(3))", "chosen for --hidden"),
    ],
)
def test_the_model_that_nobody_chose_is_said_with_the_reason(shell, photos, words, model, why):
    result = shell.plainly(
        "train", "--data", "photos", *words, "--epochs", 1, "--out", f"m{len(model)}"
    )
    assert result.status == 0, result.err
    assert f"model      {model}" in result.out
    said = result.out.replace("chosen for 54 images: --batch-size 32", "")
    assert (why in said) if why else "chosen for" not in said


def test_an_option_of_another_model_is_refused(shell, photos):
    result = shell.plainly("train", "--data", "photos", "--model", "cnn", "--hidden", 9)
    assert result.status == 2
    assert "--hidden is for --model mlp, and the model is cnn" in result.err
