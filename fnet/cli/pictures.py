"""The pictures of a finished run: its curves, its predictions, and a logistic model's sigmoid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet import plots
from fnet.checkpoint import Checkpoint
from fnet.cli.run import write_picture
from fnet.data import Memory
from fnet.training.evaluation import Predictions, predict
from fnet.training.feeding import inputs


def draw(
    folder: Path, checkpoint: Checkpoint, history: Sequence[Mapping[str, float]], test: Memory
) -> None:
    """Write the pictures that apply to this run."""
    predictions = predict(checkpoint.model, checkpoint.loss, checkpoint.record.best.params, test)
    if history:
        write_picture(folder / "curves.png", plots.curves(history))
    if test.fields[0] == "image":
        answers = predictions.labels, predictions.predicted, checkpoint.classes
        picture = plots.predictions(test.arrays["image"], *answers, predictions.probabilities)
        write_picture(folder / "predictions.png", picture)
    if repr(checkpoint.model.layers[-1]) == "sigmoid()":
        write_picture(folder / "sigmoid.png", _sigmoid(checkpoint, predictions, test))


def _sigmoid(checkpoint: Checkpoint, predictions: Predictions, test: Memory) -> Any:
    params = checkpoint.record.best.params
    x = inputs(checkpoint.transform, params, test.arrays[test.fields[0]])
    score = np.asarray(checkpoint.model.layers[0].forward(params[0], x)[0])[:, 0]
    assert predictions.probabilities is not None
    probability = predictions.probabilities[:, 1]
    return plots.sigmoid_scatter(score, probability, predictions.labels, checkpoint.classes)
