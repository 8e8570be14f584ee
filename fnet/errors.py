"""The errors of fnet. Every message names the thing, what was expected, and what to do."""

import difflib
from collections.abc import Iterable
from typing import Any


class FnetError(Exception):
    """The base class of every error that fnet raises deliberately.

    >>> from fnet.layers import leaky_relu
    >>> try:
    ...     leaky_relu(2)
    ... except FnetError as error:
    ...     print(type(error).__name__)
    ConfigurationError
    """


class ConfigurationError(FnetError, ValueError):
    """An argument that a constructor or a function does not accept.

    >>> from fnet.layers import leaky_relu
    >>> leaky_relu(2)
    Traceback (most recent call last):
    fnet.errors.ConfigurationError: leaky_relu: a is 2; it must be a number, at least 0 and below 1
    """


class ShapeError(FnetError, ValueError):
    """Arrays whose shapes or dtypes do not match each other, or the layer they are passed to.

    >>> import jax.numpy as jnp
    >>> from fnet import losses
    >>> losses.mse().value_and_grad(jnp.zeros((3, 1)), jnp.zeros(3))
    Traceback (most recent call last):
    fnet.errors.ShapeError: mse: y is (3, 1) and target (3,); they must have one shape
    """


class DataError(FnetError, ValueError):
    """A file, folder, row, cell, image or label that cannot be used.

    >>> from fnet import data
    >>> data.read_image("nowhere.png")
    Traceback (most recent call last):
    fnet.errors.DataError: nowhere.png: there is no such file
    """


class CheckpointError(FnetError, ValueError):
    """A checkpoint that is damaged, or does not match what it is loaded into.

    >>> from fnet import checkpoint
    >>> checkpoint.load("nowhere.npz")
    Traceback (most recent call last):
    fnet.errors.CheckpointError: nowhere.npz: there is no such file
    """


class GradientMismatch(FnetError, AssertionError):
    """A hand-written gradient that is wrong; the message is the report of `fnet.check`.

    `report` is that report. The other attributes describe its first finding: `kind` is the mistake
    that explains it, `leaf` the path of the array (dparams.w), `index` its worst entry, `actual`
    and `expected` the two values there; `wrong` of `total` entries differ.

    >>> import numpy as np
    >>> from fnet.check import Pair, check_gradients
    >>> try:
    ...     check_gradients(Pair(lambda x: (x**2, x), lambda dout, x: -2 * x * dout), np.ones(3))
    ... except GradientMismatch as mismatch:
    ...     print(mismatch.kind, mismatch.leaf, mismatch.wrong, mismatch.total)
    sign dx 3 3
    """

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.report = report
        first = report.findings[0]
        self.kind, self.leaf, self.index = first.kind, first.leaf, first.index
        self.actual, self.expected = first.actual, first.expected
        self.wrong, self.total = first.wrong, first.total


class WorkerError(FnetError, RuntimeError):
    """A worker process that died, or hangs.

    >>> issubclass(WorkerError, RuntimeError)
    True
    """


class TrainingError(FnetError, ArithmeticError):
    """Training that cannot continue, because its loss is no longer finite.

    >>> import numpy as np
    >>> from fnet import data, losses, models, optimizers, training
    >>> train = data.memory({"features": np.ones((4, 1), np.float32), "target": np.ones(4)})
    >>> model = models.logistic_regression(l2=1.0)
    >>> records = training.fit(model, losses.mse(), optimizers.sgd(1e30), train, epochs=9)
    >>> try:
    ...     list(records)
    ... except TrainingError as error:
    ...     print("take a smaller learning rate" in str(error))
    True
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: a suggestion, if a known name is close.

    >>> nearest("affin", ["affine", "relu"])
    '; did you mean affine?'
    """
    matches = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
