"""How good a trained model is: loss and scores, predictions, confusions."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree
from jax.sharding import Mesh

from fnet.core import Layer, Loss
from fnet.core.expect import require
from fnet.core.remembering import remembered
from fnet.data.batches import epoch_order
from fnet.data.dataset import Dataset
from fnet.data.transforms import Transform
from fnet.data.workers import Workers
from fnet.devices.placements import HERE, Here, placement_of
from fnet.errors import ConfigurationError, DataError
from fnet.training.agreement import check_use, of_classes, require_params, require_parts
from fnet.training.exact import exact
from fnet.training.feeding import blocks, inputs, on_devices, places_of
from fnet.training.last_layer import open_for
from fnet.training.scoring import over_samples, score, weight
from fnet.training.trials import check_targets, require_samples, require_steady

CHUNK = 1024  # samples evaluated together, at most
PREDICTIONS = 2**13  # made together: of sequences, each step is one


class Predictions(NamedTuple):
    """For every sample, in order: its label, the class predicted, the probability of each class.

    For a regression `labels` are the targets, `predicted` their estimates, in the same units (the
    outputs, for a loss that makes none), `probabilities` None.

    >>> labels, predicted = np.array([0, 1]), np.array([0, 0])
    >>> result = Predictions(labels, predicted, np.array([[0.9, 0.1], [0.6, 0.4]]))
    >>> float((result.labels == result.predicted).mean()), result.named(("cat", "dog")).tolist()
    (0.5, ['cat', 'cat'])
    """

    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None

    def named(self, classes: Sequence[str]) -> np.ndarray:
        """The name of each class predicted, "" for none; `classes` are those of the checkpoint.

        Raises ConfigurationError for a regression, and for fewer or more names than classes.
        """
        count = 0 if self.probabilities is None else self.probabilities.shape[-1]
        if len(classes) != count:
            what = f"{count} classes" if count else "numbers, which have no names"
            raise ConfigurationError(
                f"named: got {len(classes)} names, and the model predicts {what}"
            )
        names: np.ndarray = np.array([*classes, ""])[self.predicted]
        return names


def evaluate(
    model: Layer,
    loss: Loss,
    params: ArrayTree,
    dataset: Dataset,
    batch_size: int | None = None,
    *,
    classes: Sequence[str] | None = None,
    workers: int | Workers = 0,
    mesh: Mesh | Here | None = None,
) -> dict[str, float]:
    """The loss over all samples, penalty included, and how good predictions are.

    That is the accuracy of a classifier. A regression of one number per sample has r2, the share of
    the target's variance that is predicted, and the mean absolute and root mean square errors mae
    and rmse, in units of the target (`fnet.training.metrics` has the formulas and many more). All
    are over samples, not means of batch means: up to rounding they do not depend on
    `batch_size`, nor on how many `workers` read a dataset that is not in memory. A row whose output
    is NaN is not right. `classes` are the names of what the model distinguishes, as train.classes:
    those of the dataset are matched with them by name. Without them a dataset with names for more
    or fewer classes is refused. `mesh` is that of `fit`. Raises ConfigurationError or DataError as
    `fit` does.

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
    _require("evaluate", model, loss, params, dataset)
    dataset = exact(of_classes("evaluate", model, loss, dataset, classes))
    check_use(model, loss, dataset)
    placement = placement_of(mesh)
    placement.batch("evaluate: batch_size", batch_size, len(dataset))
    params = placement.state(params)
    held = on_devices(dataset, placement)
    return measured(model, loss, params, dataset, held, batch_size, workers=workers)


def measured(
    model: Layer,
    loss: Loss,
    params: ArrayTree,
    dataset: Dataset,
    held: tuple[Dataset, Here],
    batch_size: int | None = None,
    *,
    workers: int | Workers = 0,
) -> dict[str, float]:
    """What `evaluate` returns, for what was checked already and is held `on_devices`."""
    samples, placement = held
    look = make_look(model, loss, dataset.transform, placement)
    check = functools.partial(check_targets, loss)
    order = in_turn(dataset, batch_size, placement)
    read = blocks(samples, order, workers=workers, check=check, placement=placement)
    parts = [look(params, *block) for *block, _ in read]
    columns = (np.concatenate(column) for column in zip(*jax.device_get(parts), strict=True))
    return over_samples(loss, *columns)


def in_turn(dataset: Dataset, batch_size: int | None = None, placement: Here = HERE) -> np.ndarray:
    """The order of an evaluation, each sample once, in batches of this size.

    Without a size fewer samples are together, where each has many predictions.
    """
    if batch_size is None:
        target: np.ndarray = dataset.gather(np.zeros(1, int))[dataset.fields[1]]
        batch_size = max(1, min(CHUNK, PREDICTIONS // max(int(target.size), 1)))
    size = placement.size(min(batch_size, len(dataset)))
    return epoch_order(len(dataset), size, shuffle=False)


def predict(
    model: Layer,
    loss: Loss,
    params: ArrayTree,
    dataset: Dataset,
    batch_size: int | None = None,
    *,
    classes: Sequence[str] | None = None,
    mesh: Mesh | Here | None = None,
) -> Predictions:
    """The model's predictions for every sample, in the dataset's order; `classes` as `evaluate`.

    `mesh` is that of `fit`. The class of a sample whose output is NaN, as that of an input of NaN,
    is −1: none.

    >>> from fnet import data, losses, models
    >>> x, labels = np.array([[-2.0], [0.5], [2.0]]), np.array([0, 0, 1])
    >>> dataset = data.memory({"features": x, "label": labels})
    >>> model, loss = models.logistic_regression(), losses.bce()
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> params = jax.tree.map(jnp.ones_like, params)  # σ(x + 1)
    >>> predict(model, loss, params, dataset).predicted.tolist()
    [0, 1, 1]
    """
    _require("predict", model, loss, params, dataset)
    require_steady(dataset)
    n, dataset = len(dataset), exact(of_classes("predict", model, loss, dataset, classes))
    placement = placement_of(mesh)
    placement.batch("predict: batch_size", batch_size, n)
    held, placement = on_devices(dataset, placement)
    apply = _make_apply(model, dataset.transform, placement)
    params, order = placement.state(params), in_turn(dataset, batch_size, placement)
    read = blocks(held, order, placement=placement)
    pairs = [apply(params, *block) for *block, _ in read]
    outputs = jnp.concatenate([y.reshape(-1, *y.shape[2:]) for y, _ in pairs])[:n]
    labels = np.concatenate([np.asarray(t).reshape(-1, *t.shape[2:]) for _, t in pairs])[:n]
    if loss.probabilities is None:
        wide = np.asarray(outputs, np.float64)  # so that a large mean does not take digits
        estimate = outputs if loss.estimate is None else loss.estimate(wide)
        return Predictions(labels, np.asarray(estimate), None)
    probabilities = np.asarray(loss.probabilities(outputs))
    if loss.predict is None:
        predicted = np.where(np.isnan(probabilities).any(-1), -1, probabilities.argmax(-1))
    else:
        predicted = np.asarray(loss.predict(outputs))
    return Predictions(labels, predicted, probabilities)


def _require(who: str, model: Any, loss: Any, params: Any, dataset: Any) -> None:
    order = f"{who}(model, loss, params, dataset)"
    require_parts(order, ("model", model), ("loss", loss), ("dataset", dataset))
    require_params(params)
    require_samples(dataset, "dataset")


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


@remembered
def make_look(
    model: Layer, loss: Loss, transform: Transform, placement: Here = HERE
) -> Callable[..., Any]:
    """The compiled look(params, x, target, order): the columns of `Metrics`, an entry per batch.

    They are what `fnet.training.scoring.over_samples` takes.

    >>> from fnet import data, losses
    >>> from fnet.layers import relu
    >>> look = make_look(relu(), losses.mse(), data.compose())
    >>> x, target = jnp.array([-1.0, 2.0, 3.0]), jnp.array([0.0, 0.0, 0.0])
    >>> [float(v) for v in look((), x, target, jnp.array([[0, 1], [2, -1]]))[0]]
    [2.0, 9.0]
    """
    spread, loss = placement.model(open_for(loss, model)), placement.loss(loss)

    @placement.jit
    def look(params: ArrayTree, x: Any, target: Array, order: Array) -> Any:
        cost, _ = penalty_of(model, params)

        def chunk(order: Array) -> Any:
            places, where = places_of(order)
            rows, labels = placement.taken((x, target), places)
            y = spread.forward(params, inputs(transform, params, rows))[0]
            value, _ = loss.value_and_grad(y, labels, where)
            return value, cost, *score(loss, y, labels, where), weight(loss, labels, where)

        return placement.everywhere(jax.lax.map(chunk, order))

    return look


@remembered
def _make_apply(
    model: Layer, transform: Transform, placement: Here
) -> Callable[..., tuple[Array, Array]]:
    """The compiled apply(params, x, target, order) -> y, targets of each batch."""
    spread = placement.model(model)

    @placement.jit
    def apply(params: ArrayTree, x: Any, target: Array, order: Array) -> Any:
        def chunk(order: Array) -> tuple[Array, Array]:
            rows, labels = placement.taken((x, target), places_of(order)[0])
            return spread.forward(params, inputs(transform, params, rows))[0], labels

        return placement.everywhere(jax.lax.map(chunk, order))

    return apply
