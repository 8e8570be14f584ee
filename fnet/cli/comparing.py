"""The model of a small table and its penalty, chosen by cross-validation; which weights are kept.

A network learns a small table by heart where a linear model does not, and misses nothing where what
is to be learned is no line. Which of these a table is cannot be seen in a validation part of some
twenty rows, and neither can the best of 2,000 epochs. Where both do as well but for chance, the
linear model is taken. How strong its penalty is to be depends on the table too: among columns that
say nearly the same, the usual one hides what a weak one finds.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import MODEL, Settings
from fnet.cli.build import build
from fnet.cli.choices import completed, penalty
from fnet.cli.figures import short_number
from fnet.cli.source import Parts
from fnet.cli.tables import of_columns
from fnet.data import Memory
from fnet.errors import TrainingError
from fnet.training.descent import descend
from fnet.training.evaluation import penalty_of
from fnet.training.records import Best

SMALL = 300  # training rows
MOST_FOLDS, LEAST_FOLDS = 4, 3
TIMES = {"linear": (10, 1, 0.01), "mlp": (10, 1)}  # a model's usual penalty, to be compared
WORDS = {10: " with ten times the penalty", 1: "", 0.01: " with a hundredth of the penalty"}
# What is not compared where it is stated, and what leaves its penalty open.
OF_TRAINING = {"batch_size", "l2"}
OF_MODEL = {*MODEL} - {"precision", *OF_TRAINING}


class _Tried(NamedTuple):
    """A model with a penalty, and its loss in each fold."""

    settings: Settings
    name: str
    losses: np.ndarray

    @property
    def loss(self) -> float:
        return float(self.losses.mean())


def compared(
    settings: Settings, parts: Parts, stated: frozenset[str]
) -> tuple[Settings, list[str], str]:
    """The settings, what is said of them, and why this model; `stated` are the user's settings.

    On a small table the last weights are kept, and models and penalties compared: not where the
    user stated epochs, a learning rate or a penalty; and of a model that is stated, the penalties.
    A network is taken where its loss is lower by more than the standard error of the difference.
    """
    small = of_columns(settings) and len(parts.train) <= SMALL
    if (
        settings["keep"] is not None
        or not small
        or stated & {"epochs", "patience", "learning_rate"}
    ):
        return {**settings, "keep": settings["keep"] or "best"}, [], ""
    rows = f"{len(parts.val)} validation rows would choose an epoch by chance"
    settings = {**settings, "keep": "last"}
    said = [f"the last weights are kept: {rows} (--keep best)"]
    folds = [*_folds(parts)]
    ordered = settings["group"] is not None or not settings["shuffle"]  # folds would mix them
    alone = ordered or settings["text"] is not None  # texts have one model
    if alone or stated & OF_TRAINING or len(folds) < LEAST_FOLDS:
        return settings, said, ""
    models = [settings["model"]] if stated & OF_MODEL else [*TIMES]
    best = [_best(settings, model, parts, folds) for model in models]
    plain, *others = best
    found = next((other for other in others if _is_better(other, plain)), plain)
    against = [f"{short_number(each.loss)} of {each.name}" for each in best if each is not found]
    why = (
        f"chosen by cross-validation in {len(folds)} parts: its loss is "
        f"{short_number(found.loss)}{', against ' if against else ''}{', '.join(against)} "
        f"({'--model' if against else '--l2'})"
    )
    return found.settings, said, why


def with_last(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its last weights as its best."""
    record = checkpoint.record
    best = Best(record.epoch, record.metrics["val_loss"], record.state.params)
    return checkpoint._replace(record=record._replace(best=best))


def _folds(parts: Parts) -> Iterator[tuple[Memory, Memory]]:
    """Rows to train on, as many as in training, and others, with every class in its share."""
    train, val = parts.train, parts.val
    x, y = train.fields
    whole = Memory(
        {name: np.concatenate([part.arrays[name] for part in (train, val)]) for name in (x, y)},
        train.classes,
    )
    order = np.random.default_rng(0).permutation(len(whole))
    order = order[np.argsort(whole.arrays[y][order], kind="stable")]
    count = min(MOST_FOLDS, len(whole) // len(val))
    for fold in range(count):
        left = order[fold::count][: len(val)]
        yield whole.select(np.setdiff1d(order, left)), whole.select(left)


def _best(
    settings: Settings, model: str, parts: Parts, folds: list[tuple[Memory, Memory]]
) -> _Tried:
    """This model with the penalty whose loss is lowest."""
    tried = []
    for times in TIMES.get(model, TIMES["linear"]):
        plan = {**settings, "model": model, "l2": penalty(parts.train, times)}
        tried.append(_Tried(plan, f"{model}{WORDS[times]}", _losses(plan, parts, folds)))
    return min(tried, key=lambda each: each.loss)


def _is_better(other: _Tried, plain: _Tried) -> bool:
    """Whether its loss is lower by more than chance: one standard error, over the folds."""
    if not np.isfinite([plain.loss, other.loss]).all():
        return bool(other.loss < plain.loss)
    gain = plain.losses - other.losses
    return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))


def _losses(settings: Settings, parts: Parts, folds: list[tuple[Memory, Memory]]) -> np.ndarray:
    """The loss on the rows left out, by fold, without penalty; infinite where training fails."""
    settings, _ = completed(settings, parts)
    model, loss, optimizer = build(settings, parts.train)
    epochs, found = settings["epochs"], []
    for train, left in folds:
        options = {"epochs": epochs, "every": epochs, "seed": settings["seed"]}
        try:
            *_, record = descend(model, loss, optimizer, train, left, **options)
        except TrainingError:
            return np.array([np.inf])
        cost, _ = penalty_of(model, record.state.params)
        found.append(record.metrics["val_loss"] - float(cost))
    return np.array(found)
