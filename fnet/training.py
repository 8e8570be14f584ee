"""Training: one step, one epoch, and a generator of epochs whose loop belongs to the caller.

A step is forward → loss → backward → update, with no autodiff in it. Any optimizer with `init` and
`update` serves, optax's too. Data and transforms are NumPy's outside and JAX's inside the compiled
function; a last, smaller batch is padded and masked: one shape, one compilation.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss, Shape
from fnet.data.batches import PADDING, epoch_order
from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform, compose
from fnet.evaluation import correct, evaluate, over_samples, penalty_of
from fnet.expect import require_number
from fnet.feeding import blocks, check_fit, example_shape, inputs, on_device
from fnet.initializers import keys
from fnet.optimizers import apply_updates


class State(NamedTuple):
    """What a step changes: parameters, the optimizer's state, and the number of steps done."""

    params: ArrayTree
    opt_state: ArrayTree
    step: Array


class Metrics(NamedTuple):
    """Of one step, before its update: loss, the model's penalty, rows right, rows in all."""

    loss: Array
    penalty: Array
    correct: Array
    count: Array


class Best(NamedTuple):
    """The parameters of the epoch with the lowest validation loss so far."""

    epoch: int
    loss: float
    params: ArrayTree


class Record(NamedTuple):
    """An epoch of training, and all that is needed to go on from it.

    `metrics` has train_loss and, with validation, val_loss; for a classifier train_accuracy and
    val_accuracy too. Training metrics are means over the epoch's samples as the weights changed;
    both losses include the model's penalty. Since the record before, `losses` has the loss of each
    step, and `history` the metrics of each epoch.
    """

    epoch: int
    state: State
    best: Best
    metrics: dict[str, float]
    losses: np.ndarray
    history: dict[str, np.ndarray]


@functools.lru_cache(maxsize=256)
def make_step(
    model: Layer, loss: Loss, optimizer: Any, transform: Transform = compose()
) -> Callable[..., tuple[State, Metrics]]:
    """The compiled step(state, x, target, where=None, key=None) -> state, metrics.

        y, cache = forward(θ, transform(x))      value, dy = loss(y, target)
        dθ = backward(θ, cache, dy) + ∇penalty(θ)      θ ← θ + update(dθ)

    x: (N, ...), cast to the dtype of θ. target: (N, ...). where: (N,) bool, the rows that count.
    key: noise for layers that take some, a fresh one each step. Equal arguments give the same
    compiled function.
    """
    return jax.jit(_step(model, loss, optimizer, transform))


@functools.lru_cache(maxsize=256)
def make_epoch(
    model: Layer, loss: Loss, optimizer: Any, transform: Transform = compose()
) -> Callable[..., tuple[State, Metrics]]:
    """The compiled epoch(state, x, target, order, key=None) -> state, metrics of every step.

    x and target hold all samples, on the device; `order` (steps, batch_size) the places of each
    batch among them, −1 where a batch has no more (`fnet.data.epoch_order`). One scan over steps.
    """
    step = _step(model, loss, optimizer, transform)

    @jax.jit
    def epoch(
        state: State, x: Array, target: Array, order: Array, key: PRNGKey | None = None
    ) -> tuple[State, Metrics]:
        def body(state: State, places: Array) -> tuple[State, Metrics]:
            return step(state, x[places], target[places], places != PADDING, key)

        return jax.lax.scan(body, state, order)

    return epoch


def start(model: Layer, optimizer: Any, shape: Shape, seed: int = 0) -> Record:
    """The record before the first epoch: initial weights, drawn from the seed, which are its best.

    `shape` is that of one example, as the model sees it (`fnet.feeding.example_shape`).
    """
    params, _ = model.init(keys(seed)[0], shape)
    state = State(params, optimizer.init(params), jnp.zeros((), jnp.int32))
    return Record(0, state, Best(0, float("inf"), params), {}, np.zeros(0), {})


def fit(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    seed: int = 0,
    resume: Record | None = None,
) -> Iterator[Record]:
    """Train, and yield a `Record` after each epoch, up to epoch number `epochs`.

    Without `batch_size` the batch is all of `train`. A dataset in memory is put on the device once
    and an epoch is one compiled scan; any other is read batch by batch. The order of samples is a
    function of (seed, epoch), so that training resumed from a record goes on bit for bit. The best
    weights are those of the lowest validation loss, or without `val` the latest. A resumed run
    keeps the learning rate of its state (`fnet.optimizers.set_learning_rate`).

    Raises ConfigurationError where model, loss and data do not fit each other.
    """
    check_fit(model, loss, optimizer, train, resume)
    size = len(train) if batch_size is None else min(batch_size, len(train))
    require_number("fit: epochs", int(epochs), least=0)
    require_number("fit: batch_size", size, least=1)
    shuffle = batch_size is not None  # to a whole batch the order is nothing, and left alone
    run = make_epoch(model, loss, optimizer, train.transform)
    key = keys(seed)[1]
    held, held_val = on_device(train), None if val is None else on_device(val)

    def one_epoch(record: Record) -> Record:
        epoch, state = record.epoch + 1, record.state
        order = epoch_order(len(train), size, shuffle=shuffle, seed=seed, epoch=epoch)
        done = []
        for x, target, places in blocks(held, order):
            state, metrics = run(state, x, target, places, key)
            done.append(metrics)
        steps = Metrics(*(np.concatenate(column) for column in zip(*done, strict=True)))
        found = {f"train_{name}": value for name, value in over_samples(loss, *steps).items()}
        best = Best(epoch, found["train_loss"], state.params)
        if held_val is not None:
            values = evaluate(model, loss, state.params, held_val)
            found |= {f"val_{name}": value for name, value in values.items()}
            # Not "if not best": a loss of 0 is the best there is, and a NaN never is.
            better = values["loss"] < record.best.loss
            best = Best(epoch, values["loss"], state.params) if better else record.best
        history = {name: np.array([value]) for name, value in found.items()}
        return Record(epoch, state, best, found, steps.loss + steps.penalty, history)

    def records(record: Record) -> Iterator[Record]:
        while record.epoch < epochs:
            record = one_epoch(record)
            yield record

    return records(resume or start(model, optimizer, example_shape(train), seed))


def _step(
    model: Layer, loss: Loss, optimizer: Any, transform: Transform
) -> Callable[..., tuple[State, Metrics]]:
    def step(
        state: State,
        x: Array,
        target: Array,
        where: Array | None = None,
        key: PRNGKey | None = None,
    ) -> tuple[State, Metrics]:
        params = state.params
        noise = None if key is None else jax.random.fold_in(key, state.step)
        y, cache = model.forward(params, inputs(transform, params, x), noise)
        value, dy = loss.value_and_grad(y, target, where)
        grads, _ = model.backward(params, cache, dy)
        cost, dcost = penalty_of(model, params)
        if dcost is not None:
            grads = jax.tree.map(jnp.add, grads, dcost)
        updates, opt_state = optimizer.update(grads, state.opt_state, params)
        state = State(apply_updates(params, updates), opt_state, state.step + 1)
        return state, Metrics(value, cost, *correct(loss, y, target, where))

    return step
