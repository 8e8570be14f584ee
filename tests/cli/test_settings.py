"""What a run may be told: widths, patience, smoothing, another rate; and versions."""

import importlib
import json
import sys

import jax
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import fnet
from fnet.checkpoint import load
from fnet.cli import main
from fnet.interop import from_torch, load_safetensors

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
    rng = np.random.default_rng(0)  # nothing can be learned
    lines = [f"{a:.3f},{b:.3f},{'yn'[c]}" for a, b, c in rng.integers(0, 2, (60, 3))]
    (shell.home / "noise.csv").write_text("\n".join(["a,b,y", *lines]) + "\n", "utf-8")
    for out, words, most in (
        ("patient", "--hidden 9 --epochs 90 --patience 2 --learning-rate 0.03", 90),
        ("all-patient", "--model logistic --batch-size all --epochs 5000 --patience 2", 5000),
    ):
        noise = "train --data noise.csv --target y --out".split()
        result = inside(*noise, out, *words.split())
        assert result.status == 0, result.err
        said = f"ends before epoch {most} once 2 in a row have no lower validation loss"
        assert said in result.out
        metrics = json.loads((shell.home / out / "metrics.json").read_text("utf-8"))
        assert metrics["epochs"] == metrics["best_epoch"] + 2 < most
        line = f"stopped    after epoch {metrics['epochs']}: 2 without a lower validation loss"
        assert line in result.out
        again = inside("train", "--out", out, "--resume")
        assert again.status == 0, again.err
        assert line in again.out  # and not an epoch later
        assert json.loads((shell.home / out / "metrics.json").read_text("utf-8")) == metrics


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


def test_a_run_is_exported(inside, shell, run):
    result = inside("export", run.folder, "--to", "safetensors", "--out", "m.safetensors")
    assert result.status == 0, result.err
    with jax.enable_x64(False):
        best = load(run.folder / "checkpoint.npz")
        params = from_torch(best.model, best.shape, load_safetensors("m.safetensors"))
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(best.record.best.params), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "it is a folder" in inside("export", run.folder, "--to", "onnx", "--out", ".").err


def test_a_run_is_exported_whole(inside, shell, run):
    result = inside("export", run.folder, "--to", "onnx", "--out", "m.onnx")
    assert result.status == 0, result.err
    assert "to `output` and `probabilities`" in result.out
    with jax.enable_x64(False):
        best = load(run.folder / "checkpoint.npz")
        pixels = np.random.default_rng(0).uniform(0, 255, (2, *best.shape)).astype(np.float32)
        y = best.model.apply(best.record.best.params, best.transform(pixels))
        expected = best.loss.probabilities(y)
    session = ReferenceEvaluator(onnx.load(shell.home / "m.onnx"))
    np.testing.assert_allclose(session.run(None, {"input": pixels})[1], expected, rtol=1e-4)


def test_the_inputs_of_an_exported_table_are_named(inside, houses):
    words = ("export", houses.folder, "--to", "safetensors", "--out", "h.safetensors")
    result = inside(*words)
    assert "inputs     2, as `schema` in " in result.out
    assert result.out.endswith("config.json makes them of a row: Area, Year\n")
    assert json.loads(inside(*words, "--json").out)["inputs"] == ["Area", "Year"]


def test_export_says_what_is_missing(inside, run, monkeypatch):
    def without(name, *arguments):
        if name in ("torch", "onnx"):
            raise ImportError(name)
        return found(name, *arguments)

    found = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", without)
    assert "--to safetensors writes the same" in inside("export", run.folder, "--to", "torch").err
    assert "pip install 'fnet[onnx]'" in inside("export", run.folder, "--to", "onnx").err
