"""The pictures of a finished run: its curves, its predictions and probabilities, what a network for
images attends to, its first filters, and a logistic model's sigmoid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet import plots
from fnet.checkpoint import Checkpoint
from fnet.cli.run import write_picture
from fnet.data import Memory
from fnet.training.evaluation import Predictions, confusion_matrix
from fnet.training.feeding import inputs

SHOWN = 16  # images whose attention is drawn


def draw(
    folder: Path,
    checkpoint: Checkpoint,
    history: Sequence[Mapping[str, float]],
    test: Memory,
    predictions: Predictions,
    target: str | None,
) -> None:
    """Write the pictures that apply to this run."""
    if history:
        write_picture(folder / "curves.png", plots.curves(history))
    judge(folder, predictions, checkpoint.classes, target)
    if test.fields[0] == "image":
        answers = predictions.labels, predictions.predicted, checkpoint.classes
        picture = plots.predictions(test.arrays["image"], *answers, predictions.probabilities)
        write_picture(folder / "predictions.png", picture)
        write_picture(folder / "attention.png", _attention(checkpoint, predictions, test))
        kernels = _kernels(checkpoint.record.best.params)
        if kernels is not None:
            write_picture(folder / "filters.png", plots.filters(kernels))
    if repr(checkpoint.model.layers[-1]) == "sigmoid()":
        write_picture(folder / "sigmoid.png", _sigmoid(checkpoint, predictions, test))


def judge(
    folder: Path,
    predictions: Predictions,
    classes: tuple[str, ...],
    target: str | None,
    evaluating: bool = False,
) -> list[str]:
    """Write pictures of how good predictions are, of a target of this name; returns their names."""
    labels, answers, probabilities = predictions
    made: dict[str, Any] = {}
    if not classes:
        name = target or "target"
        made["predicted.png"] = plots.predicted_against_true(labels, answers, name=name)
        made["residuals.png"] = plots.residuals(labels, answers, name=name)
    else:
        if evaluating:
            matrix = confusion_matrix(labels, answers, len(classes))
            made["confusion.png"] = plots.confusion(matrix, classes)
        made["calibration.png"] = plots.calibration(labels, probabilities)
        if len(classes) == 2 and len(np.unique(labels)) == 2:
            made["roc.png"] = plots.roc(labels, probabilities, classes)
    for file, picture in made.items():
        write_picture(folder / file, picture)
    return list(made)


def _sigmoid(checkpoint: Checkpoint, predictions: Predictions, test: Memory) -> Any:
    params = checkpoint.record.best.params
    x = inputs(checkpoint.transform, params, test.arrays[test.fields[0]])
    score = np.asarray(checkpoint.model.layers[0].forward(params[0], x)[0])[:, 0]
    assert predictions.probabilities is not None
    probability = predictions.probabilities[:, 1]
    return plots.sigmoid_scatter(score, probability, predictions.labels, checkpoint.classes)


def _kernels(params: Any) -> Any:
    """The weights of the first convolution, None where the first weights are of another layer."""
    first = next((leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1), None)
    return first if first is not None and first.ndim == 4 else None


def _attention(checkpoint: Checkpoint, predictions: Predictions, test: Memory) -> Any:
    """Of the first mistakes, and then of others, by the hand-written backward pass."""
    order = np.argsort(predictions.predicted == predictions.labels, kind="stable")
    shown = np.concatenate((order[: SHOWN // 4], order[::-1][: SHOWN - SHOWN // 4]))
    images, labels = test.arrays["image"][shown], predictions.labels[shown]
    predicted = predictions.predicted[shown]
    model, params = checkpoint.model, checkpoint.record.best.params
    x = inputs(checkpoint.transform, params, images)
    y, cache = model.forward(params, x)
    dy = np.ones(len(y)) if y.ndim == 1 else np.eye(y.shape[-1])[predicted]
    _, dx = model.backward(params, cache, jnp.asarray(dy, y.dtype))
    return plots.attention(images, dx.reshape(images.shape), labels, predicted, checkpoint.classes)
