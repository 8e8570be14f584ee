"""Other tables for a run: rows to predict, and rows to evaluate, encoded as in its training."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from fnet import data
from fnet.cli.arguments import Settings
from fnet.cli.figures import classes_of
from fnet.cli.tables import WRITING, numbers, places_of, read
from fnet.cli.texts import load_texts, open_texts
from fnet.data import Memory
from fnet.data.gaps import filled, other_order, other_unit, rows_have, unknown
from fnet.data.opening import Reading
from fnet.data.schema import read_schema
from fnet.data.targets import Target, name_of
from fnet.errors import ConfigurationError, DataError

SHOWN = 5  # columns that may be meant


def require_schema(settings: Settings) -> dict[str, Any]:
    """The schema of a run on a table."""
    if settings.get("schema") is None:
        raise ConfigurationError(
            "the run was trained by an earlier fnet, which did not keep what it learned of the "
            "columns; train again"
        )
    found: dict[str, Any] = settings["schema"]
    return found


def written(settings: Settings, given: Settings) -> Settings:
    """The settings of a run for another table, which may be written in another way.

    Raises ConfigurationError for flags on that where the run is on no table.
    """
    told = {name: given[name] for name in WRITING if given.get(name) is not None}
    if told and settings["target"] is None:
        raise ConfigurationError(f"--{next(iter(told))} is for a table; leave it out")
    return {**settings, **told}


def load_rows(
    source: Path | bytes, settings: Settings, schema: dict[str, Any]
) -> tuple[np.ndarray, Reading, list[str]]:
    """The inputs that a run's schema makes of other rows, the table, and what must be said."""
    if not schema.get("named", True) and settings.get("header") is None:
        settings = {**settings, "header": "no"}
    if "texts" in schema:
        return load_texts(source, settings, schema)
    learned = read_schema(schema)
    spelled = {kind.name for kind in learned.kinds if kind.kind != "number"}
    if schema["words"]:
        spelled.add(schema["target"])
    known = {kind.name for kind in learned.kinds} | {schema["target"]}
    signs = {kind.name: kind.signs for kind in learned.kinds if kind.kind == "number"}
    how = {"learned": signs, "commas": schema.get("commas", False)}
    reading = read(source, settings, spelled, lambda name: name not in known, **how)
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
            column = reading.number(kind.name, kind.signs)
            said += other_unit(reading.where, kind, column)
        arrays[kind.name] = kind.read(column)
        said += other_order(kind, column)
        said += unknown(kind, column, kind.name in learned.blank)
    said += filled(learned.kinds, arrays, settings["missing"])
    return learned.encode(arrays), reading, said


def load_table(
    path: Path, settings: Settings, classes: tuple[str, ...], thresholds: Any
) -> tuple[Memory, list[str]]:
    """All rows of another table with a target, as a run's schema encodes them."""
    schema = require_schema(settings)
    inputs, reading, said = load_rows(path, settings, schema)
    name = schema["target"]
    if not classes or thresholds is not None:
        target = numbers(reading, name)
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
    if thresholds is None:
        return dataset, said
    split = data.binarize(dataset, *thresholds)
    return split, [*said, classes_of(name, thresholds, len(dataset) - len(split))]


def open_text_parts(
    path: Path, settings: Settings
) -> tuple[dict[str, Memory], dict[str, Any], tuple[str, ...]]:
    """The texts with classes of a table or of class folders, by part or whole as "train"; as JSON
    what others are read by; and what must be said."""
    texts, schema, folders = open_texts(path, settings)
    parts: dict[str, Memory] = {"train": texts}
    said = texts.decisions
    for part, folder in folders.items():
        rows, more = load_table(folder, {**settings, "schema": schema}, texts.classes, None)
        arrays = dict(zip(texts.arrays, rows.arrays.values(), strict=True))
        parts[part] = dataclasses.replace(rows, arrays=arrays)
        said += (f"taken as {part}: {folder.name}/", *more)
    return parts, schema, said


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


def _instead(reading: Reading, known: set[str]) -> str:
    """What to add to a message on columns that are missing: others that may be meant."""
    others = [name for name in reading.columns if name not in known]
    return f" (there are {', '.join(map(repr, others[:SHOWN]))})" if others else ""
