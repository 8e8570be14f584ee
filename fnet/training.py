"""Training: one step, one epoch, and a generator of epochs whose loop belongs to the caller.

A step is forward → loss → backward → update, with no autodiff in it. Any optimizer with `init` and
`update` serves, optax's too. Data and transforms are NumPy's outside and JAX's inside the compiled
function; a last, smaller batch is padded and masked: one shape, one compilation.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss, Shape
from fnet.data.batches import PADDING, epoch_order
from fnet.data.dataset import Dataset, Memory
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError
from fnet.evaluation import blocks, correct, evaluate, inputs, mean_loss
from fnet.evaluation import predict as predict
from fnet.optimizers import apply_updates


class State(NamedTuple):
    """What a step changes: parameters, the optimizer's state, and the number of steps done."""

    params: ArrayTree
    opt_state: ArrayTree
    step: Array


class Metrics(NamedTuple):
    """Of one step, before its update: the objective (penalty included), rows right, rows in all."""

    loss: Array
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
    both losses include the model's penalty. `losses` has the loss of every step.
    """

    epoch: int
    state: State
    best: Best
    metrics: dict[str, float]
    losses: np.ndarray


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

    `shape` is that of one example, as the model sees it (`fnet.training.example_shape`).
    """
    params, _ = model.init(_keys(seed)[0], shape)
    state = State(params, optimizer.init(params), jnp.zeros((), jnp.int32))
    return Record(0, state, Best(0, float("inf"), params), {}, np.zeros(0))


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
    weights are those of the lowest validation loss, or without `val` the latest.

    Raises ConfigurationError where model, loss and data do not fit each other.
    """
    if epochs < 0:
        raise ConfigurationError(f"fit: epochs is {epochs}; it must be 0 or more")
    if batch_size is not None and batch_size < 1:
        raise ConfigurationError(f"fit: batch_size is {batch_size}; it must be 1 or more, or None")
    check_fit(model, loss, train)
    record = resume or start(model, optimizer, example_shape(train), seed)
    return _fit(model, loss, optimizer, train, val, epochs, batch_size, seed, record)


def _fit(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    train: Dataset,
    val: Dataset | None,
    epochs: int,
    batch_size: int | None,
    seed: int,
    record: Record,
) -> Iterator[Record]:
    run = make_epoch(model, loss, optimizer, train.transform)
    key = _keys(seed)[1]
    train, val = _on_device(train), val and _on_device(val)
    whole = batch_size is None  # then order is nothing to the gradient, and left alone
    size = len(train) if batch_size is None else batch_size
    order_of = functools.partial(epoch_order, len(train), size, shuffle=not whole, seed=seed)
    for epoch in range(record.epoch + 1, epochs + 1):
        state, done = record.state, []
        for x, target, order in blocks(train, order_of(epoch=epoch)):
            state, metrics = run(state, x, target, order, key)
            done.append(metrics)
        totals = Metrics(*(np.concatenate(column) for column in zip(*done, strict=True)))
        summary = _summary(loss, totals)
        best = Best(epoch, summary["train_loss"], state.params)
        if val is not None:
            values = evaluate(model, loss, state.params, val)
            summary |= {f"val_{name}": value for name, value in values.items()}
            # Not "if not best": a loss of 0 is the best there is, and a NaN never is.
            best = Best(epoch, values["loss"], state.params)
            best = best if best.loss < record.best.loss else record.best
        record = Record(epoch, state, best, summary, totals.loss)
        yield record


def stop_early(records: Iterator[Record], patience: int) -> Iterator[Record]:
    """The records up to the one that is `patience` epochs after the best."""
    for record in records:
        yield record
        if record.epoch - record.best.epoch >= patience:
            return


def until_converged(records: Iterator[Record], tolerance: float) -> Iterator[Record]:
    """The records up to the first whose parameters moved by less: ‖θᵏ⁺¹ − θᵏ‖ < tolerance."""
    before = None
    for record in records:
        yield record
        params = record.state.params
        if before is not None:
            moved = jax.tree.map(lambda new, old: jnp.sum((new - old) ** 2), params, before)
            if float(sum(jax.tree.leaves(moved))) < tolerance**2:
                return
        before = params


def example_shape(dataset: Dataset) -> Shape:
    """The shape of one example as the model sees it, after the dataset's transform."""
    return tuple(dataset[0][dataset.fields[0]].shape)


def check_fit(model: Layer, loss: Loss, dataset: Dataset) -> None:
    """Raise ConfigurationError unless the model has an output for each class of the data."""
    shape = example_shape(dataset)
    out_shape: Shape = ()

    def init(key: PRNGKey) -> ArrayTree:
        nonlocal out_shape
        params, out_shape = model.init(key, shape)
        return params

    jax.eval_shape(init, jax.random.key(0))
    if loss.reduction == "none":
        raise ConfigurationError(f"training needs one number to lower, and {loss} gives many")
    if dataset.classes and loss.probabilities is None:
        raise ConfigurationError(
            f"{loss} is for numbers, and the target is one of {len(dataset.classes)} classes"
        )
    if dataset.classes and loss.probabilities is not None:
        y = jax.ShapeDtypeStruct((1, *out_shape), jnp.float32)
        known = jax.eval_shape(loss.probabilities, y).shape[-1]
        if known < len(dataset.classes):
            raise ConfigurationError(
                f"{model} with {loss} tells {known} classes apart, and the data have "
                f"{len(dataset.classes)}"
            )


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
        if model.penalty is not None:
            cost, dcost = model.penalty.value_and_grad(params)
            value, grads = value + cost, jax.tree.map(jnp.add, grads, dcost)
        updates, opt_state = optimizer.update(grads, state.opt_state, params)
        state = State(apply_updates(params, updates), opt_state, state.step + 1)
        return state, Metrics(value, *correct(loss, y, target, where))

    return step


def _summary(loss: Loss, totals: Metrics) -> dict[str, float]:
    summary = {"train_loss": mean_loss(loss, totals.loss, totals.count)}
    if loss.probabilities is not None:
        summary["train_accuracy"] = float(totals.correct.sum() / totals.count.sum())
    return summary


def _on_device(dataset: Dataset) -> Dataset:
    if not isinstance(dataset, Memory):
        return dataset
    return dataclasses.replace(dataset, arrays=jax.device_put(dict(dataset.arrays)))


def _keys(seed: int) -> Array:
    """The key of the initial weights, and the key of the noise."""
    return jax.random.split(jax.random.key(seed), 2)
