"""`fnet sweep` and `fnet runs`: many trainings side by side."""

import csv
import json
import shutil

import jax
import numpy as np
import pytest

from fnet.cli import sweep
from tests.cli.test_train import check_picture

PHOTOS = "--data photos --hidden 8 --batch-size 16".split()
RATES = "--learning-rate 0.001 0.01 --seed 0 3 --epochs 3".split()


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def objects(result):
    return [json.loads(line, parse_constant=pytest.fail) for line in result.out.splitlines()]


def test_a_sweep_is_the_trainings_one_by_one(shell, inside):
    result = inside("sweep", *PHOTOS, *RATES, "--out", "swept")
    assert result.status == 0, result.err
    outcomes = rows(shell.home / "swept/sweep.csv")
    assert [(row["learning_rate"], row["seed"]) for row in outcomes] == [
        ("0.001", "0"), ("0.001", "3"), ("0.01", "0"), ("0.01", "3"),
    ]  # fmt: skip
    for place, rate in ((0, "0.001"), (2, "0.01")):
        words = ["--learning-rate", rate, "--epochs", 3, "--out", f"alone-{rate}"]
        assert inside("train", *PHOTOS, *words).status == 0
        metrics = json.loads((shell.home / f"alone-{rate}/metrics.json").read_text("utf-8"))
        assert float(outcomes[place]["val_loss"]) == pytest.approx(metrics["val_loss"], rel=1e-4)
        assert int(outcomes[place]["best_epoch"]) == metrics["best_epoch"]
    check_picture(shell.home / "swept/sweep.png")
    means = {
        rate: np.mean(
            [float(row["val_accuracy"]) for row in outcomes if row["learning_rate"] == rate]
        )
        for rate in ("0.001", "0.01")
    }
    best = max(means, key=means.get)
    assert f"reached    {means[best]:.1%} validation accuracy" in result.out
    line = f"next       fnet train --data {shell.home}/photos --model mlp --hidden 8 "
    assert line + f"--learning-rate {best} --batch-size 16 --epochs 3\n" in result.out


def test_the_next_command_trains(shell, inside):
    result = inside(
        *"sweep --quiet --data houses.csv --target Price --features Area Year".split(),
        *"--binarize 30 70 --model logistic --optimizer sgd --epochs 3 --seed 1".split(),
        *"--learning-rate 0.1 1 --batch-size all --split 0.5 0.25 0.25 --out by-price".split(),
    )
    reached, written, follow_up = result.out.splitlines()
    assert reached.startswith("reached ")
    assert written == "written    by-price/: sweep.csv, sweep.png"
    words = follow_up.removeprefix("next       fnet ").split()
    again = inside(*words, "--out", "by-price-best")
    assert again.status == 0, again.err
    config = json.loads((shell.home / "by-price-best/config.json").read_text("utf-8"))
    assert (config["seed"], config["batch_size"], config["split"]) == (1, "all", [0.5, 0.25, 0.25])
    (best,) = [
        row
        for row in rows(shell.home / "by-price/sweep.csv")
        if float(row["learning_rate"]) == config["learning_rate"]
    ]
    metrics = json.loads((shell.home / "by-price-best/metrics.json").read_text("utf-8"))
    assert metrics["val_accuracy"] == float(best["val_accuracy"])


def test_a_rate_that_explodes_is_not_chosen(inside):
    words = "--optimizer sgd --learning-rate 0.01 1e30 --epochs 2 --json --out exploded".split()
    with jax.enable_x64(False):  # as users train: in float64 it would stay finite for long
        start, *epochs, end = objects(inside("sweep", *PHOTOS, *words))
    assert start["learning_rates"] == [0.01, 1e30]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert end["learning_rate"] == 0.01
    assert [training["finite"] for training in end["trainings"]] == [True, False]
    assert end["trainings"][1]["val_accuracy"] is None


def test_all_explode(inside):
    words = "--optimizer sgd --learning-rate 1e30 1e33 --epochs 2 --out all-exploded".split()
    with jax.enable_x64(False):
        result = inside("sweep", *PHOTOS, *words)
    assert result.status == 2
    assert "take smaller learning rates" in result.err


def test_without_rates_five_around_the_default(inside):
    start, *_ = objects(inside("sweep", *PHOTOS, *"--epochs 1 --json --out five".split()))
    assert start["learning_rates"] == [0.0001, 0.0003, 0.001, 0.003, 0.01]
    assert start["seeds"] == [0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", 0], "--epochs 0: a sweep compares"),
        (["--learning-rate", 0.1, 0.1], "given twice"),
        (["--learning-rate", -1], "'-1' is not a number above 0"),
        (["--out", "photos"], "already holds other files"),
    ],
)
def test_what_it_refuses(shell, inside, words, message):
    assert message in shell.refuses("sweep", *PHOTOS, *words, call=inside)


def test_ctrl_c_ends_a_sweep_with_what_there_is(shell, inside, monkeypatch):
    shown = sweep._shown

    def interrupted(*arguments):
        import signal

        for number, outcomes in enumerate(shown(*arguments)):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield outcomes

    monkeypatch.setattr(sweep, "_shown", interrupted)
    result = inside("sweep", *PHOTOS, "--epochs", 50, "--out", "interrupted")
    assert result.status == 130
    assert "stopped    by Ctrl-C" in result.out
    assert {row["best_epoch"] for row in rows(shell.home / "interrupted/sweep.csv")} <= {"1", "2"}


# runs


@pytest.fixture(scope="session")
def several(shell):
    """A folder with a finished run, a worse one, and one that was stopped after an epoch."""
    shell.train("several/good", *PHOTOS, "--learning-rate", 0.01, "--epochs", 4)
    shell.train("several/bad", *PHOTOS, "--learning-rate", 1e-6, "--epochs", 2, "--layers", 1)
    stopped = shell.train("several/stopped", *PHOTOS, "--learning-rate", 1e-5, "--epochs", 1)
    config = stopped.folder / "config.json"
    settings = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**settings, "epochs": 9}), "utf-8")
    (stopped.folder / "metrics.json").unlink()
    return shell.home / "several"


def test_runs_are_listed_best_first_and_pictured(several, inside):
    result = inside("runs", "several")
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if line.startswith(f"{n} ")) for n in ("good", "bad")
    ]
    assert places == sorted(places)
    good = json.loads((several / "good/metrics.json").read_text("utf-8"))
    assert lines[places[0]].split() == [
        *"good mlp 8 adam 0.01 16 4".split(),
        f"{good['val_accuracy']:.1%}",
        f"{good['test_accuracy']:.1%}",
    ]
    assert lines[places[1]].split()[:4] == "bad linear adam 1e-06".split()
    (stopped,) = [line for line in lines if line.startswith("stopped ")]
    assert "1 of 9" in stopped
    assert stopped.split()[-1] == "-"
    assert lines[-1] == "next       fnet evaluate several/good"
    check_picture(several / "runs.png")


def test_runs_fit_80_columns(several, inside, tmp_path):
    long = tmp_path / "a-name-that-is-longer-than-most-but-may-well-be-given-to-a-run-1"
    shutil.copytree(several / "good", long)
    config = json.loads((long / "config.json").read_text("utf-8"))
    config |= {"optimizer": "momentum", "hidden": [200, 100, 50], "layers": 2, "epochs": 12345}
    (long / "config.json").write_text(json.dumps(config), "utf-8")
    lines = inside("runs", tmp_path).out.splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("best "))]
    assert max(map(len, table)) <= 80
    assert sum("%" in line for line in table) == 1  # both figures in one line
    assert any("adam" in line or "momentum" in line for line in table)


def test_a_sweep_over_networks(shell, inside):
    words = "--data photos --batch-size 16 --hidden 4 6,5 --l2 0 0.1 --learning-rate 0.01"
    options = "--epochs 2 --seed 0 1 --out networks"
    result = inside("sweep", *words.split(), *options.split())
    assert result.status == 0, result.err
    outcomes = rows(shell.home / "networks/sweep.csv")
    assert [(row["hidden"], row["l2"]) for row in outcomes[::2]] == [
        ("4", "0"), ("4", "0.1"), ("6,5", "0"), ("6,5", "0.1"),
    ]  # fmt: skip
    assert "serial(affine(6), relu(), affine(5), relu(), affine(3))" in result.out
    (follow_up,) = [line for line in result.out.splitlines() if line.startswith("next ")]
    again = inside(*follow_up.removeprefix("next       fnet ").split(), "--out", "networks-best")
    assert again.status == 0, again.err
    metrics = json.loads((shell.home / "networks-best/metrics.json").read_text("utf-8"))
    (reached,) = [line for line in result.out.splitlines() if line.startswith("reached ")]
    hidden = reached.split("hidden ")[1].split(",")[0]
    same = [row for row in outcomes if row["hidden"].startswith(hidden) and row["seed"] == "0"]
    assert any(float(r["val_loss"]) == pytest.approx(metrics["val_loss"], rel=1e-4) for r in same)


def test_a_network_given_twice(shell, inside):
    words = [*"--data photos --hidden 4 4 --epochs 1".split()]
    assert "a value is given twice" in shell.refuses("sweep", *words, call=inside)


def test_a_sweep_of_a_regression(shell, inside):
    words = "--data houses.csv --target Price --features Area Year --model linear --epochs 2"
    result = inside("sweep", *words.split(), "--learning-rate", 0.01, 0.1, "--out", "numbers")
    assert result.status == 0, result.err
    assert "validation R²" in result.out
    assert {"val_r2"} <= rows(shell.home / "numbers/sweep.csv")[0].keys()


def test_the_best_run_is_that_of_its_data(several, inside, tmp_path):
    """An accuracy on some photographs says nothing of one on others."""
    for name, place in (("good", None), ("bad", "/elsewhere/other")):
        shutil.copytree(several / name, tmp_path / name)
        config = json.loads((tmp_path / name / "config.json").read_text("utf-8"))
        config["data"] = place or config["data"]
        (tmp_path / name / "config.json").write_text(json.dumps(config), "utf-8")
    best = [line for line in inside("runs", tmp_path).out.splitlines() if line.startswith("best ")]
    assert len(best) == 2
    assert best[0].endswith(" on validation of those on photos")
    assert best[1].endswith(" on validation of those on other")


def test_single_runs_are_compared(several, inside):
    result = inside("runs", "several/bad", "several/good", "several/bad")
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("several/")]
    assert named == ["several/good", "several/bad"]
    assert "next       fnet evaluate several/good" in lines
    check_picture(several / "runs.png")


def test_runs_as_json(several, inside):
    *listed, end = objects(inside("runs", "several", "--json"))
    assert {run["folder"] for run in listed} == {f"several/{n}" for n in ("good", "bad", "stopped")}
    accuracies = [run["val_accuracy"] for run in listed]
    assert accuracies == sorted(accuracies, reverse=True)
    assert end["best"] == listed[0]["folder"] == "several/good"


def test_no_runs(shell, inside):
    assert "there is no such folder" in shell.refuses("runs", "nowhere", call=inside)
    assert "there are no runs in it" in shell.refuses("runs", "photos", call=inside)
