"""A column of texts of a table, from `--text`: its words, its network, and the words of others."""

from pathlib import Path
from typing import Any

import numpy as np

from fnet import models
from fnet.cli.arguments import Settings
from fnet.cli.tables import read, read_apart
from fnet.compose.mixed_precision import mixed_precision
from fnet.core import Layer
from fnet.data import LabelledTexts, Memory, Words
from fnet.data.opening import Reading
from fnet.data.words import labelled_texts, texts_of
from fnet.errors import ConfigurationError

MODEL = "words"  # the name of the network in the settings


def open_texts(path: Path, settings: Settings) -> tuple[LabelledTexts, dict[str, Any]]:
    """The texts with their classes, and as JSON what other tables are read by."""
    text, target = settings["text"], settings["target"]
    reading = read_apart(path, settings, "text")
    column, _ = reading.words(target)
    found = labelled_texts(reading, text, target)
    length = found.arrays["words"].shape[1]
    texts = {"column": text, "words": list(found.words.known), "length": length}
    facts = {"words": column.words is not None, "named": not reading.nameless}
    return found, {"texts": texts, "target": target, **facts}


def load_texts(
    source: Path | bytes, settings: Settings, schema: dict[str, Any]
) -> tuple[np.ndarray, Reading, list[str]]:
    """The words of other rows, as a run knows them, the table, and what must be said."""
    learned, target = schema["texts"], schema["target"]
    text, words = learned["column"], Words(tuple(learned["words"]))
    spelled = {text, target} if schema["words"] else {text}
    reading = read(source, settings, spelled, lambda name: name not in (text, target))
    ids = words.encode(texts_of(reading, text, target), learned["length"])
    none = int((ids == 0).all(axis=1).sum())
    said = [*reading.decisions]
    if none:
        said.append(f"{none} of {len(ids)} texts have no word that the run knows")
    return ids, reading, said


def with_words_model(given: Settings) -> tuple[Settings, str]:
    """What is given, with the network for words; ConfigurationError for another."""
    if given.get("model") not in (None, MODEL):
        raise ConfigurationError(
            f"--model {given['model']} is not for a column of texts; leave it out"
        )
    return {**given, "model": MODEL}, "chosen for texts: the mean of what their words stand for"


def build_words_model(settings: Settings, train: Memory) -> Layer:
    """The network for texts with these words and classes."""
    assert isinstance(train, LabelledTexts)
    model = models.text_classifier(train.words.size, len(train.classes), l2=settings["l2"] or 0.0)
    return mixed_precision(model) if settings["precision"] == "bfloat16" else model
