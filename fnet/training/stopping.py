"""When to stop: generators that wrap the one that `fit` returns.

    for record in stop_early(fit(...), patience=5): ...

The loop ends when they do.
"""

from collections.abc import Iterator

from fnet.core.expect import require_whole
from fnet.core.trees import distance
from fnet.errors import ConfigurationError
from fnet.training.records import Record


def stop_early(
    records: Iterator[Record], patience: int, resume: Record | None = None
) -> Iterator[Record]:
    """The records up to the one that is `patience` epochs after the best.

    Only records at the end of an epoch are judged, by their validation loss; those within one, as
    `fit(..., every_steps=10)` yields them, are passed on. `resume` is the record that `fit` resumes
    from: if patience had ended there already, no epoch is trained.

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
    if resume is not None and is_tired(resume, patience):
        return
    for record in records:
        if is_within(record):
            yield record
            continue
        if "val_loss" not in record.metrics:
            raise ConfigurationError("stop_early needs a validation set: fit(..., train, val, ...)")
        yield record
        if is_tired(record, patience):
            return


def until_converged(
    records: Iterator[Record], tolerance: float, resume: Record | None = None
) -> Iterator[Record]:
    """The records up to the first whose parameters moved too little: ‖θᵏ⁺¹ − θᵏ‖ < tolerance.

    k counts records at the end of an epoch; those within one are passed on. `resume` is the record
    that `fit` resumes from, which the first one is compared with.

    >>> import numpy as np
    >>> from fnet import data, losses, models, optimizers, training
    >>> x, labels = np.linspace(-1, 1, 60)[:, None], np.arange(60) // 30
    >>> train = data.memory({"features": x, "label": labels})
    >>> model = models.logistic_regression(l2=0.1)
    >>> records = training.fit(model, losses.bce(), optimizers.sgd(1.0), train, epochs=1000)
    >>> 5 < len(list(until_converged(records, tolerance=1e-3))) < 100
    True
    """
    before = None if resume is None or is_within(resume) else resume.state.params
    for record in records:
        yield record
        if is_within(record):
            continue
        params = record.state.params
        if before is not None and float(distance(params, before)) < tolerance:
            return
        before = params


def is_within(record: Record) -> bool:
    """Whether it stands within an epoch."""
    return len(record.seen.loss) > 0


def is_tired(record: Record, patience: int) -> bool:
    """Whether so many epochs have passed since the best one.

    >>> from fnet import models, optimizers
    >>> from fnet.training import start
    >>> record = start(models.logistic_regression(), optimizers.sgd(0.1), (3,))
    >>> is_tired(record, 2), is_tired(record._replace(epoch=2), 2)
    (False, True)
    """
    return not is_within(record) and record.epoch - record.best.epoch >= patience
