"""When to stop: generators that wrap the one that `fit` returns.

    for record in stop_early(fit(...), patience=5): ...

The loop ends when they do.
"""

from collections.abc import Iterator

from fnet.core.expect import require_whole
from fnet.core.trees import distance
from fnet.errors import ConfigurationError
from fnet.training.records import Record


def stop_early(records: Iterator[Record], patience: int) -> Iterator[Record]:
    """The records up to the one that is `patience` epochs after the best.

    Only records at the end of an epoch are judged, by their validation loss; those within one, as
    `fit(..., every_steps=10)` yields them, are passed on.

    >>> import numpy as np
    >>> from fnet import data, losses, models, optimizers, training
    >>> x, labels = np.linspace(-1, 1, 60)[:, None], np.arange(60) // 30
    >>> train = data.memory({"features": x, "label": labels})
    >>> val = data.memory({"features": x, "label": 1 - labels})  # what is learned is wrong here
    >>> model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.sgd(1.0)
    >>> records = training.fit(model, loss, optimizer, train, val, epochs=100)
    >>> [record.epoch for record in stop_early(records, patience=3)]
    [1, 2, 3, 4]
    """
    require_whole("stop_early: patience", patience, least=1)
    for record in records:
        if len(record.seen.loss):  # within an epoch
            yield record
            continue
        if "val_loss" not in record.metrics:
            raise ConfigurationError("stop_early needs a validation set: fit(..., train, val, ...)")
        yield record
        if record.epoch - record.best.epoch >= patience:
            return


def until_converged(records: Iterator[Record], tolerance: float) -> Iterator[Record]:
    """The records up to the first whose parameters moved too little: ‖θᵏ⁺¹ − θᵏ‖ < tolerance.

    k counts records at the end of an epoch; those within one are passed on.

    >>> import numpy as np
    >>> from fnet import data, losses, models, optimizers, training
    >>> x, labels = np.linspace(-1, 1, 60)[:, None], np.arange(60) // 30
    >>> train = data.memory({"features": x, "label": labels})
    >>> model = models.logistic_regression(l2=0.1)
    >>> records = training.fit(model, losses.bce(), optimizers.sgd(1.0), train, epochs=1000)
    >>> 5 < len(list(until_converged(records, tolerance=1e-3))) < 100
    True
    """
    before = None
    for record in records:
        yield record
        if len(record.seen.loss):  # within an epoch
            continue
        params = record.state.params
        if before is not None and float(distance(params, before)) < tolerance:
            return
        before = params
