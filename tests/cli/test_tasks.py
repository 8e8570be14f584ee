"""`fnet train` and `fnet evaluate` by the task: numbers in their units, classes in balance."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as theirs
from sklearn.linear_model import LinearRegression

from fnet.checkpoint import load
from fnet.cli.arguments import DATA
from fnet.cli.source import load_parts
from tests.cli.conftest import Run

PRICE = "--data houses.csv --target Price --features Area Year".split()


def column(text, name):
    """The first word after a name at the beginning of a line."""
    return next(line.split()[1] for line in text.splitlines() if line.split()[:1] == [name])


@pytest.fixture(scope="module")
def priced(shell):
    return shell.train("priced", *PRICE, "--model", "linear")


def test_a_numeric_target_is_a_regression_in_its_own_units(shell, priced):
    """As good as least squares on the same rows, and the same figures wherever they are told."""
    table = {"data": str(shell.home / "houses.csv"), "target": "Price"}
    parts = load_parts({**DATA, **table, "features": ["Area", "Year"]})
    x, t = (
        [part.arrays[name] for part in (parts.train, parts.test)] for name in ("features", "target")
    )
    exact = theirs.r2_score(t[1], LinearRegression().fit(x[0], t[0]).predict(x[1]))
    metrics = priced.metrics
    assert exact > 0.8
    assert metrics["test_r2"] == pytest.approx(exact, abs=0.03)
    assert metrics["test_r2"] == pytest.approx(1 - metrics["test_rmse"] ** 2 / t[1].var(), rel=1e-4)
    assert metrics["test_baseline_rmse"] == pytest.approx(t[1].std(), rel=1e-5)
    assert list(priced.history[0]) == ["epoch"] + [
        f"{part}_{name}" for part in ("train", "val") for name in ("loss", "r2", "mae", "rmse")
    ]
    assert f"R² {metrics['test_r2']:.3f}" in priced.out
    assert "Price is a number, from" in priced.out
    assert "standardized(mse(), " in priced.out
    for name in ("predicted.png", "residuals.png", "curves.png"):
        with Image.open(priced.folder / name) as picture:
            assert min(picture.size) > 200
    assert not (priced.folder / "calibration.png").exists()


def test_evaluate_tells_the_same_figures_of_a_regression(shell, priced):
    result = shell("evaluate", "priced")
    assert result.status == 0, result.err
    assert column(result.out, "R²") == f"{priced.metrics['test_r2']:.3f}"
    assert column(result.out, "RMSE") == f"{priced.metrics['test_rmse']:,.0f}"
    told = json.loads(shell("evaluate", "priced", "--json").out)
    written = json.loads((priced.folder / "evaluation.json").read_text("utf-8"))
    assert told["r2"] == written["r2"] == priced.metrics["test_r2"]
    assert {"mae", "rmse", "loss", "baseline_mae", "baseline_rmse"} <= told.keys()


def test_evaluate_on_other_data_needs_the_units_of_training(shell, priced, tmp_path):
    """Ten times the price: R² is far below 0, since predictions stay in the old currency."""
    lines = (shell.home / "houses.csv").read_text().splitlines()
    rows = [line.rsplit(",", 1) for line in lines[1:]]
    other = tmp_path / "other.csv"
    other.write_text("\n".join([lines[0], *(f"{a},{10 * float(p):.0f}" for a, p in rows)]))
    told = json.loads(shell("evaluate", "priced", "--data", other, "--json").out)
    assert told["r2"] < 0
    assert told["mae"] > 100_000


@pytest.mark.parametrize(("name", "inner"), [("mae", "l1()"), ("huber", "huber()")])
def test_other_losses_of_a_number(shell, name, inner):
    run = shell.train(f"by-{name}", *PRICE, *"--model linear --epochs 2 --loss".split(), name)
    assert repr(load(run.folder / "checkpoint.npz").loss).startswith(f"standardized({inner}, ")


def test_resuming_a_regression_gives_the_bits_of_one_run(shell):
    whole = shell.train("whole-price", *PRICE, "--hidden", 4, "--epochs", 4)
    shell.train("half-price", *PRICE, "--hidden", 4, "--epochs", 2)
    result = shell("train", "--out", "half-price", "--resume", "--epochs", 4)
    assert result.status == 0, result.err
    assert Run(shell.home / "half-price", "").checkpoint == whole.checkpoint
    assert Run(shell.home / "half-price", "").history == whole.history


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*PRICE, "--model", "logistic"], "--model logistic is for two classes, and the target is"),
        ([*PRICE, "--model", "cnn"], "--model cnn is for classes"),
        ([*PRICE, "--class-weight", "balanced"], "--class-weight is for classes"),
        (
            ["--data", "houses.csv", "--target", "Kind", "--loss", "mae"],
            "--loss mae is for a numeric",
        ),
    ],
)
def test_what_does_not_fit_the_task_is_refused(shell, inside, words, message):
    assert message in shell.refuses("train", *words, call=inside)


def test_a_target_too_far_from_zero_is_refused(shell, inside):
    path = shell.home / "far.csv"
    rows = (f"{x},{17_000_000 + x % 7 / 4}" for x in range(60))
    path.write_text("\n".join(["x,t", *rows]))
    line = shell.refuses("train", "--data", path, "--target", "t", call=inside)
    assert "too close together for float32" in line


def write_rare(path, counts, seed=0):
    """A table whose classes have so many rows, each around a place of its own."""
    rng = np.random.default_rng(seed)
    lines = ["a,b,y"]
    for place, (name, count) in enumerate(counts.items()):
        for a, b in rng.normal([place, -place], 0.4, (count, 2)):
            lines.append(f"{a:.3f},{b:.3f},{name}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_classes_are_reported_beside_the_most_frequent_one(shell):
    path = write_rare(shell.home / "two.csv", {"no": 80, "yes": 20})
    run = shell.train("two", "--data", path, "--target", "y", "--model", "linear")
    assert "squeeze(), sigmoid()), 3 parameters" in run.out
    assert "always saying 'no' gives 80.0%" in run.out
    assert run.metrics["test_baseline_accuracy"] == 0.8
    assert {"calibration.png", "roc.png"} <= {path.name for path in run.folder.iterdir()}
    result = shell("evaluate", "two")
    told = json.loads(shell("evaluate", "two", "--json").out)
    assert told["accuracy"] >= 0.9
    assert told["auc"] > 0.9
    assert {"f1", "log_loss", "calibration_error", "by_class", "confusion"} <= told.keys()
    assert column(result.out, "AUC").rstrip(",") == f"{told['auc']:.3f}"
    table = result.out.split("\n\n")[2].splitlines()
    assert table[0].split() == ["class", "precision", "recall", "F1", "samples"]
    assert [row.split()[-1] for row in table[1:]] == ["16", "4"]
    assert told["by_class"]["support"] == [16, 4]


def test_splits_are_stratified_and_older_runs_keep_theirs(shell, tmp_path, inside):
    path = write_rare(tmp_path / "three.csv", {"a": 50, "b": 10, "rare": 5})
    settings = {**DATA, "data": str(path), "target": "y"}
    for seed in range(3):
        parts = load_parts({**settings, "seed": seed})
        found = [
            np.bincount(part.arrays["label"], minlength=3).tolist()
            for part in (parts.train, parts.val, parts.test)
        ]
        assert found == [[30, 6, 3], [10, 2, 1], [10, 2, 1]]
    words = ["--data", path, "--target", "y", "--hidden", 4, "--epochs", 1]
    run = shell.train("not-stratified", *words, "--no-stratified")
    config = run.config
    assert config["stratified"] is False
    for name in ("stratified", "loss", "class_weight"):
        del config[name]
    (run.folder / "config.json").write_text(json.dumps(config))
    result = inside("train", "--out", run.folder, "--resume", "--epochs", 2)
    assert result.status == 0, result.err


def test_a_class_that_a_part_lacks_is_warned_of(shell):
    path = write_rare(shell.home / "once.csv", {"no": 40, "yes": 20, "rare": 1})
    run = shell.train("once", "--data", path, "--target", "y", "--hidden", 4, "--epochs", 1)
    wanted = "warning: class 'rare', of 1 sample, has none in val and test: how well it is learned"
    assert wanted in run.out
    words = ["--data", path, "--target", "y", "--no-stratified", "--hidden", 4, "--epochs", 1]
    for seed in range(9):
        run = shell.train(f"once-{seed}", *words, "--seed", seed)
        if "has none in train" in run.out:
            break
    assert "it cannot be learned" in run.out


def test_balanced_weights_are_those_of_the_training_part(shell):
    path = write_rare(shell.home / "unequal.csv", {"a": 50, "b": 10, "c": 5})
    words = ["--data", path, "--target", "y", "--class-weight", "balanced", "--epochs", 2]
    run = shell.train("weighted", *words, "--hidden", 4)
    loss = load(run.folder / "checkpoint.npz").loss
    weights = ", ".join(repr(39 / (3 * count)) for count in (30, 6, 3))
    assert repr(loss) == f"cross_entropy(weights=({weights}))"
    assert "samples count the more, the rarer their class is" in run.out
    assert run.config["class_weight"] == "balanced"
    path = write_rare(shell.home / "unequal2.csv", {"a": 50, "b": 10})
    words = ["--data", path, "--target", "y", "--class-weight", "balanced", "--epochs", 2]
    run = shell.train("weighted2", *words, "--model", "linear")
    assert repr(load(run.folder / "checkpoint.npz").loss) == "bce(pos_weight=5.0)"


def test_stats_of_a_table_tell_kinds_and_the_target(shell, inside):
    result = inside("data", "stats", "--data", "houses.csv", "--target", "Price")
    assert result.status == 0, result.err
    rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines() if line.split()}
    assert rows["Area"][0] == "number"
    assert rows["Kind"] == ["yes/no", "large,", "small"]
    assert rows["samples"] == ["72", "24", "24"]
    prices = np.loadtxt(shell.home / "houses.csv", delimiter=",", skiprows=1, usecols=4)
    least = min(float(word.replace(",", "")) for word in rows["least"])
    assert least == pytest.approx(prices.min(), rel=1e-3)


def test_runs_and_sweeps_of_regressions_are_by_r2(shell, priced):
    result = shell("runs", ".", "--json")
    listed = [json.loads(line) for line in result.out.splitlines()]
    assert any(run.get("val_r2") == priced.metrics["val_r2"] for run in listed)
    words = [*PRICE, *"--model linear --epochs 3 --learning-rate 0.01 0.1".split()]
    result = shell("sweep", *words, "--out", "swept-prices")
    assert result.status == 0, result.err
    assert "R²" in result.out
