"""Tables from `--data`: from the columns of a file to the scaled inputs of a model."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet.cli.arguments import Settings
from fnet.data import Memory
from fnet.data.gaps import filled, rows_have
from fnet.data.kinds import Kind, among_numbers
from fnet.data.leaks import warnings
from fnet.data.opening import Reading, read_table
from fnet.data.schema import fit_schema
from fnet.data.tables import choose, require_present
from fnet.data.targets import Target, labels_of, numbers_of, task_of
from fnet.errors import ConfigurationError, DataError
from fnet.files.compressed import SUFFIXES as PACKED
from fnet.files.csv_columns import gaps

SUFFIXES = (".csv", ".tsv", ".tab")
OTHERS = (".txt", ".dat", ".data")  # tables where a target is named
TASKS = {"classification": "classes", "regression": "regression"}
# What only a table has, by the names of the flags; first how it is written.
WRITING = ("sep", "decimal", "encoding", "na", "header")
FLAGS = ("target", "features", "drop", "binarize", "task", *WRITING)


class OpenTable(NamedTuple):
    """A table before it is encoded: `dataset` has an array for each column, and the target."""

    dataset: Memory
    kinds: tuple[Kind, ...]
    task: str
    words: bool  # whether the target is words
    kept: np.ndarray  # which rows of the file are in the dataset
    named: bool  # whether a line of the file holds the names of its columns
    commas: bool  # whether decimals have one
    decisions: tuple[str, ...]


def is_table(path: Path, target: str | None) -> bool:
    """Whether this is the name of a table, of which gzip or zip may have made a smaller file."""
    plain = plain_name(path)
    suffix = plain.suffix.lower()
    return suffix in SUFFIXES or (
        target is not None and (suffix in OTHERS or (plain != path and not suffix))
    )


def plain_name(path: Path) -> Path:
    """The name of a file before gzip or another program made it smaller.

    >>> plain_name(Path("houses.csv.bz2")).name
    'houses.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def open_table(path: Path, settings: Settings) -> OpenTable:
    """Read a table and decide what its columns are, and what its target is."""
    name = settings["target"]
    if name is None:
        raise ConfigurationError(f"{path}: name the column to predict with --target COLUMN")
    features, drop = settings["features"], settings["drop"] or ()
    used = None if features is None else {name, *features}
    reading = read(path, settings, (), lambda n: n in drop or (used is not None and n not in used))
    reading.column(name)
    kinds, said = choose(reading, name, features, drop)
    arrays = {kind.name: kind.read(reading.columns[kind.name]) for kind in kinds}
    target, task, words, why = _target(reading, settings)
    keep, dropped = _kept(reading, arrays, target, settings)
    if settings["missing"] == "error":
        require_present(reading, kinds, arrays, keep)
    field = "target" if task == "regression" or settings["binarize"] is not None else "label"
    dataset = Memory({"features": arrays, field: target.values}, target.classes)
    if not keep.all():
        dataset = dataset.select(np.flatnonzero(keep))
    leaks = warnings(arrays, arrays.values(), name, target.values, bool(target.classes))
    gaps_told = filled(kinds, dataset.arrays["features"], settings["missing"])
    decisions = (*reading.decisions, *said, *why, *dropped, *gaps_told, *leaks)
    named, commas = not reading.nameless, reading.source.commas
    return OpenTable(dataset, kinds, task, words, keep, named, commas, decisions)


def encode(
    table: OpenTable, parts: Mapping[str, Memory], settings: Settings
) -> tuple[dict[str, Memory], dict[str, Any]]:
    """The parts with inputs in place of columns, and the schema as JSON, learned from "train"."""
    train = parts["train"].arrays["features"]
    schema = fit_schema(table.kinds, train, settings["missing"], settings["scale"])
    encoded = {}
    for part, dataset in parts.items():
        (field, columns), (goal, target) = dataset.arrays.items()
        inputs = schema.encode(schema.recoded(table.kinds, columns))
        values = target.astype(np.float32) if goal == "target" else target
        encoded[part] = dataclasses.replace(dataset, arrays={field: inputs, goal: values})
    return encoded, {
        **schema.json(),
        "target": settings["target"],
        "words": table.words,
        "named": table.named,
        "commas": table.commas,
    }


def read(
    source: Path | bytes,
    settings: Settings,
    spelled: Iterable[str],
    unused: Callable[[str], bool],
    **learned: Any,
) -> Reading:
    """The columns of a table by the flags on how it is written; see `read_table`."""
    flags: dict[str, Any] = {name: settings.get(name) for name in WRITING}
    flags["header"] = {"yes": True, "no": False}.get(settings.get("header") or "")
    return read_table(source, **flags, spelled=spelled, unused=unused, **learned)


def numbers(reading: Reading, name: str) -> Target:
    """A column as the numbers to predict."""
    found = numbers_of(reading.where, reading.number(name))
    reading.require_single(name, found.values)
    return found


def _target(reading: Reading, settings: Settings) -> tuple[Target, str, bool, list[str]]:
    """The target, the task, whether it is words, and what was decided."""
    name, named = settings["target"], settings["task"]
    column, quoted = reading.words(name)
    why = [quoted] if quoted else []
    if settings["binarize"] is not None:
        return numbers(reading, name), "classes", False, why
    if named is None:
        if strange := among_numbers(column):
            raise DataError(
                f"{reading.where}, column {name!r}: it is {strange}; correct them, or if they are "
                "missing, name them by --na; or if all are classes, add --task classification"
            )
        task, sentence = task_of(column)
        why.append(sentence)
    else:
        task = TASKS[named]
    if task == "regression":
        return numbers(reading, name), task, False, why
    found = labels_of(reading.where, column)
    if len(found.classes) > max(2, found.known.sum() / 2):
        raise DataError(
            f"{reading.where}, column {name!r}: {len(found.classes)} distinct values in "
            f"{found.known.sum()} rows, such as {found.classes[0]!r}; they tell rows apart, and "
            "are no classes: choose another --target"
        )
    return found, task, column.words is not None, why


def _kept(
    reading: Reading, arrays: Mapping[str, np.ndarray], target: Target, settings: Settings
) -> tuple[np.ndarray, list[str]]:
    """Which rows are used, and how many are not."""
    keep, said, name = target.known, [], settings["target"]
    if not keep.all():
        hint = "; if a word such as None is a class, write --na with those that are not"
        words = reading.columns[name].words is not None
        said.append(f"{rows_have(np.sum(~keep))} no `{name}`: dropped{hint if words else ''}")
    if settings["missing"] == "drop":
        whole = ~np.any([gaps(array) for array in arrays.values()], axis=0)
        if not whole[keep].all():
            said.append(f"{rows_have(np.sum(keep & ~whole))} a missing cell: dropped")
        keep = keep & whole
    if not keep.any():
        raise DataError(f"{reading.where}: no row is left; {'; '.join(said)}")
    return keep, said


def places_of(names: Sequence[str], classes: tuple[str, ...], where: Any) -> np.ndarray:
    """The places of these names among the classes of a run; DataError for one that is not there.

    >>> places_of(["dog", "cat"], ("cat", "cow", "dog"), "photos").tolist()
    [2, 0]
    """
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise DataError(
            f"{where}: the model has no class {unknown[0]!r}, only {list(classes)}; leave its "
            "samples out, or train with them"
        )
    return np.array([classes.index(name) for name in names], np.int32)
