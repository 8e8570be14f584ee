"""Small tables: models are compared by cross-validation, and the last weights are kept."""

import numpy as np
import pytest

from fnet.cli.arguments import DATA, MODEL, TRAINING
from fnet.cli.comparing import _is_better, _Tried, compared
from fnet.cli.source import load_parts
from fnet.cli.train import DEFAULTS


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Labels that a line tells apart but for noise, and labels that no line does."""
    monkeypatch.setattr("fnet.cli.choices.TABLE_STEPS", 300)
    x = np.random.default_rng(0).normal(size=(60, 2))
    noise = np.random.default_rng(1).normal(size=60)
    for name, score in {"line": x[:, 0] + noise, "corners": x[:, 0] * x[:, 1]}.items():
        rows = (f"{a:.3f},{b:.3f},{'ny'[int(c > 0)]}\n" for (a, b), c in zip(x, score, strict=True))
        (tmp_path / f"{name}.csv").write_text("a,b,y\n" + "".join(rows))
    return tmp_path


ONE = {"linear": (1,), "mlp": (1,)}  # penalty of each model, which takes less time


def test_the_model_of_a_small_table_is_chosen_by_cross_validation(tables, monkeypatch):
    monkeypatch.setattr("fnet.cli.comparing.TIMES", ONE)
    settings = {**DEFAULTS, **DATA, **MODEL, **TRAINING, "target": "y", "model": "mlp"}
    parts = load_parts({**settings, "data": str(tables / "line.csv")})
    found, said, why = compared(settings, parts, frozenset())
    assert (found["model"], found["keep"]) == ("linear", "last")
    assert found["l2"] == pytest.approx(1 / (2 * len(parts.train)), rel=0.01)
    assert "chosen by cross-validation in 4 parts: its loss is 0." in why
    assert ", against " in why
    assert "12 validation rows would choose an epoch by chance (--keep best)" in said[0]
    parts = load_parts({**settings, "data": str(tables / "corners.csv")})
    assert compared(settings, parts, frozenset())[0]["model"] == "mlp"


def test_a_weak_penalty_is_chosen_where_columns_are_alike(tmp_path, monkeypatch):
    monkeypatch.setattr("fnet.cli.choices.TABLE_STEPS", 1000)
    x, noise = np.random.default_rng(2).normal(size=(2, 60))
    rows = (f"{a:.4f},{a + 0.1 * b:.4f},{b:.4f}\n" for a, b in zip(x, noise, strict=True))
    (tmp_path / "alike.csv").write_text("a,b,y\n" + "".join(rows))  # y is 10 (b − a)
    settings = {**DEFAULTS, "target": "y", "model": "linear"}
    parts = load_parts({**settings, "data": str(tmp_path / "alike.csv")})
    found, _, why = compared(settings, parts, frozenset(["model"]))
    assert found["l2"] == pytest.approx(0.01 / len(parts.train), rel=0.01)
    assert why.startswith("chosen by cross-validation in 4 parts")


def test_a_network_is_taken_for_more_than_chance():
    plain = _Tried({}, "linear", np.array([1.0, 1.1, 0.9, 1.0]))
    for losses, better in (([0.9, 1.0, 0.8, 0.9], True), ([0.2, 1.2, 1.0, 1.1], False)):
        assert _is_better(_Tried({}, "mlp", np.array(losses)), plain) == better
    failed = _Tried({}, "mlp", np.array([np.inf]))
    assert _is_better(plain, failed)
    assert not _is_better(failed, plain)


@pytest.mark.parametrize(
    ("stated", "keep"),
    [("l2", "last"), ("batch_size", "last"), ("epochs", "best"), ("learning_rate", "best")],
)
def test_what_is_stated_is_not_compared(tables, stated, keep):
    settings = {**DEFAULTS, "target": "y", "model": "mlp"}
    parts = load_parts({**settings, "data": str(tables / "corners.csv")})
    found, _, why = compared(settings, parts, frozenset([stated]))
    assert (found["model"], found["keep"], why) == ("mlp", keep, "")


@pytest.mark.parametrize("stated", ["model", "hidden"])
def test_of_a_stated_model_the_penalties_are_compared(tables, stated, monkeypatch):
    monkeypatch.setattr("fnet.cli.comparing.TIMES", ONE)
    settings = {**DEFAULTS, "target": "y", "model": "mlp"}
    parts = load_parts({**settings, "data": str(tables / "line.csv")})
    found, _, why = compared(settings, parts, frozenset([stated]))
    assert found["model"] == "mlp"
    assert "chosen by cross-validation" in why
    assert why.endswith("(--l2)")


def test_the_last_weights_are_kept_and_said(tables, shell, monkeypatch):
    monkeypatch.setattr("fnet.cli.choices.TABLE_STEPS", 30)
    run = shell.train(
        *(tables / "run", "--data", tables / "line.csv", "--target", "y", "--model", "linear"),
        *("--l2", "0.01"),
    )
    assert run.config["keep"] == "last"
    assert run.metrics["best_epoch"] == run.metrics["epochs"] == 30
    assert run.metrics["val_loss"] == pytest.approx(float(run.history[-1]["val_loss"]), abs=1e-5)
    assert "with the last weights, of epoch 30" in run.out
