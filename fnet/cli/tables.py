"""Tables from `--data`: from the columns of a file to the scaled inputs of a model."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet import data
from fnet.cli.arguments import Settings
from fnet.cli.gaps import filled, other_unit, rows_have, unknown
from fnet.cli.texts import load_texts
from fnet.data import Memory
from fnet.data.kinds import Kind
from fnet.data.leaks import warnings
from fnet.data.opening import Reading, read_table
from fnet.data.schema import fit_schema, read_schema
from fnet.data.tables import choose, require_present
from fnet.data.targets import Target, labels_of, name_of, numbers_of, task_of
from fnet.errors import ConfigurationError, DataError
from fnet.files.csv_columns import gaps

SUFFIXES = (".csv", ".tsv", ".tab")
OTHERS = (".txt", ".dat", ".data")  # tables where a target is named
TASKS = {"classification": "classes", "regression": "regression"}
SHOWN = 5  # columns that may be meant
# What only a table has, by the names of the flags.
FLAGS = (
    "target",
    "features",
    "drop",
    "binarize",
    "task",
    "sep",
    "decimal",
    "encoding",
    "na",
    "header",
)


class OpenTable(NamedTuple):
    """A table before it is encoded: `dataset` has an array for each column, and the target."""

    dataset: Memory
    kinds: tuple[Kind, ...]
    task: str
    words: bool  # whether the target is words
    kept: np.ndarray  # which rows of the file are in the dataset
    named: bool  # whether a line of the file holds the names of its columns
    decisions: tuple[str, ...]


def is_table(path: Path, target: str | None) -> bool:
    """Whether this is the name of a table, which gzip may have made small."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = plain.suffix.lower()
    return suffix in SUFFIXES or (target is not None and suffix in OTHERS)


def open_table(path: Path, settings: Settings) -> OpenTable:
    """Read a table and decide what its columns are, and what its target is."""
    name = settings["target"]
    if name is None:
        raise ConfigurationError(f"{path}: name the column to predict with --target COLUMN")
    features, drop = settings["features"], settings["drop"] or ()
    used = None if features is None else {name, *features}
    reading = _read(path, settings, (), lambda n: n in drop or (used is not None and n not in used))
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
    return OpenTable(dataset, kinds, task, words, keep, not reading.nameless, decisions)


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
    }


def require_schema(settings: Settings) -> dict[str, Any]:
    """The schema of a run on a table."""
    if settings.get("schema") is None:
        raise ConfigurationError(
            "the run was trained by an earlier fnet, which did not keep what it learned of the "
            "columns; train again"
        )
    found: dict[str, Any] = settings["schema"]
    return found


def load_rows(
    source: Path | bytes, settings: Settings, schema: dict[str, Any]
) -> tuple[np.ndarray, Reading, list[str]]:
    """The inputs that a run's schema makes of other rows, the table, and what must be said."""
    if "texts" in schema:
        return load_texts(source, settings, schema)
    learned = read_schema(schema)
    spelled = {kind.name for kind in learned.kinds if kind.kind != "number"}
    if schema["words"]:
        spelled.add(schema["target"])
    if not schema.get("named", True) and settings.get("header") is None:
        settings = {**settings, "header": "no"}
    known = {kind.name for kind in learned.kinds} | {schema["target"]}
    reading = _read(source, settings, spelled, lambda name: name not in known)
    lacking = [kind.name for kind in learned.kinds if kind.name not in reading.columns]
    if lacking:
        columns = "columns are" if len(lacking) > 1 else "column is"
        them, they = ("them", "they are") if len(lacking) > 1 else ("it", "it is")
        raise DataError(
            f"{reading.where}: {len(lacking)} {columns} missing that the run was trained on: "
            f"{', '.join(map(repr, lacking))}; add {them}, empty where {they} not known"
            f"{reading.nameless or _instead(reading, known)}"
        )
    said = [*reading.decisions]
    extra = [name for name in reading.columns if name not in known]
    if extra:
        said.append(f"not used by the run: {', '.join(f'`{name}`' for name in extra)}")
    arrays = {}
    for kind in learned.kinds:
        column = reading.columns[kind.name]
        if kind.kind == "number":
            column = reading.number(kind.name)
            said += other_unit(reading.where, kind, column)
        arrays[kind.name] = kind.read(column)
        said += unknown(kind, column, kind.name in learned.blank)
    said += filled(learned.kinds, arrays, settings["missing"])
    return learned.encode(arrays), reading, said


def _instead(reading: Reading, known: set[str]) -> str:
    """What to add to a message on columns that are missing: others that may be meant."""
    others = [name for name in reading.columns if name not in known]
    return f" (there are {', '.join(map(repr, others[:SHOWN]))})" if others else ""


def load_table(
    path: Path, settings: Settings, classes: tuple[str, ...], thresholds: Any
) -> tuple[Memory, list[str]]:
    """All rows of another table with a target, as a run's schema encodes them."""
    schema = require_schema(settings)
    inputs, reading, said = load_rows(path, settings, schema)
    name = schema["target"]
    if not classes or thresholds is not None:
        target = numbers_of(reading.where, reading.number(name))
        field = "target"
    else:
        target = _relabelled(reading, reading.words(name)[0], classes)
        field = "label"
    rows = np.flatnonzero(target.known)
    if len(rows) < reading.rows:
        said.append(f"{rows_have(reading.rows - len(rows))} no `{name}`: left out")
    if not len(rows):
        raise DataError(f"{reading.where}: no row has a {name!r}; evaluate rows that do")
    values = target.values[rows]
    values = values if field == "label" else values.astype(np.float32)
    dataset = Memory({"features": inputs[rows], field: values}, () if thresholds else classes)
    return (dataset if thresholds is None else data.binarize(dataset, *thresholds)), said


def _read(
    source: Path | bytes, settings: Settings, spelled: Iterable[str], unused: Callable[[str], bool]
) -> Reading:
    flags = {name: settings.get(name) for name in ("sep", "decimal", "encoding", "na")}
    header = {"yes": True, "no": False}.get(settings.get("header") or "")
    return read_table(source, **flags, header=header, spelled=spelled, unused=unused)


def _target(reading: Reading, settings: Settings) -> tuple[Target, str, bool, list[str]]:
    """The target, the task, whether it is words, and what was decided."""
    name, named = settings["target"], settings["task"]
    column, quoted = reading.words(name)
    why = [quoted] if quoted else []
    if settings["binarize"] is not None:
        return numbers_of(reading.where, reading.number(name)), "classes", False, why
    if named is None:
        task, sentence = task_of(column)
        why.append(sentence)
    else:
        task = TASKS[named]
    if task == "regression":
        return numbers_of(reading.where, reading.number(name)), task, False, why
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


def _relabelled(reading: Reading, column: Any, classes: tuple[str, ...]) -> Target:
    """The labels of these cells among the classes of a run."""
    if column.words is None:
        known = np.unique(column.values[~np.isnan(column.values)])
        names = [name_of(value) for value in known]
        codes = np.where(np.isnan(column.values), -1, np.searchsorted(known, column.values))
    else:
        names, codes = list(column.words), column.values
    places = np.append(places_of(names, classes, reading.where), np.int32(-1))
    return Target(places[codes.astype(np.int32)], classes)


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
