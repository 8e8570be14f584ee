"""What fnet raises. Every message names the thing, what was expected, and what to do."""

from typing import Any


class FnetError(Exception):
    """The parent of every error that fnet raises on purpose."""


class ConfigurationError(FnetError, ValueError):
    """A constructor or a function was given an argument outside of what it takes."""


class ShapeError(FnetError, ValueError):
    """Arrays whose shapes or dtypes do not fit each other, or the layer they are given to."""


class DataError(FnetError, ValueError):
    """A file, folder, row, cell, image or label that cannot be used."""


class CheckpointError(FnetError, ValueError):
    """A checkpoint that is damaged, or that does not fit what it is loaded into."""


class GradientMismatch(FnetError, AssertionError):
    """A hand-written gradient is wrong; the message is the report of `fnet.check`.

    `report` is the whole of it. Of its first finding, `kind` is the mistake that explains it,
    `leaf` the path of the array (`dparams.w`), `index` its worst entry, `actual` and `expected` the
    two values there, `wrong` and `total` how many entries differ, of how many.
    """

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.report = report
        first = report.findings[0]
        self.kind, self.leaf, self.index = first.kind, first.leaf, first.index
        self.actual, self.expected = first.actual, first.expected
        self.wrong, self.total = first.wrong, first.total


class WorkerError(FnetError, RuntimeError):
    """A process that reads data has died, or hangs."""


class TrainingError(FnetError, ArithmeticError):
    """Training that cannot go on: its loss is no longer a number."""
