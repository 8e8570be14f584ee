"""Overfit a small set first: a pipeline that cannot reach a loss of almost 0 there is broken.

Source: Karpathy (2019), A Recipe for Training Neural Networks, step 2.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from fnet.core import Layer, Loss
from fnet.data.dataset import Memory
from fnet.errors import ConfigurationError
from fnet.training.agreement import check_fit
from fnet.training.loop import fit

SIZES = (1, 10, 300)
LOW = 0.01  # a loss that counts as almost 0; chance is log C = 2.3 for ten classes


class Attempt(NamedTuple):
    """The result of full-batch training on this number of samples.

    >>> Attempt(samples=10, steps=42, loss=0.009, accuracy=1.0).learned
    True
    """

    samples: int
    steps: int
    loss: float
    accuracy: float

    @property
    def learned(self) -> bool:
        return self.loss < LOW and self.accuracy == 1


def overfit(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    dataset: Memory,
    *,
    sizes: Sequence[int] = SIZES,
    steps: int = 1000,
    seed: int = 0,
) -> Iterator[Attempt]:
    """Train a classifier from scratch on one sample, on ten, on a few hundred.

    Each attempt ends once it has learned (loss below 0.01 and every sample right), or after
    `steps` full-batch steps. Sizes are capped at that of the dataset, and samples are taken in an
    order drawn from the seed. There is no `augmentation`: whether a set can be learned by heart is
    asked of samples that stay as they are.

    >>> from fnet import data, losses, models, optimizers
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> dataset = data.memory({"features": x, "label": np.arange(60) // 30})
    >>> model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.adam(0.5)
    >>> for attempt in overfit(model, loss, optimizer, dataset, sizes=(1, 3)):
    ...     print(attempt.samples, attempt.learned)
    1 True
    3 True
    """
    if loss.probabilities is None:
        raise ConfigurationError(f"overfit: {loss} is for regression; take a classifier's loss")
    check_fit(model, loss, optimizer, dataset)
    order = np.random.default_rng(seed).permutation(len(dataset))
    for size in dict.fromkeys(min(size, len(dataset)) for size in sizes):
        part = dataset.select(order[:size])
        attempt = Attempt(size, 0, float("inf"), 0.0)
        for record in fit(model, loss, optimizer, part, epochs=steps, seed=seed):
            metrics = record.metrics
            accuracy = metrics["train_accuracy"]
            attempt = Attempt(size, record.epoch, metrics["train_loss"], accuracy)
            if attempt.learned:
                break
        yield attempt
