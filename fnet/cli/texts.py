"""Texts with classes, in a column of a table or in class folders: their words and network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet import models
from fnet.cli.arguments import Settings
from fnet.cli.tables import read, read_apart
from fnet.cli.text import TEXT as TEXT_FLAGS
from fnet.compose.mixed_precision import mixed_precision
from fnet.core import Layer
from fnet.data import LabelledTexts, Memory, Words
from fnet.data.opening import Reading
from fnet.data.text_folders import CLASS, TEXT, class_folders, read_texts, texts_in
from fnet.data.words import labelled_texts, texts_of
from fnet.errors import ConfigurationError, DataError

MODEL = "words"  # the name of the network in the settings


def with_class_folders(given: Settings) -> Settings:
    """What is given; if the data are class folders of texts, with the columns that they make."""
    path, named = given.get("data"), given.get("model")
    other = any(given.get(name) is not None for name in ("target", *TEXT_FLAGS))
    if path is None or other or named not in (None, MODEL) or not class_folders(Path(path)):
        return given
    return {**given, "text": TEXT, "target": CLASS}


def open_texts(
    path: Path, settings: Settings
) -> tuple[LabelledTexts, dict[str, Any], dict[str, Path]]:
    """The texts to learn from with their classes, as JSON what others are read by, and the folders
    of other parts."""
    text, target = settings["text"], settings["target"]
    parts = class_folders(path)
    path = parts.pop("train", parts.pop("all", path))
    reading = read_apart(path, settings, "text")
    column, _ = reading.words(target)
    found = labelled_texts(reading, text, target)
    length = found.arrays["words"].shape[1]
    texts = {"column": text, "words": list(found.words.known), "length": length}
    texts |= {"files": True} if path.is_dir() else {}
    facts = {"words": column.words is not None, "named": not reading.nameless}
    return found, {"texts": texts, "target": target, **facts}, parts


def load_texts(
    source: Path | bytes, settings: Settings, schema: dict[str, Any]
) -> tuple[np.ndarray, Reading, list[str]]:
    """The words of other rows, as a run knows them, the table, and what must be said."""
    learned, target = schema["texts"], schema["target"]
    text = learned["column"]
    spelled = {text, target} if schema["words"] else {text}
    reading = read(source, settings, spelled, lambda name: name not in (text, target))
    ids, none = _known(texts_of(reading, text, target), learned)
    return ids, reading, [*reading.decisions, *none]


def known_texts(
    inputs: Sequence[str], schema: dict[str, Any]
) -> tuple[list[str], np.ndarray, list[str]]:
    """The files of these names, and those in folders; their words as a run knows them; and what
    must be said."""
    paths: list[Path] = []
    for name in inputs:
        found = texts_in(Path(name)) if Path(name).is_dir() else [Path(name)]
        if not found:
            raise DataError(f"{name}: there is no text in it")
        paths += found
    texts, said = read_texts(paths)
    ids, none = _known(texts, schema["texts"])
    return [str(path) for path in paths], ids, said + none


def _known(texts: Sequence[str], learned: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """The words of texts as a run knows them, and a sentence on texts without any."""
    ids = Words(tuple(learned["words"])).encode(texts, learned["length"])
    none = int((ids == 0).all(axis=1).sum())
    return ids, [f"{none} of {len(ids)} texts have no word that the run knows"] if none else []


def with_words_model(given: Settings) -> tuple[Settings, str]:
    """What is given, with the network for words; ConfigurationError for another."""
    if given.get("model") not in (None, MODEL):
        raise ConfigurationError(
            f"--model {given['model']} is not for a column of texts; leave it out"
        )
    if given.get("text") is None:
        raise ConfigurationError(
            f"--model {MODEL} is for texts with classes: class folders of texts, or a table, whose "
            "column of texts is --text"
        )
    return {**given, "model": MODEL}, "chosen for texts: the mean of what their words stand for"


def build_words_model(settings: Settings, train: Memory) -> Layer:
    """The network for texts with these words and classes."""
    assert isinstance(train, LabelledTexts)
    model = models.text_classifier(train.words.size, len(train.classes), l2=settings["l2"] or 0.0)
    return mixed_precision(model) if settings["precision"] == "bfloat16" else model
