"""The model of a small table, chosen by cross-validation, and the weights that are kept of it.

A network learns a small table by heart where a linear model does not, and misses nothing where what
is to be learned is no line. Which of these a table is cannot be seen in a validation part of some
twenty rows, and neither can the best of 2,000 epochs.
"""

from collections.abc import Iterator

import numpy as np

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import MODEL, Settings
from fnet.cli.build import build
from fnet.cli.choices import completed, penalty
from fnet.cli.figures import short_number
from fnet.cli.source import Parts
from fnet.data import Memory
from fnet.errors import TrainingError
from fnet.training.descent import descend
from fnet.training.evaluation import penalty_of
from fnet.training.records import Best

SMALL = 300  # training rows
MOST_FOLDS, LEAST_FOLDS = 4, 3
CANDIDATES = {  # model, and times its usual penalty
    "linear": ("linear", 1),
    "mlp": ("mlp", 1),
    "mlp with ten times the penalty": ("mlp", 10),
}
OF_MODEL = {*MODEL, "batch_size", "text"} - {"precision"}  # what is not compared where it is stated


def compared(
    settings: Settings, parts: Parts, stated: frozenset[str]
) -> tuple[Settings, list[str], str]:
    """The settings, what is said of them, and why this model; `stated` are the user's settings.

    On a small table the last weights are kept, and linear models and networks compared, unless the
    user stated epochs or a learning rate, or for the comparison a model.
    """
    small = settings["target"] is not None and len(parts.train) <= SMALL
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
    if stated & OF_MODEL or len(folds) < LEAST_FOLDS:
        return settings, said, ""
    plans = {
        name: {**settings, "model": model, "l2": penalty(parts.train, times)}
        for name, (model, times) in CANDIDATES.items()
    }
    losses = {name: _loss(plan, parts, folds) for name, plan in plans.items()}
    best = min(losses, key=losses.__getitem__)
    others = ", ".join(
        f"{short_number(loss)} of {name}" for name, loss in losses.items() if name != best
    )
    why = (
        f"chosen by cross-validation in {len(folds)} parts: its loss is "
        f"{short_number(losses[best])}, against {others} (--model)"
    )
    return plans[best], said, why


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


def _loss(settings: Settings, parts: Parts, folds: list[tuple[Memory, Memory]]) -> float:
    """The mean loss on the rows left out, without penalty; infinite where training fails."""
    settings, _ = completed(settings, parts)
    model, loss, optimizer = build(settings, parts.train)
    epochs, found = settings["epochs"], []
    for train, left in folds:
        options = {"epochs": epochs, "every": epochs, "seed": settings["seed"]}
        try:
            *_, record = descend(model, loss, optimizer, train, left, **options)
        except TrainingError:
            return np.inf
        cost, _ = penalty_of(model, record.state.params)
        found.append(record.metrics["val_loss"] - float(cost))
    return float(np.mean(found))
