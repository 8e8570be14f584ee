"""Whether a run can be resumed by what is given, and with which learning rate."""

import hashlib
from typing import Any

import jax
import numpy as np

from fnet.data.batches import PADDING
from fnet.data.dataset import Dataset
from fnet.errors import ConfigurationError
from fnet.training.rates import rates_of, with_rates
from fnet.training.records import Course, Record

SAMPLES = 16  # of a dataset, that its digest is of


def course_of(dataset: Dataset, batch_size: int, seed: int) -> Course:
    """What determines the batches of an epoch."""
    some = min(SAMPLES, len(dataset))
    places = np.linspace(0, len(dataset) - 1, some).round().astype(int)
    whole = hashlib.sha256(repr(dataset.transform).encode())
    for leaf in jax.tree.leaves(dataset.gather(places)):
        whole.update(np.ascontiguousarray(leaf).tobytes())
    return Course(seed, batch_size, len(dataset), whole.hexdigest()[:12])


def with_rate_of(optimizer: Any, record: Record) -> Record:
    """The record with the optimizer's learning rate, where it began with another optimizer's.

    Where both are the same, its state may have another, by `set_learning_rate`, and keeps that.
    """
    rates = rates_of(optimizer.init(record.state.params))
    if record.rates in (None, rates):
        return record
    opt_state = with_rates(record.state.opt_state, rates)
    return record._replace(state=record.state._replace(opt_state=opt_state), rates=rates)


def check_seen(record: Record, order: np.ndarray, course: Course | None = None) -> None:
    """Raise ConfigurationError unless the steps of the epoch in progress begin `order`."""
    changed = []
    if record.course is not None and course is not None:
        pairs = zip(Course._fields, record.course, course, strict=True)
        changed = [
            f"{_WORDS[name]} was {was} and is {now}" for name, was, now in pairs if was != now
        ]
    counts = (order != PADDING).sum(axis=1)
    done = len(record.seen.count)
    if changed or done >= len(order) or (record.seen.count != counts[:done]).any():
        raise ConfigurationError(
            f"the run to resume stopped after {done} batches of epoch {record.epoch + 1}, which "
            f"are not the first of its {len(order)}{''.join(f'; {words}' for words in changed)}: "
            "resume with the same data and batch_size, and with the same seed"
        )


_WORDS = {
    "seed": "the seed",
    "batch_size": "batch_size",
    "samples": "the number of samples",
    "digest": f"the digest of {SAMPLES} samples",
}
