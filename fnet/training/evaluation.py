"""How good a trained model is: loss and accuracy, predictions, confusions."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Layer, Loss
from fnet.core.expect import require
from fnet.core.remembering import remembered
from fnet.data.batches import epoch_order
from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform
from fnet.data.workers import Workers
from fnet.errors import DataError
from fnet.training.agreement import check_use
from fnet.training.feeding import blocks, inputs, on_device, places_of, taken
from fnet.training.trials import check_targets, require_samples, require_steady

CHUNK = 1024  # samples evaluated together


class Predictions(NamedTuple):
    """For every sample, in order: its label, the class predicted, the probability of each class.

    For a regression `labels` are the targets, `predicted` the outputs, `probabilities` None.

    >>> labels, predicted = np.array([0, 1]), np.array([0, 0])
    >>> result = Predictions(labels, predicted, np.array([[0.9, 0.1], [0.6, 0.4]]))
    >>> float((result.labels == result.predicted).mean())
    0.5
    """

    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None


def evaluate(
    model: Layer,
    loss: Loss,
    params: ArrayTree,
    dataset: Dataset,
    batch_size: int = CHUNK,
    *,
    workers: int | Workers = 0,
) -> dict[str, float]:
    """The loss over all samples, penalty included, and for a classifier the accuracy.

    Both are over samples, not means of batch means: up to rounding they do not depend on
    `batch_size`, nor on how many `workers` read a dataset that is not in memory. A row whose output
    is NaN is not right. Raises ConfigurationError or DataError as `fit` does.

    >>> from fnet import data, losses, models
    >>> x, labels = np.array([[-2.0], [0.5], [2.0]]), np.array([0, 0, 1])
    >>> dataset = data.memory({"features": x, "label": labels})
    >>> model, loss = models.logistic_regression(), losses.bce()
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> params = jax.tree.map(jnp.ones_like, params)  # σ(x + 1)
    >>> metrics = evaluate(model, loss, params, dataset)
    >>> {name: round(value, 2) for name, value in metrics.items()}
    {'loss': 0.69, 'accuracy': 0.67}
    """
    require_samples(dataset, "dataset")
    check_use(model, loss, dataset)
    return measured(model, loss, params, dataset, batch_size, workers=workers)


def measured(
    model: Layer,
    loss: Loss,
    params: ArrayTree,
    dataset: Dataset,
    batch_size: int = CHUNK,
    *,
    workers: int | Workers = 0,
) -> dict[str, float]:
    """What `evaluate` returns, for what was checked already."""
    look = make_look(model, loss, dataset.transform)
    order = epoch_order(len(dataset), min(batch_size, len(dataset)), shuffle=False)
    check = functools.partial(check_targets, loss)
    read = blocks(on_device(dataset), order, workers=workers, check=check)
    parts = [look(params, *block) for *block, _ in read]
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return over_samples(loss, *columns)


def predict(
    model: Layer, loss: Loss, params: ArrayTree, dataset: Dataset, batch_size: int = CHUNK
) -> Predictions:
    """The model's predictions for every sample, in the dataset's order.

    The class of a sample whose output is NaN, as that of an input of NaN, is −1: none.

    >>> from fnet import data, losses, models
    >>> x, labels = np.array([[-2.0], [0.5], [2.0]]), np.array([0, 0, 1])
    >>> dataset = data.memory({"features": x, "label": labels})
    >>> model, loss = models.logistic_regression(), losses.bce()
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> params = jax.tree.map(jnp.ones_like, params)  # σ(x + 1)
    >>> predict(model, loss, params, dataset).predicted.tolist()
    [0, 1, 1]
    """
    require_samples(dataset, "dataset")
    require_steady(dataset)
    n = len(dataset)
    apply = _make_apply(model, dataset.transform)
    order = epoch_order(n, min(batch_size, n), shuffle=False)
    pairs = [(apply(params, *block), block[1]) for *block, _ in blocks(on_device(dataset), order)]
    outputs = jnp.concatenate([y.reshape(-1, *y.shape[2:]) for y, _ in pairs])[:n]
    labels = np.concatenate([np.asarray(target) for _, target in pairs])[:n]
    if loss.probabilities is None:
        return Predictions(labels, np.asarray(outputs), None)
    probabilities = np.asarray(loss.probabilities(outputs))
    if loss.predict is None:
        predicted = np.where(np.isnan(probabilities).any(-1), -1, probabilities.argmax(-1))
    else:
        predicted = np.asarray(loss.predict(outputs))
    return Predictions(labels, predicted, probabilities)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) counts: row = the true class, column = the class predicted.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    require(
        labels.ndim == 1 and labels.shape == predicted.shape,
        f"confusion_matrix: labels is {labels.shape} and predicted {predicted.shape}; "
        "they must have one length, one number per sample",
    )
    both = np.concatenate((labels, predicted)).astype(int)
    if ((both < 0) | (both >= classes)).any():
        none = "; a prediction of −1 is that of an output of NaN" if (predicted < 0).any() else ""
        raise DataError(
            f"confusion_matrix: a label or a prediction is not from 0 to {classes - 1}{none}"
        )
    pairs = labels.astype(int) * classes + predicted.astype(int)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def correct(loss: Loss, y: Array, target: Array, where: Array | None) -> tuple[Array, Array]:
    """How many rows are classified correctly (none in a regression), and how many count.

    The label of a row of soft labels is its most probable class.

    >>> from fnet import losses
    >>> y, target = jnp.array([0.9, 0.2, 0.4]), jnp.array([1.0, 1.0, 0.0])
    >>> right, rows = correct(losses.bce(), y, target, where=jnp.array([True, True, False]))
    >>> float(right), int(rows)
    (1.0, 2)
    """
    rows = jnp.asarray(len(y)) if where is None else where.sum()
    if loss.predict is None:
        return jnp.zeros((), jnp.float32), rows
    guess = loss.predict(y)
    label = _labels(target, guess)
    hits = (guess == label.astype(guess.dtype)).reshape(len(y), -1)
    if loss.ignored is None or jnp.issubdtype(target.dtype, jnp.floating):
        share = hits.mean(axis=1, dtype=jnp.float32)
        return (share if where is None else jnp.where(where, share, 0)).sum(), rows
    counted = ~loss.ignored(target).reshape(hits.shape)
    counted = counted if where is None else counted & where.reshape(len(y), -1)
    sizes = counted.sum(axis=1)
    share = (hits & counted).sum(axis=1, dtype=jnp.float32) / jnp.maximum(sizes, 1).astype(
        jnp.float32
    )
    return share.sum(), (sizes > 0).sum()


def _labels(target: Array, guess: Array) -> Array:
    """The label of each prediction: of soft labels, one number per class, the most probable."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        return target
    return target.argmax(axis=-1) if target.ndim > guess.ndim else target >= 0.5


def penalty_of(model: Layer, params: ArrayTree) -> tuple[Array, ArrayTree | None]:
    """The model's penalty and its gradient; 0 and None where it has none.

    >>> from fnet.layers import affine
    >>> model = affine(2, l2=0.5)
    >>> params = jax.tree.map(jnp.ones_like, model.init(jax.random.key(0), (3,))[0])
    >>> value, gradient = penalty_of(model, params)
    >>> float(value), gradient.b.tolist()
    (3.0, [0.0, 0.0])
    """
    if model.penalty is None:
        return jnp.zeros(()), None
    value, gradient = model.penalty.value_and_grad(params)
    return value, gradient


def over_samples(
    loss: Loss, values: np.ndarray, costs: np.ndarray, hits: np.ndarray, counts: np.ndarray
) -> dict[str, float]:
    """Loss and accuracy over all samples, from losses, penalties, hits and sizes of batches.

    >>> from fnet import losses
    >>> values, costs, hits, counts = np.array([[1.0, 5.0], [0.5, 0.5], [3, 0], [3, 1]])
    >>> over_samples(losses.bce(), values, costs, hits, counts)
    {'loss': 2.5, 'accuracy': 0.75}
    """
    if counts.sum() == 0:  # every label is ignored
        return {"loss": np.nan, "accuracy": np.nan}
    cost, mean = (
        np.average(column.astype(np.float64), weights=counts) for column in (costs, values)
    )
    whole = values.astype(np.float64).sum() if loss.reduction == "sum" else mean
    metrics = {"loss": float(whole + cost)}
    if loss.probabilities is not None:
        metrics["accuracy"] = float(hits.sum() / counts.sum())
    return metrics


@remembered
def make_look(model: Layer, loss: Loss, transform: Transform) -> Callable[..., Any]:
    """The compiled look(params, x, target, order): the columns of `Metrics`, an entry per batch.

    They are loss, penalty, correct rows and all rows, as `over_samples` takes them.

    >>> from fnet import data, losses
    >>> from fnet.layers import relu
    >>> look = make_look(relu(), losses.mse(), data.compose())
    >>> x, target = jnp.array([-1.0, 2.0, 3.0]), jnp.array([0.0, 0.0, 0.0])
    >>> [float(v) for v in look((), x, target, jnp.array([[0, 1], [2, -1]]))[0]]
    [2.0, 9.0]
    """

    @jax.jit
    def look(params: ArrayTree, x: Any, target: Array, order: Array) -> Any:
        cost, _ = penalty_of(model, params)

        def chunk(order: Array) -> Any:
            places, where = places_of(order)
            y = model.forward(params, inputs(transform, params, taken(x, places)))[0]
            labels = target[places]
            value, _ = loss.value_and_grad(y, labels, where)
            return value, cost, *correct(loss, y, labels, where)

        return jax.lax.map(chunk, order)

    return look


@remembered
def _make_apply(model: Layer, transform: Transform) -> Callable[..., Array]:
    @jax.jit
    def apply(params: ArrayTree, x: Any, target: Array, order: Array) -> Array:
        def chunk(order: Array) -> Array:
            y: Array = model.forward(
                params, inputs(transform, params, taken(x, places_of(order)[0]))
            )[0]
            return y

        return jax.lax.map(chunk, order)

    return apply
