"""Tables from `--data`: from the columns of a file to the scaled inputs of a model."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet.cli.arguments import Settings
from fnet.data import Memory
from fnet.data.dates import DURATION, TIME_OF_DAY
from fnet.data.finding import SUFFIXES as IMAGES
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
TASKS = {"classification": "classes", "regression": "regression"}
# What only a table has, by the names of the flags; first how it is written.
WRITING = ("sep", "decimal", "encoding", "na", "header")
FLAGS = ("target", "features", "drop", "group", "binarize", "task", *WRITING)


UNDATED = (DURATION, TIME_OF_DAY)
NUMBERS = ("features", "drop", "group", "binarize", "decimal", "loss")  # of columns, and of numbers


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
    groups: np.ndarray | None = None  # which rows belong together


def is_table(path: Path, target: str | None) -> bool:
    """Whether this is the name of a table, of which gzip or zip may have made a smaller file.

    Where a target is named every file is one, but for images and archives of arrays.
    """
    plain = plain_name(path)
    suffix = plain.suffix.lower()
    return suffix in SUFFIXES or (target is not None and suffix not in (".npz", *IMAGES))


def of_columns(settings: Settings) -> bool:
    """Whether the columns of a table are what is learned from, and no images that it names."""
    return settings["target"] is not None and settings.get("images") is None


def read_apart(path: Path, settings: Settings, flag: str) -> Reading:
    """A table of which the column of a flag, text or images, is what is learned from.

    Its cells are as they are spelled. Raises ConfigurationError for flags of other columns, and
    for a target that is a number.
    """
    column, target = settings[flag], settings["target"]
    if target is None:
        raise ConfigurationError(f"{path}: name the column to predict with --target COLUMN")
    for name in (*NUMBERS, "text" if flag == "images" else "images"):
        if settings.get(name) is not None:
            raise ConfigurationError(
                f"--{name} does not apply to --{flag} {column}; leave one of them out"
            )
    reading = read(path, settings, {column}, lambda name: name not in (column, target))
    task, why = task_of(reading.words(target)[0])
    if settings["task"] == "regression" or (settings["task"] is None and task == "regression"):
        raise ConfigurationError(
            f"{why}; from {flag.removesuffix('s')}s fnet learns classes: add --task classification "
            "if each value is one, or choose another --target"
        )
    return reading


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
    features, drop = settings["features"], (*(settings["drop"] or ()), *_group(settings))
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
    groups, together = _groups(reading, settings, keep)
    gaps_told = filled(kinds, dataset.arrays["features"], settings["missing"])
    decisions = (*reading.decisions, *said, *why, *dropped, *together, *gaps_told, *leaks)
    decisions += _in_time(kinds, dataset.arrays["features"], settings)
    named, commas = not reading.nameless, reading.source.commas
    return OpenTable(dataset, kinds, task, words, keep, named, commas, decisions, groups)


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


def _group(settings: Settings) -> tuple[str, ...]:
    """The column of --group, which is no feature."""
    name = settings["group"]
    if name is not None and name == settings["target"]:
        raise ConfigurationError(f"--group {name}: it is the target; name another column")
    return () if name is None or name in (settings["features"] or ()) else (name,)


def _groups(
    reading: Reading, settings: Settings, keep: np.ndarray
) -> tuple[np.ndarray | None, list[str]]:
    """The group of each row that is used, and a sentence on them."""
    name = settings["group"]
    if name is None:
        return None, []
    values = reading.column(name).values
    if (lacking := gaps(values) & keep).any():
        reading.refuse(int(np.argmax(lacking)), name, "missing; every row needs a group")
    count = len(np.unique(values[keep]))
    return values[keep], [f"rows of one `{name}` are in one part: {count} groups"]


def _in_time(
    kinds: Iterable[Kind], arrays: Mapping[str, np.ndarray], settings: Settings
) -> tuple[str, ...]:
    """A sentence on rows in the order of their dates, and on those that should be."""
    dates = [kind.name for kind in kinds if kind.kind == "date" and kind.order not in UNDATED]
    sort = [name for name in dates if (np.diff(arrays[name]) >= 0).all()]
    if settings["shuffle"] and sort and settings["group"] is None:
        return (
            f"rows are in the order of `{sort[0]}`, and the parts drawn at random: --no-shuffle "
            "takes the latest rows for the test",
        )
    if not settings["shuffle"] and dates and not sort:
        return (f"warning: rows are not in the order of `{dates[0]}`; sort them, or --shuffle",)
    return ()


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
