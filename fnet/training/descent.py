"""Gradient descent on all samples at once, many epochs in one compiled call.

An epoch of a small model takes a microsecond or two, and a call from Python a hundred: so one call
runs many epochs. The loop does nothing but descend; losses are computed afterwards, side by side.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from chex import Array, ArrayTree
from jax.sharding import Mesh

from fnet.core import Layer, Loss
from fnet.core.expect import require_whole
from fnet.core.trees import nbytes
from fnet.data.dataset import Dataset, Memory
from fnet.devices.placements import HERE, Here, placement_of
from fnet.errors import ConfigurationError
from fnet.initializers import keys
from fnet.training.agreement import check_fit, check_validation
from fnet.training.exact import exact
from fnet.training.feeding import example_shape, on_device
from fnet.training.postmortem import Training, require_finite, require_finite_validation
from fnet.training.records import Best, Record, start
from fnet.training.resuming import check_seen, with_rate_of
from fnet.training.scoring import summed
from fnet.training.solving import (
    has_ended,
    is_solver,
    require_finite_end,
    require_steady_model,
)
from fnet.training.step import make_step
from fnet.training.stopping import is_tired
from fnet.training.stretches import Stretch, make_stretch

KEPT = 2**28  # bytes of parameters kept between two records, at most


def descend(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None = None,
    *,
    epochs: int,
    every: int = 1000,
    patience: int | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    resume: Record | None = None,
    mesh: Mesh | Here | None = None,
) -> Iterator[Record]:
    """Train on all of `train` at each step; yield a `Record` every `every` epochs, and at the end.

    Up to rounding it is `fit` without a batch size: the same weights, best weights and metrics,
    those of every epoch in `history`. It ends after `epochs`, or `patience` epochs after the best
    one, or with the first step shorter than `tolerance`, ‖θᵏ⁺¹ − θᵏ‖ < tolerance.

    The optimizer may be a solver, `lbfgs()`: an epoch is then one of its steps, and training ends
    as well where it has converged, or cannot go on; `solvers.words(record.state.opt_state.reason)`
    says which.

    Every step takes all samples as they are, so there is no `augmentation` here: for other images
    in every step, `fit` with a batch size. A learning rate is resumed as in `fit`.

    `mesh` is that of several devices, as in `fit`; where they do not divide the samples, rows that
    count for nothing are added. A solver is divided by the compiler, as a layer of one's own is.

    The parameters of all epochs between two records are kept, and `every` is lowered where they
    would take more than 256 MB. Raises what `fit` does, and where the data are not in memory.

    >>> from fnet import data, losses, models, optimizers
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> train = data.memory({"features": x, "label": np.arange(60) // 30})
    >>> model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.sgd(1.0)
    >>> *_, record = descend(model, loss, optimizer, train, epochs=2000)
    >>> record.epoch, record.metrics["train_loss"] < 0.1
    (2000, True)
    """
    train, val = exact(train), None if val is None else exact(val)
    check_fit(model, loss, optimizer, train, resume)
    val = check_validation(model, loss, train, val)
    given = [train] if val is None else [train, val]
    parts = [part for part in given if isinstance(part, Memory)]
    if len(parts) < len(given):
        raise ConfigurationError("descend: the data must be in memory: fnet.data.memory(dataset)")
    if patience is not None and val is None:
        raise ConfigurationError("descend: patience needs a validation set: give `val`")
    require_whole("descend: epochs", epochs, least=0)
    require_whole("descend: every", every, least=1)
    placement = placement_of(mesh)
    if resume is None:
        begin = start(model, optimizer, example_shape(train), seed, placement)
    else:
        begin = with_rate_of(optimizer, resume)
    if is_solver(optimizer):
        require_steady_model(optimizer, model)
    order = np.arange(len(train))
    check_seen(begin, order[None])
    length = max(1, min(every, epochs, KEPT // max(nbytes(begin.state.params), 1)))
    transforms = (part.transform for part in parts)
    run = make_stretch(model, loss, optimizer, length, *transforms, placement=placement)
    held = [_held(part, placement) for part in parts]
    training = Training(model, loss, optimizer, train, make_step, keys(seed)[1])

    def records(record: Record) -> Iterator[Record]:
        ended = has_ended(record.state) or (patience is not None and is_tired(record, patience))
        while record.epoch < epochs and not ended:
            count = min(length, epochs - record.epoch)
            stretch = run(record.state, placement.sent(count), held, training.key)
            done = stretch.state.step - record.state.step  # fewer where a solver ended
            count, moved = jax.device_get((done, stretch.moved))
            history = _history(loss, stretch, count)
            done, best, ended = _judge(record, history, moved[:count], patience, tolerance)
            if done < count:  # the state is that after `count` epochs: run `done` of them again
                stretch = run(record.state, placement.sent(done), held, training.key)
            before, record = record, _record(record, history, stretch, done, best, placement)
            if is_solver(optimizer):
                require_finite_end(record)
                ended = ended or has_ended(record.state)
            else:
                require_finite(training, before, record, [order] * done)
            require_finite_validation(before, record)
            yield record

    state = placement.state(begin.state)
    return records(begin._replace(state=state, classes=tuple(train.classes)))


def _held(part: Memory, placement: Here) -> tuple[Any, Any, Any]:
    """x, target, and which rows count: None where all do."""
    arrays = on_device(part).arrays if placement == HERE else part.arrays
    x, target = (placement.divided(value) for value in arrays.values())
    rows, size = len(part), placement.size(len(part))
    return x, target, None if rows == size else placement.divided(np.arange(size) < rows)


def _history(loss: Loss, stretch: Stretch, count: int) -> dict[str, np.ndarray]:
    """The metrics of each epoch, by the names that `fit` gives them."""
    history = {}
    for part, columns in zip(("train", "val"), stretch.looks, strict=False):
        values, scores, rows = (column[:count] for column in jax.device_get(columns))
        history[f"{part}_loss"] = values.astype(np.float64)
        for name, figures in summed(loss, scores[:, None], rows[:, None]).items():
            history[f"{part}_{name}"] = figures.astype(np.float64)
    return history


def _judge(
    record: Record,
    history: dict[str, np.ndarray],
    moved: np.ndarray,
    patience: int | None,
    tolerance: float,
) -> tuple[int, int | None, bool]:
    """How many of these epochs count, the best of them (None: an earlier one), whether to end."""
    short = np.flatnonzero(moved < tolerance)
    count = int(short[0]) + 1 if len(short) else len(moved)
    if "val_loss" not in history:
        return count, count - 1, bool(len(short))
    best_epoch, least, best = record.best.epoch, record.best.loss, None
    for k, value in enumerate(history["val_loss"][:count].tolist()):
        if value < least:  # never true of NaN
            best_epoch, least, best = record.epoch + k + 1, value, k
        if patience is not None and record.epoch + k + 1 - best_epoch >= patience:
            return k + 1, best, True
    return count, best, bool(len(short))


def _record(
    record: Record,
    history: dict[str, np.ndarray],
    stretch: Stretch,
    done: int,
    best: int | None,
    placement: Here,
) -> Record:
    history = {name: values[:done] for name, values in history.items()}
    kept = record.best
    if best is not None:
        params = _of_epoch(stretch.params, placement.sent(best))
        value = history.get("val_loss", history["train_loss"])[best]
        kept = Best(record.epoch + best + 1, float(value), params)
    return record._replace(
        epoch=record.epoch + done,
        state=stretch.state,
        best=kept,
        metrics={name: float(values[-1]) for name, values in history.items()},
        losses=history["train_loss"],
        history=history,
    )


@jax.jit
def _of_epoch(params: ArrayTree, place: Array) -> ArrayTree:
    """The parameters of one epoch, of those of several."""
    return jax.tree.map(lambda leaf: leaf[place], params)
