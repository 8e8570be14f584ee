"""Training that is stopped, by whatever: it goes on bit for bit, and nothing bad is ever saved."""

import functools
import tempfile
import time
from pathlib import Path
from unittest import mock

import jax
import numpy as np

from fnet import data, losses, models, optimizers, training
from fnet.checkpoint import Checkpoint, load, save
from fnet.errors import TrainingError
from fnet.optimizers import set_learning_rate
from fnet.training import fit, start
from fnet.training.records import Record
from tests.torture.hazard import Hazard, Outcome

LOSS = losses.cross_entropy()
MODEL = models.classification_net(3, hidden=7, l2=1e-3)
OPTIMIZERS = [
    optimizers.adam(0.01),
    optimizers.momentum(0.05, nesterov=True),
    optimizers.rmsprop(0.01),
    optimizers.sgd(0.1),
]
TEN = models.classification_net(10, hidden=7)
FULL = 100  # cases of NaN and infinity
SAMPLES = 43  # by 8: six batches, the last one of 3


def _kept(folder: str, optimizer, record) -> Record:
    """What comes back of a record that was saved."""
    path = Path(folder) / "checkpoint.npz"
    save(path, Checkpoint(TEN, LOSS, optimizer, (3072,), record))
    return load(path).record


def resumed(cases: int, seed: int) -> Outcome:
    """Stopped at each step of three epochs, and gone on with from the file."""
    failures, done = [], 0
    with tempfile.TemporaryDirectory() as folder:
        prepare = data.compose(data.rescale(), data.flatten())
        images = data.image_folder(data.synthetic_images(f"{folder}/shapes", per_class=5), prepare)
        on_disk = images.select(np.arange(SAMPLES))
        held = data.memory(on_disk, transform=prepare)
        ways = [(optimizer, held, 0) for optimizer in OPTIMIZERS]
        ways += [(OPTIMIZERS[0], on_disk, workers) for workers in (0, 2)]
        for optimizer, dataset, workers in ways:
            train = functools.partial(
                fit, TEN, LOSS, optimizer, dataset, dataset, epochs=3, batch_size=8, seed=seed
            )
            *_, whole = train()
            stops = list(train(every_steps=1))
            for record in stops[: cases - done] if workers == 0 else stops[::6]:
                done += 1
                kept = _kept(folder, optimizer, record)
                *_, last = [kept, *train(resume=kept, workers=workers)]
                if not same(last, whole):
                    step = int(record.state.step)
                    failures.append(f"seed {seed}, {optimizer}, {workers} workers, step {step}")
    return Outcome(done, failures, "weights, state of the optimizer, best weights and metrics")


def same(one, other) -> bool:
    a, b = ((record.state, record.best, record.metrics) for record in (one, other))
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def poisoned(cases: int, seed: int) -> Outcome:
    """NaN and infinity in a sample, or steps far too large, from a random step on."""
    failures, told = [], {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.npz"
        for case in range(cases):
            rng = np.random.default_rng([seed, case])
            x = rng.normal(size=(200, 12)).astype(np.float32)
            how = ("sample", "rate")[case % 2]
            optimizer = OPTIMIZERS[int(rng.integers(4))]
            if how == "sample":
                x[rng.integers(200), rng.integers(12)] = rng.choice([np.nan, np.inf, -np.inf])
            dataset = data.memory({"features": x, "label": np.arange(200) % 3})
            record = start(MODEL, optimizer, (12,), seed)
            if how == "rate":
                size = {"adam": 1e36, "rmsprop": 1e36}.get(repr(optimizer).split("(")[0], 1e30)
                state = set_learning_rate(record.state.opt_state, size)
                record = record._replace(state=record.state._replace(opt_state=state))
            every = int(rng.integers(1, 30))
            records = fit(
                *(MODEL, LOSS, optimizer, dataset), epochs=4, batch_size=8, every_steps=every,
                seed=case, resume=record,
            )  # fmt: skip
            try:
                for reached in records:
                    save(path, Checkpoint(MODEL, LOSS, optimizer, (12,), reached))
                    kept = load(path).record
                    leaves = jax.tree.leaves((kept.state, kept.best.params))
                    if not all(np.isfinite(leaf).all() for leaf in leaves):
                        failures.append(f"seed {seed}, case {case}, {how}: saved, and not finite")
                failures.append(f"seed {seed}, case {case}, {how}, {optimizer}: nothing is raised")
            except TrainingError as error:
                wanted = "features[" if how == "sample" else "smaller learning rate"
                told[wanted in str(error)] = told.get(wanted in str(error), 0) + 1
                if wanted not in str(error) or "at step " not in str(error):
                    failures.append(f"seed {seed}, case {case}, {how}, {optimizer}: {error}")
    cost = f"; watching costs {_cost():+.1%}" if cases >= FULL else ""  # a figure for the table
    return Outcome(cases, failures, f"each named its cause{cost}")


def _cost() -> float:
    """What it costs that each epoch is looked at, as a share of training."""
    x = np.random.default_rng(0).normal(size=(6400, 784)).astype(np.float32)
    dataset = data.memory({"features": x, "label": np.arange(6400) % 10})
    model = models.classification_net(10, hidden=100)

    def seconds(watched: bool) -> float:
        nothing = mock.patch.object(training, "require_finite")
        records = fit(model, LOSS, OPTIMIZERS[0], dataset, epochs=7, batch_size=64)
        next(records)
        begun = time.perf_counter()
        if watched:
            list(records)
        else:
            with nothing:
                list(records)
        return time.perf_counter() - begun

    pairs = [(seconds(True), seconds(False)) for _ in range(9)]
    return float(np.median([watched / bare for watched, bare in pairs])) - 1


HAZARDS = (
    Hazard(
        "stopped at any step",
        "of three epochs with a ragged last batch, from a file, also by other workers: bit for bit",
        resumed,
        20,
        90,
    ),
    Hazard(
        "NaN and infinity",
        "training stops with step, array and cause; no checkpoint that is not finite; costs 2 %",
        poisoned,
        10,
        FULL,
    ),
)
