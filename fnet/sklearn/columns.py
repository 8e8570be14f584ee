"""DataFrames with words, dates and units: their columns as numbers, the same at prediction."""

from typing import Any, NamedTuple, Self

import numpy as np

from fnet.data.frames import is_frame
from fnet.data.opening import Reading, read_table
from fnet.data.schema import Schema, fit_schema
from fnet.data.tables import choose
from fnet.errors import DataError


class Columns(NamedTuple):
    """What the columns of a DataFrame are, learned from training rows, and what was decided."""

    schema: Schema
    decisions: tuple[str, ...]

    @classmethod
    def learned(cls, frame: Any) -> Self:
        """From the training rows."""
        reading = read_table(frame)
        kinds, said = choose(reading, None, None)
        arrays = {kind.name: kind.read(reading.columns[kind.name]) for kind in kinds}
        return cls(fit_schema(kinds, arrays, "nan", "none"), (*reading.decisions, *said))

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
            number = kind.kind == "number"
            column = reading.number(kind.name, kind.signs) if number else reading.column(kind.name)
            if number and column.unit and column.unit != kind.unit:
                raise DataError(
                    f"DataFrame, column {kind.name!r}: its numbers are in {column.unit!r}, and "
                    f"were in {kind.unit!r} in training; write them as there"
                )
            arrays[kind.name] = kind.read(column)
        return arrays


def has_words(frame: Any) -> bool:
    """Whether this is a DataFrame with columns that are no numbers."""
    return is_frame(frame) and any(
        np.asarray(frame[name]).dtype.kind not in "biuf" for name in frame.columns
    )
