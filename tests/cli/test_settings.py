"""What a run may be told: widths, patience, smoothing, another rate; and versions."""

import json
import sys

import jax
import pytest

import fnet
from fnet.cli import main

PHOTOS = "--data photos --batch-size 16 --learning-rate 0.01".split()


def test_a_width_for_each_layer(inside, shell):
    result = inside("train", *PHOTOS, *"--hidden 6 5 --epochs 1 --out widths".split())
    assert "model      serial(affine(6), relu(), affine(5), relu(), affine(3))" in result.out
    config = json.loads((shell.home / "widths/config.json").read_text("utf-8"))
    assert config["hidden"] == [6, 5]
    again = inside(*"train --out widths --resume --epochs 2 --quiet".split())
    assert again.status == 0, again.err
    words = ["train", *PHOTOS, *"--hidden 6 5 --layers 2".split()]
    assert "--hidden 6 5 makes 3 affine layers, and --layers is 2" in inside(*words).err


def test_it_stops_where_validation_no_longer_improves(inside, shell):
    words = "--hidden 4 --epochs 90 --patience 2 --learning-rate 0.5 --out patient".split()
    result = inside("train", *PHOTOS, *words)
    assert result.status == 0, result.err
    assert "ends before epoch 90 once 2 in a row have no lower validation loss" in result.out
    metrics = json.loads((shell.home / "patient/metrics.json").read_text("utf-8"))
    assert metrics["epochs"] == metrics["best_epoch"] + 2 < 90
    line = f"stopped    after epoch {metrics['epochs']}: 2 without a lower validation loss"
    assert line in result.out
    words = "--data houses.csv --target Price --features Area --binarize 30 70 --model logistic"
    batch = "--batch-size all --l2 1 --epochs 5000 --patience 3 --out all-patient".split()
    result = inside("train", *words.split(), *batch)
    metrics = json.loads((shell.home / "all-patient/metrics.json").read_text("utf-8"))
    assert metrics["epochs"] == metrics["best_epoch"] + 3 < 5000


def test_smoothed_labels(inside, shell):
    words = ["train", *PHOTOS, *"--hidden 4 --epochs 1 --label-smoothing 0.1".split()]
    assert "cross_entropy(label_smoothing=0.1)" in inside(*words, "--out", "smooth").out
    assert "'1.5' is above 1" in inside(*words[:-1], "1.5").err
    houses = "--data houses.csv --target Price --features Area --label-smoothing 0.1".split()
    assert "--label-smoothing is for classes" in inside("train", *houses).err
    logistic = [*houses, *"--binarize 30 70 --model logistic".split()]
    assert "a logistic model has one" in inside("train", *logistic).err


def test_a_run_is_resumed_at_another_rate(inside, shell):
    def rate(folder):
        from fnet.checkpoint import load

        return float(load(shell.home / folder / "checkpoint.npz").record.state.opt_state[1])

    start = ["train", *PHOTOS, *"--hidden 4 --epochs 1 --out cooler".split()]
    assert inside(*start).status == 0
    assert rate("cooler") == pytest.approx(0.01)
    resume = "train --out cooler --resume --epochs".split()
    result = inside(*resume, 2, "--learning-rate", "1e-4")
    assert "from here on by adam(0.0001); so far by adam(0.01)" in result.out
    assert rate("cooler") == pytest.approx(1e-4)
    assert inside(*resume, 3, "--quiet").status == 0  # and keeps it
    assert rate("cooler") == pytest.approx(1e-4)


def test_versions(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    found = capsys.readouterr().out
    assert found.startswith(f"fnet {fnet.__version__} (jax {jax.__version__}, Python ")
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in found
