"""How the columns of a table become the inputs of a model, learned from its training rows.

A schema is plain JSON, kept with a run, so that new rows are treated as those it learned from.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fnet.data.dates import parts_of
from fnet.data.kinds import Kind, from_plain, plain
from fnet.errors import ConfigurationError, DataError

MISSING = ("mean", "median", "category", "drop", "error", "nan")
_BLOCK = 2**12  # rows encoded at once, so that they stay in a core's cache
_STRETCH = 2**17  # rows whose columns are let go together
_UNKNOWN = 2  # codes before those of words: −2 is not known, −1 is missing
SCALES = ("minmax", "standard", "none")

Arrays = Mapping[str, np.ndarray]  # by column: float64, or codes of categories


@dataclasses.dataclass(frozen=True)
class Schema:
    """Encodes columns: numbers scaled, dates in parts, a 0 or 1 for each category.

        number, yes/no, date:  (x − centre) / width, with `fill` for a missing x
        category:              1 in the column of the word; all 0 for a word that is not known

    `numbers` has (centre, width, fill) of each column that is not a category. `blank` names the
    columns that were missing somewhere in training and have a column of their own for it.

    >>> table = {"age": np.array([20.0, np.nan, 40.0]), "sex": np.array([0, 1, 0], np.int32)}
    >>> kinds = Kind("age", "number"), Kind("sex", "category", ("f", "m"))
    >>> schema = fit_schema(kinds, table)
    >>> schema.names
    ('age', 'sex=f', 'sex=m')
    >>> schema.encode({**table}).tolist()
    [[0.0, 1.0, 0.0], [0.5, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """

    kinds: tuple[Kind, ...]
    numbers: Mapping[str, tuple[float, float, float]]
    blank: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each input of the model."""
        return tuple(name for kind in self.kinds for name in self._names(kind))

    def encode(self, table: dict[str, np.ndarray], dtype: Any = np.float32) -> np.ndarray:
        """The inputs (N, D), computed in float64; codes are places in this schema's words.

        The columns are taken out of `table`, from the last rows to the first: of a long table their
        memory is free again as the inputs take it.
        """
        rows = len(next(iter(table.values())))
        inputs = np.empty((rows, len(self.names)), dtype)
        ends = np.cumsum([0, *(len([*self._names(kind)]) for kind in self.kinds)]).tolist()
        places = {kind: slice(*ends[k : k + 2]) for k, kind in enumerate(self.kinds)}
        of_codes = {kind: self._of_codes(kind) for kind in self.kinds if kind.kind == "category"}
        for begin in reversed(range(0, rows, _BLOCK)):
            here = slice(begin, begin + _BLOCK)
            for kind, place in places.items():
                values = table[kind.name][here]
                if kind in of_codes:
                    inputs[here, place] = of_codes[kind][values + _UNKNOWN]
                else:
                    inputs[here, place] = self._numbers(kind, values, dtype)
            if begin % _STRETCH == 0:
                for kind in self.kinds:
                    table[kind.name] = table[kind.name][:begin].copy()
        for kind in self.kinds:
            del table[kind.name]
        return inputs

    def recoded(self, kinds: tuple[Kind, ...], table: Arrays) -> dict[str, np.ndarray]:
        """The table, as another dict, its codes no longer places in the words of `kinds`."""
        found = dict(table)
        for wide, kind in zip(kinds, self.kinds, strict=True):
            if kind.kind == "category" and wide.words != kind.words:
                places = {word: place for place, word in enumerate(kind.words)}
                codes = np.array([*(places.get(word, -2) for word in wide.words), -1], np.int32)
                found[kind.name] = codes[table[kind.name]]
        return found

    def json(self) -> dict[str, Any]:
        """The schema as plain JSON, which `read_schema` reads."""
        columns = []
        for kind in self.kinds:
            numbers = self.numbers.get(kind.name)
            scaled = {} if numbers is None else {"scale": list(numbers)}
            blank = {"blank": True} if kind.name in self.blank else {}
            columns.append({**plain(kind), **scaled, **blank})
        return {"columns": columns}

    def _names(self, kind: Kind) -> Iterator[str]:
        if kind.kind == "category":
            yield from (f"{kind.name}={word}" for word in kind.words)
        else:
            yield kind.name
        for cycle in kind.cycles:
            yield from (f"{kind.name}: sine of the {cycle}", f"{kind.name}: cosine of the {cycle}")
        if kind.name in self.blank:
            yield f"{kind.name} is missing"

    def _of_codes(self, kind: Kind) -> np.ndarray:
        """The inputs of each code, from that of a word that is not known on."""
        width = len(kind.words) + (kind.name in self.blank)
        inputs = np.eye(len(kind.words) + _UNKNOWN, width, -_UNKNOWN)
        inputs[_UNKNOWN - 1, len(kind.words) :] = 1
        return inputs

    def _numbers(self, kind: Kind, values: np.ndarray, dtype: Any) -> np.ndarray:
        """The inputs (N, columns) of numbers; DataError for those too large when scaled."""
        with np.errstate(over="ignore", invalid="ignore"):
            inputs = np.stack([*self._columns(kind, values)], axis=-1).astype(dtype)
        infinite = np.isinf(inputs).any(axis=-1)
        if infinite.any():
            raise DataError(
                f"column {kind.name!r}: {values[infinite][0]:.6g} is infinite in "
                f"{np.dtype(dtype).name} when it is scaled as the training rows are; correct it, "
                "or leave the column out"
            )
        return inputs

    def _columns(self, kind: Kind, values: np.ndarray) -> Iterator[np.ndarray]:
        centre, width, fill = self.numbers[kind.name]
        blank = np.isnan(values)
        values = np.where(blank, fill, values)
        yield (values - centre) / width
        for cycle in kind.cycles:
            yield from parts_of(values, cycle).T
        if kind.name in self.blank:
            yield blank


def fit_schema(
    kinds: tuple[Kind, ...], table: Arrays, missing: str = "mean", scale: str = "minmax"
) -> Schema:
    """The schema of these training rows.

    Missing numbers become the mean or the median; with missing="category" also 1 in a column that
    says so, as missing words have always. Scaled to 0..1 or to mean 0 and standard deviation 1, or
    not at all; a column that is constant in the training rows becomes 0. Raises ConfigurationError
    for another `missing` or `scale`.
    """
    for name, value, known in (("missing", missing, MISSING), ("scale", scale, SCALES)):
        if value not in known:
            raise ConfigurationError(f"{name} is {value!r}; it must be one of {', '.join(known)}")
    numbers: dict[str, tuple[float, float, float]] = {}
    blank, seen = [], []
    for kind in kinds:
        values = table[kind.name]
        if kind.kind == "category":
            gaps = bool((values == -1).any())
            words = tuple(kind.words[code] for code in np.unique(values[values >= 0]))
            seen.append(kind._replace(words=words))
        else:
            gaps = bool(np.isnan(values).any()) and missing == "category"
            numbers[kind.name] = _scaling(values, missing, scale)
            seen.append(kind)
        if gaps:
            blank.append(kind.name)
    return Schema(tuple(seen), numbers, tuple(blank))


def read_schema(written: Mapping[str, Any]) -> Schema:
    """The schema that `Schema.json` wrote.

    >>> schema = fit_schema((Kind("age", "number"),), {"age": np.array([20.0, 40.0])})
    >>> read_schema(schema.json()) == schema
    True
    """
    kinds, numbers, blank = [], {}, []
    for column in written["columns"]:
        entry = dict(column)
        scale, missing = entry.pop("scale", None), entry.pop("blank", False)
        kinds.append(from_plain(entry))
        if scale is not None:
            numbers[entry["name"]] = (scale[0], scale[1], scale[2])
        if missing:
            blank.append(entry["name"])
    return Schema(tuple(kinds), numbers, tuple(blank))


def _scaling(values: np.ndarray, missing: str, scale: str) -> tuple[float, float, float]:
    """The centre, the width, and what stands for a missing value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0, np.nan if missing == "nan" else 0.0
    middle = np.median(known) if missing == "median" else _mean(known)
    low, high = float(known.min()), float(known.max())
    if scale == "none":
        return 0.0, 1.0, np.nan if missing == "nan" else float(middle)
    if low == high:
        return low, 1.0, low
    width = high - low if scale == "minmax" else _std(known)
    return low if scale == "minmax" else _mean(known), width, float(middle)


def _mean(values: np.ndarray) -> float:
    """Without overflow, and exact to the last digits of values far from 0."""
    return float(values[0] + np.mean(values - values[0]))


def _std(values: np.ndarray) -> float:
    """Without overflow of the squares."""
    apart = values - values.min()
    largest = apart.max()
    return float(largest * np.std(apart / largest))
