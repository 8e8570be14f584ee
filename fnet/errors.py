"""What fnet raises. Every message names the thing, what was expected, and what to do."""


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
    """A hand-written gradient differs from the one of automatic differentiation.

    Attributes: `leaf` (the path of the array, `dparams.w`), `index` (of the worst entry),
    `actual` and `expected` (its two values), `wrong` and `total` (how many entries differ, of
    how many).
    """

    def __init__(
        self,
        message: str,
        *,
        leaf: str,
        index: tuple[int, ...] = (),
        actual: float = float("nan"),
        expected: float = float("nan"),
        wrong: int = 0,
        total: int = 0,
    ) -> None:
        super().__init__(message)
        self.leaf, self.index = leaf, index
        self.actual, self.expected = actual, expected
        self.wrong, self.total = wrong, total


class TrainingError(FnetError, ArithmeticError):
    """Training that cannot go on: its loss is no longer a number."""
