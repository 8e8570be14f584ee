"""DataFrames with words, dates and units: their columns as numbers, the same at prediction."""

import warnings
from typing import Any, NamedTuple, Self

import numpy as np

from fnet.data.frames import is_frame
from fnet.data.gaps import other_unit, unknown
from fnet.data.opening import Reading, read_table
from fnet.data.schema import Schema, fit_schema
from fnet.data.tables import choose
from fnet.errors import DataError


class Columns(NamedTuple):
    """What the columns of a DataFrame are, learned from training rows, and what was decided.

    `means` are those of the columns of two words, which a third word becomes.
    """

    schema: Schema
    decisions: tuple[str, ...]
    means: dict[str, float]

    @classmethod
    def learned(cls, frame: Any) -> Self:
        """From the training rows."""
        reading = read_table(frame)
        kinds, said = choose(reading, None, None)
        arrays = {kind.name: kind.read(reading.columns[kind.name]) for kind in kinds}
        means = {k.name: float(np.mean(arrays[k.name])) for k in kinds if k.kind == "yes/no"}
        return cls(fit_schema(kinds, arrays, "nan", "none"), (*reading.decisions, *said), means)

    def encode(self, frame: Any) -> np.ndarray:
        """The rows as numbers (N, D), float64, NaN where a number is missing."""
        if not is_frame(frame):
            raise DataError(
                f"got a {type(frame).__name__}; pass a DataFrame, as in training, with the columns "
                f"{', '.join(kind.name for kind in self.schema.kinds)}"
            )
        words = [kind.name for kind in self.schema.kinds if kind.kind != "number"]
        signs = {kind.name: kind.signs for kind in self.schema.kinds if kind.kind == "number"}
        reading = read_table(frame, spelled=words, learned=signs)
        return self.schema.encode(self._arrays(reading), np.float64)

    def _arrays(self, reading: Reading) -> dict[str, np.ndarray]:
        arrays = {}
        for kind in self.schema.kinds:
            column = reading.column(kind.name)
            if kind.kind == "number":
                column = reading.number(kind.name, kind.signs)
                other_unit("DataFrame", kind, column)
            values = kind.read(column)
            for sentence in unknown(kind, column, kind.name in self.schema.blank):
                warnings.warn(sentence, UserWarning, stacklevel=5)
            if kind.name in self.means:
                values[np.isnan(values) & (column.values >= 0)] = self.means[kind.name]
            arrays[kind.name] = values
        return arrays


def has_words(frame: Any) -> bool:
    """Whether this is a DataFrame with columns that are no numbers."""
    return is_frame(frame) and any(
        np.asarray(frame[name]).dtype.kind not in "biuf" for name in frame.columns
    )
