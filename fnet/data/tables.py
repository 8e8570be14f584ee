"""Tables: columns of a CSV file or a DataFrame as features and a target."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data.dataset import Memory
from fnet.data.frames import is_frame
from fnet.data.kinds import Kind, kind_of
from fnet.data.opening import Reading, read_table
from fnet.data.schema import fit_schema
from fnet.data.targets import labels_of, numbers_of
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_blocks import blocks
from fnet.files.csv_columns import gaps
from fnet.files.csv_layout import read_layout
from fnet.files.csv_text import read_text
from fnet.files.json_rows import json_rows


@dataclasses.dataclass(frozen=True, eq=False)
class Table(Memory):
    """A dataset of a table: `columns` are the names of its features, `decisions` what was decided.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "houses.csv")
    ...     _ = path.write_text(";street;price\\n1;Pave;250,5\\n2;Gravel;190\\n")
    ...     table = csv_table(path, target="price")
    >>> table.columns, table.arrays["target"].tolist()
    (('street',), [250.5, 190.0])
    >>> for sentence in table.decisions[:3]:
    ...     print(sentence)
    separator: semicolons (--sep)
    column 1 has no name: taken as an index, left out
    numbers are written with a decimal comma (--decimal)
    """

    columns: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


def csv_table(
    source: str | os.PathLike[str] | Any,
    target: str,
    features: Sequence[str] | None = None,
    *,
    missing: str = "error",
    labels: bool = False,
    transform: Transform | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
    header: bool | None = None,
) -> Table:
    """Columns of a table: {"features": (N, D) float64, "target": (N,) float64}.

    `source` is the path of a CSV file, or a DataFrame of any library; or of a file of JSON objects,
    one per row, on lines of their own or in one list. The first line of a CSV file names its
    columns, if it is not like the rows below it: then they are x1, x2 and so on. Titles
    above the names are passed over, and two lines of names joined. Its separator (one of , ; tab |
    and runs of blanks), decimal mark and encoding are recognised; `sep`, `decimal`, `encoding` and
    `header` (True: one line of names, False: none) state them. What was decided is in `decisions`
    of the result.

    `features` default to all columns but the target, without a first one that has no name, which is
    an index, and without words that hardly repeat. Numbers stay as they are; a number is written in
    ASCII digits, optionally with a sign, a decimal mark and an exponent. Two words become 0 and 1,
    more one column each of 0 and 1, dates the days since 1970 and parts of the year, week and day.
    With `labels`, the distinct values of the target become the classes, sorted (as numbers, if all
    are), and the second array is {"label": (N,) int32}.

    A cell is missing if it is empty, or a usual word for that, such as NA; `na` states others. A
    missing number is an error, or with missing="nan" a NaN for `fill_missing`, given the
    `column_means` of the training part. A missing word is a category of its own. A missing target
    is always an error. Raises DataError naming file, line, column, cell, and the fix.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "houses.csv")
    ...     _ = path.write_text("area,rooms,price\\n120,4,250\\n80,3,\\n")
    ...     csv_table(path, target="area", missing="nan").arrays["features"].tolist()
    [[4.0, 250.0], [3.0, nan]]
    """
    if missing not in ("error", "nan"):
        raise ConfigurationError(f"csv_table: missing is {missing!r}; it must be 'error' or 'nan'")
    if not is_frame(source) and not isinstance(source, str | os.PathLike):
        raise DataError(
            f"csv_table: got a {type(source).__name__}; pass the path of a CSV file, or a DataFrame"
        )
    target = str(target)  # the columns of a DataFrame may have numbers for names
    if features is not None:
        features = [features] if isinstance(features, str) else [str(name) for name in features]
    used = None if features is None else {target, *features}
    reading = read_table(
        source,
        sep=sep,
        decimal=decimal,
        encoding=encoding,
        na=na,
        header=header,
        unused=lambda name: used is not None and name not in used,
    )
    reading.column(target)
    kinds, said = choose(reading, target, features, every=True)
    arrays = {kind.name: kind.read(reading.columns[kind.name]) for kind in kinds}
    if missing == "error":
        require_present(reading, kinds, arrays)
    schema = fit_schema(kinds, arrays, "nan", "none")
    column, _ = reading.words(target)
    unknown = gaps(column.values)
    if unknown.any():
        reading.refuse(
            int(np.argmax(unknown)),
            target,
            "missing; every row needs a label: fill it, or drop the row (or if the word is a "
            "class, leave it out of na)",
        )
    found = (labels_of if labels else numbers_of)(reading.where, column)
    if not labels:
        reading.require_single(target, found.values)
    name = "label" if labels else "target"
    reading.columns.clear()  # the memory of each column is to be free when it is encoded
    arrays = schema.recoded(kinds, arrays)
    inputs = schema.encode(arrays, np.float64)
    return Table(
        {"features": inputs, name: found.values},
        found.classes,
        transform or compose(),
        schema.names,
        (*reading.decisions, *said),
    )


def csv_columns(path: str | os.PathLike[str]) -> list[str]:
    """The column names of a CSV or JSON file, in order; an index without a name is none.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "houses.csv").write_text("area,rooms,price\\n120,4,250\\n")
    ...     csv_columns(Path(folder, "houses.csv"))
    ['area', 'rooms', 'price']
    """
    if (records := json_rows(Path(path))) is not None:
        return [*records.columns]
    text = read_text(Path(path))
    layout = read_layout(text)
    next(blocks(text, layout))  # DataError where there are no rows, or none that can be read
    return [name for name in layout.names if name is not None]


def choose(
    reading: Reading,
    target: str | None,
    features: Sequence[str] | None,
    drop: Sequence[str] = (),
    every: bool = False,
) -> tuple[tuple[Kind, ...], list[str]]:
    """What each feature is, and the sentences on it; DataError if none is left.

    With `every`, numbers are kept that say nothing: constants, and those that count the rows.
    """
    names = [features] if isinstance(features, str) else features
    places = [reading.column(name).name for name in names or ()]
    dropped = {reading.column(name).name for name in drop}
    if names is None:
        places = [name for name in reading.columns if name != target and name not in dropped]
    if target in places or (names is not None and (not places or len(set(places)) < len(places))):
        raise DataError(
            f"{reading.where}: features are {list(names or places)}, the target is {target!r}; "
            "name one or more features, each once, and not the target"
        )
    named = every or names is not None
    # The only column stays if it counts the rows, and does not if it is texts.
    keep = [named or (len(places) == 1 and reading.columns[n].words is None) for n in places]
    columns = [reading.columns[name] for name in places]
    decided = [kind_of(column, alone) for column, alone in zip(columns, keep, strict=True)]
    said = [sentence for _, sentence in decided if sentence]
    kinds = tuple(kind for kind, _ in decided if kind is not None)
    if not kinds:
        why = "; ".join(said) or "the target is the only one"
        raise DataError(f"{reading.where}: no column is left to predict from; {why}")
    return kinds, said


def require_present(
    reading: Reading,
    kinds: tuple[Kind, ...],
    arrays: dict[str, np.ndarray],
    rows: np.ndarray | bool = True,
) -> None:
    """DataError for the first number, or date, that is missing in these rows."""
    for kind in kinds:
        missing = gaps(arrays[kind.name]) & rows
        if kind.kind != "category" and missing.any():
            reading.refuse(
                int(np.argmax(missing)),
                kind.name,
                "missing; fill the cell, or for a feature pass missing='nan' (--missing mean)",
            )
