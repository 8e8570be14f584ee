"""Solvers where an optimizer stands: full-batch training, checkpoints, and the command line."""

import jax
import numpy as np
import pytest

from fnet import checkpoint, data, losses, models, optimizers, serial
from fnet.cli import main
from fnet.errors import ConfigurationError, TrainingError
from fnet.layers import affine, batch_norm, squeeze
from fnet.solvers import bfgs, gauss_newton, lbfgs, newton, objective, solve, words
from fnet.training import descend, fit, start

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
T = (X @ [1.0, -2.0, 0.5] + RNG.logistic(size=80) > 0).astype(np.float64)
TRAIN, VAL = (data.memory({"x": X[part], "label": T[part]}) for part in (slice(60), slice(60, 80)))
MODEL, LOSS = models.logistic_regression(l2=1e-2), losses.bce()


@pytest.mark.turns(2)
@pytest.mark.parametrize("solver", [newton(), lbfgs()], ids=repr)
def test_training_by_a_solver_is_to_solve(solver):
    *_, last = descend(MODEL, LOSS, solver, TRAIN, VAL, epochs=200, every=7)
    goal = objective(MODEL, LOSS, X[:60].astype(np.float32), T[:60])
    solved = solve(solver, goal, start(MODEL, solver, (3,)).state.params)
    assert last.epoch == solved.steps < 200
    assert words(last.state.opt_state.reason) == solved.reason
    for a, b in zip(*map(jax.tree.leaves, (last.state.params, solved.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert last.history["val_loss"].size == (last.epoch - 1) % 7 + 1


def test_it_resumes_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    *_, whole = descend(MODEL, LOSS, lbfgs(memory=4), TRAIN, epochs=8)
    *_, half = descend(MODEL, LOSS, lbfgs(memory=4), TRAIN, epochs=3)
    saved = checkpoint.Checkpoint(MODEL, LOSS, lbfgs(memory=4), (3,), half)
    checkpoint.save(tmp_path / "run.npz", saved)
    loaded = checkpoint.load(tmp_path / "run.npz")
    assert loaded.optimizer is lbfgs(memory=4)
    *_, rest = descend(MODEL, LOSS, loaded.optimizer, TRAIN, epochs=8, resume=loaded.record)
    jax.tree.map(np.testing.assert_array_equal, rest.state, whole.state)
    *_, done = descend(MODEL, LOSS, newton(), TRAIN, epochs=100)
    assert [*descend(MODEL, LOSS, newton(), TRAIN, epochs=200, resume=done)] == []


def test_what_a_solver_cannot_train_is_said():
    with pytest.raises(ConfigurationError, match=r"lbfgs\(\) is a solver.*descend"):
        list(fit(MODEL, LOSS, lbfgs(), TRAIN, epochs=1))
    observing = serial(batch_norm(), affine(1), squeeze())
    with pytest.raises(ConfigurationError, match="observes statistics"):
        descend(observing, losses.bce_with_logits(), lbfgs(), TRAIN, epochs=1)
    wide = data.memory({"x": np.ones((4, 30_000), np.float32), "y": np.zeros(4, np.float32)})
    with pytest.raises(ConfigurationError, match=r"30,001 by 30,001 .* take lbfgs"):
        list(descend(serial(affine(1), squeeze()), losses.mse(), bfgs(), wide, epochs=1))
    huge = data.memory({"x": np.full((4, 3), 1e200), "y": np.zeros(4)})
    with pytest.raises(TrainingError, match="at the start: look at the data"):
        list(descend(serial(affine(1), squeeze()), losses.mse(), gauss_newton(), huge, epochs=2))


@pytest.fixture
def houses(tmp_path):
    rows = "\n".join(f"{a:.3f},{b:.3f},{int(t)}" for (a, b, _), t in zip(X, T, strict=True))
    (tmp_path / "houses.csv").write_text(f"a,b,sold\n{rows}\n")
    return tmp_path


def test_the_command_line_trains_by_a_solver_and_resumes(houses, capsys):
    common = f"train --out {houses}/run --data {houses}/houses.csv --target sold --model logistic"
    given = f"{common} --optimizer lbfgs --batch-size all --epochs 3".split()
    assert main(given) == 0
    assert main(f"train --out {houses}/run --resume --epochs 60".split()) == 0
    said = capsys.readouterr().out
    assert "lbfgs()" in said
    kept = checkpoint.load(houses / "run" / "checkpoint.npz")
    assert kept.record.epoch < 60
    reason = words(kept.record.state.opt_state.reason)
    assert reason[:9] in ("converged", "small ste")
    assert f"after epoch {kept.record.epoch}: {reason}\n" in said
    assert main(f"runs {houses}".split()) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--batch-size 10", "add --batch-size all"),
        ("--batch-size all --learning-rate 1", "leave out --learning-rate"),
    ],
)
def test_the_command_line_says_what_a_solver_does_not_take(houses, capsys, more, message):
    common = f"train --out {houses}/run --data {houses}/houses.csv --target sold --model logistic"
    assert main(f"{common} --optimizer newton {more}".split()) == 2
    assert message in capsys.readouterr().err


def test_a_solver_is_written_and_read_like_an_optimizer():
    from fnet import registry
    from fnet.core.values import read

    for text in registry.solvers.EXAMPLES:
        made = read(text, registry.VOCABULARY["optimizer"])
        assert repr(made) == text
        assert read(made.spelled, registry.VOCABULARY["optimizer"]) is made
    assert optimizers.adam(0.1).written == "adam(0.1)"
