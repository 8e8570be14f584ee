"""What training yields: a record of an epoch, with all that is needed to resume from it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Layer, Shape
from fnet.devices.placements import HERE, Here
from fnet.initializers import keys
from fnet.training.rates import rates_of


class State(NamedTuple):
    """What a step changes: parameters, the optimizer's state, and the number of steps done.

    >>> import jax
    >>> from fnet.layers import affine
    >>> params, _ = affine(2).init(jax.random.key(0), (3,))
    >>> State(params, opt_state=(), step=jnp.array(0)).params.w.shape
    (2, 3)
    """

    params: ArrayTree
    opt_state: ArrayTree
    step: Array


class Metrics(NamedTuple):
    """Of one step, before its update: loss, penalty, correct rows, all rows, and their weight.

    In place of correct rows a regression has its `fnet.training.scoring.deviations`. The weight is
    what the mean of the loss divides by: the number of rows, or the sum of their classes' weights.

    >>> count = np.array([4, 1])
    >>> steps = Metrics(np.array([0.7, 0.5]), np.zeros(2), np.array([3, 1]), count, weight=count)
    >>> float(steps.correct.sum() / steps.count.sum())
    0.8
    """

    loss: Array
    penalty: Array
    correct: Array
    count: Array
    weight: Array


class Best(NamedTuple):
    """The parameters of the epoch with the lowest validation loss so far.

    >>> Best(epoch=7, loss=0.25, params=()).epoch
    7
    """

    epoch: int
    loss: float
    params: ArrayTree


class Course(NamedTuple):
    """What determines the batches of an epoch; `digest` is of some of the samples.

    >>> Course(seed=0, batch_size=32, samples=100, digest="5d41402abc4b").samples
    100
    """

    seed: int
    batch_size: int
    samples: int
    digest: str


NOTHING = Metrics(*(np.zeros(0) for _ in Metrics._fields))


class Record(NamedTuple):
    """Training after a number of whole epochs, with all that is needed to resume it.

    `metrics` has train_loss and, with validation, val_loss; for a classifier train_accuracy and
    val_accuracy too, for a regression r2, mae and rmse of each. Training metrics are means over the
    epoch's samples as the weights changed; both losses include the model's penalty. `losses` has
    the loss of each step since the previous record, and `history` the metrics of each epoch since
    then. `seen` has one entry per step of the epoch in progress, and none at the end of an epoch;
    `course` is that of an epoch in progress, and None at its end. `rates` are the learning rates of
    the optimizer that the run began with, `classes` the names of those in its training data.

    >>> from fnet import models, optimizers
    >>> record = start(models.logistic_regression(), optimizers.sgd(0.1), (3,))
    >>> record.epoch, int(record.state.step), record.best.epoch, record.metrics
    (0, 0, 0, {})
    """

    epoch: int
    state: State
    best: Best
    metrics: dict[str, float]
    losses: np.ndarray
    history: dict[str, np.ndarray]
    seen: Metrics = NOTHING
    course: Course | None = None
    rates: tuple[float, ...] | None = None
    classes: tuple[str, ...] = ()


def start(
    model: Layer, optimizer: Any, shape: Shape, seed: int = 0, placement: Here = HERE
) -> Record:
    """The record before the first epoch: initial weights, drawn from the seed, as its best.

    `shape` is that of one example, as the model sees it (`fnet.training.feeding.example_shape`).
    Where a placement divides weights, each device draws its part of them alone: the same numbers,
    to the bit for layers of fnet.

    >>> from fnet import models, optimizers
    >>> record = start(models.logistic_regression(), optimizers.sgd(0.1), shape=(3,), seed=1)
    >>> record.state.params[0].w.shape
    (1, 3)
    """

    def make() -> State:
        params, _ = model.init(keys(seed)[0], shape)
        return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))

    state = placement.made(make)
    best = Best(0, float("inf"), state.params)
    return Record(0, state, best, {}, np.zeros(0), {}, rates=rates_of(state.opt_state))


def advanced(record: Record, state: State, parts: list[tuple[Metrics, slice]]) -> Record:
    """The record some steps later, with this state and the metrics of these steps."""
    columns = zip(*(jax.device_get(metrics) for metrics, _ in parts), strict=True)
    spans = [span for _, span in parts]
    steps = Metrics(
        *(
            np.concatenate([c[span] for c, span in zip(column, spans, strict=True)])
            for column in columns
        )
    )
    begun = len(record.seen.count) > 0
    seen = Metrics(*map(_joined, record.seen, steps)) if begun else steps
    losses = steps.loss + steps.penalty
    return record._replace(state=state, losses=losses, history={}, seen=seen)


def _joined(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.concatenate((before, after))


def ended(record: Record, metrics: dict[str, float]) -> Record:
    """The record at the end of the epoch in progress, which has these metrics.

    The latest weights become the best without validation, or where their loss is the lowest.
    """
    epoch = record.epoch + 1
    latest = Best(epoch, metrics.get("val_loss", metrics["train_loss"]), record.state.params)
    # Not "if not best": a loss of 0 is the best there is.
    better = "val_loss" not in metrics or latest.loss < record.best.loss
    history = {name: np.array([value]) for name, value in metrics.items()}
    best = latest if better else record.best
    return record._replace(
        epoch=epoch, best=best, metrics=metrics, history=history, seen=NOTHING, course=None
    )
