"""`fnet train` with a schedule, a warm-up and weight decay, and every optimizer by name."""

import pytest

from fnet import registry
from fnet.checkpoint import load
from fnet.cli.arguments import DATA, IMAGE_RATES, MODEL, SCHEDULES, TABLE_RATES, TRAINING
from fnet.cli.optimizing import build_optimizer
from fnet.core.values import read
from fnet.errors import ConfigurationError

AROUND = {"frozen", "by_part", "clip_by_value", "clip_by_global_norm", "decayed", "scheduled"}
AROUND |= {"plateau", "accumulate", "averaged", "by_rows"}
DEFAULT = {**DATA, **MODEL, **TRAINING, "batch_size": 10, "epochs": 4}


def test_every_optimizer_has_rates_and_is_written_as_it_reads():
    assert set(IMAGE_RATES) == set(TABLE_RATES) == set(registry.names("optimizer")) - AROUND
    for name in IMAGE_RATES:
        for more in ({}, {"target": "y"}, {"weight_decay": 0.1}, {"schedule": "cosine"}):
            made = build_optimizer({**DEFAULT, "optimizer": name, **more}, samples=95)
            assert read(repr(made), registry.VOCABULARY["optimizer"]) is made


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ({"weight_decay": 0.5, "optimizer": "adamw"}, "adamw(0.001, weight_decay=0.5)"),
        ({"weight_decay": 0.5}, "decayed(adam(0.001), 0.5)"),
        ({"schedule": "cosine"}, "scheduled(adam(0.001), cosine(40))"),
        (
            {"schedule": "linear", "warmup": 0.1},
            "scheduled(adam(0.001), warmup(4, schedule=linear(36)))",
        ),
        ({"warmup": 0.25}, "scheduled(adam(0.001), warmup(10))"),
        (
            {"schedule": "step"},
            "scheduled(adam(0.001), piecewise((20, 30), (1.0, 0.1, 0.01)))",
        ),
        (
            {"schedule": "one-cycle", "warmup": 0.1},
            "scheduled(adam(0.001), one_cycle(40, peak=0.1))",
        ),
        ({"schedule": "inverse-sqrt"}, "scheduled(adam(0.001), inverse_sqrt(4))"),
        ({"schedule": "cosine", "batch_size": "all"}, "scheduled(adam(0.001), cosine(4))"),
    ],
)
def test_the_steps_of_the_run_are_those_of_the_schedule(settings, written):
    made = build_optimizer({**DEFAULT, **settings}, samples=95)  # ten steps an epoch
    assert repr(made) == written


def test_a_run_too_short_for_its_schedule_is_told():
    assert set(SCHEDULES) >= {"cosine", "step"}
    with pytest.raises(ConfigurationError, match="the run has 1 steps, 0 of them warm-up"):
        build_optimizer({**DEFAULT, "schedule": "cosine", "epochs": 1}, samples=5)


def test_a_resumed_run_is_as_long_as_its_epochs(shell, photos):
    words = [*photos, "--schedule", "cosine", "--warmup", "0.5", "--weight-decay", "0.1"]
    first = shell.train("scheduled", *words, "--epochs", 1)
    assert "cosine learning rate over 4 steps, 2 of them warm-up" in first.out
    assert (first.config["schedule"], first.config["warmup"]) == ("cosine", 0.5)
    state = load(first.folder / "checkpoint.npz").record.state.opt_state
    assert float(state.learning_rate) < 1e-9  # the schedule is at its end
    again = shell.train("scheduled", "--resume", "--epochs", 2)
    assert "cosine learning rate over 8 steps, 4 of them warm-up" in again.out
    kept = load(again.folder / "checkpoint.npz")
    assert repr(kept.optimizer) in again.out
    assert int(kept.record.state.opt_state.step) == 8
