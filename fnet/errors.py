"""What fnet raises. Every message names the thing, what was expected, and what to do."""

import difflib
from collections.abc import Iterable
from typing import Any


class FnetError(Exception):
    """The parent of every error that fnet raises on purpose.

    >>> from fnet.layers import leaky_relu
    >>> try:
    ...     leaky_relu(2)
    ... except FnetError as error:
    ...     print(type(error).__name__)
    ConfigurationError
    """


class ConfigurationError(FnetError, ValueError):
    """A constructor or a function was given an argument outside of what it takes.

    >>> from fnet.layers import leaky_relu
    >>> leaky_relu(2)
    Traceback (most recent call last):
    fnet.errors.ConfigurationError: leaky_relu: a is 2; it must be a number, at least 0 and below 1
    """


class ShapeError(FnetError, ValueError):
    """Arrays whose shapes or dtypes do not fit each other, or the layer they are given to.

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
    """A checkpoint that is damaged, or that does not fit what it is loaded into.

    >>> from fnet import checkpoint
    >>> checkpoint.load("nowhere.npz")
    Traceback (most recent call last):
    fnet.errors.CheckpointError: nowhere.npz: there is no such file
    """


class GradientMismatch(FnetError, AssertionError):
    """A hand-written gradient is wrong; the message is the report of `fnet.check`.

    `report` is the whole of it. Of its first finding, `kind` is the mistake that explains it,
    `leaf` the path of the array (dparams.w), `index` its worst entry, `actual` and `expected` the
    two values there, `wrong` and `total` how many entries differ, of how many.

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
    """A process that reads data has died, or hangs.

    >>> issubclass(WorkerError, RuntimeError)
    True
    """


class TrainingError(FnetError, ArithmeticError):
    """Training that cannot go on: its loss is no longer a number.

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
    """The end of a message about a name that is not known: what may have been meant.

    >>> nearest("affin", ["affine", "relu"])
    '; did you mean affine?'
    """
    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""
