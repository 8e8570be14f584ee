"""A checkpoint whose arrays tell its number, and a process that saves one after the other."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from fnet import losses, models, optimizers
from fnet.checkpoint import Checkpoint, load, save
from fnet.training.records import Best, Metrics, Record, State

MODEL, OPTIMIZER = models.classification_net(3, hidden=4), optimizers.sgd(0.1)
LARGE = models.classification_net(3, hidden=2**18)


def numbered(number: int, model: Any = MODEL, seen: int = 0) -> Checkpoint:
    """The checkpoint after so many epochs; every entry of its weights is that number."""
    wide = 2**18 if model is LARGE else 4

    def affine(m: int, d: int) -> Any:
        from fnet.layers.affine import Affine

        return Affine(np.full((m, d), number, np.float32), np.full(m, number, np.float32))

    params = (affine(wide, 2), (), affine(3, wide))
    opt_state = OPTIMIZER.init_state(params)
    opt_state = opt_state._replace(**{k: np.asarray(v) for k, v in opt_state._asdict().items()})
    state = State(params, opt_state, np.asarray(number, np.int32))
    steps = Metrics(*(np.full(seen, number, np.float32) for _ in Metrics._fields))
    record = Record(number, state, Best(number, 1.0, params), {}, np.zeros(0), {}, steps)
    return Checkpoint(model, losses.cross_entropy(), OPTIMIZER, (2,), record)


def number_of(path: Path) -> int:
    """Which checkpoint lies there; every array of it must say the same."""
    record = load(path).record
    found = {float(np.asarray(leaf).mean()) for layer in record.state.params for leaf in layer}
    found |= {float(column.mean()) for column in record.seen if len(column)}
    found |= {float(record.epoch)}
    assert len(found) == 1, f"a mixture of {found}"
    return record.epoch


def save_for_ever(path: Path, first: int, situation: str, pipe: Any) -> None:
    """Save one checkpoint after the other, and say after each that it is saved."""
    model = LARGE if situation == "large" else MODEL
    seen = 300 if situation == "epoch under way" else 0
    for number in itertools.count(first):
        save(path, numbered(number, model, seen))
        pipe.send(number)
