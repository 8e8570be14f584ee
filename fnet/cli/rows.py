"""`fnet predict` on a table: a class with probabilities, or a value, for every row."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jax.sharding import Mesh

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import Settings
from fnet.cli.learned import load_rows, require_schema
from fnet.data import Memory
from fnet.errors import ConfigurationError
from fnet.files.writing import replacing
from fnet.training.evaluation import predict


def tell_aside(said: Iterable[str]) -> None:
    """Say these sentences where no prediction is printed: on stderr."""
    for sentence in said:
        print(f"fnet: {sentence}", file=sys.stderr)


def predict_rows(
    given: Settings,
    settings: Settings,
    checkpoint: Checkpoint,
    mesh: Mesh | None,
    decided: list[str],
) -> int:
    """Print a line for each row of one table, or write a CSV; what is said goes to stderr."""
    (name, *others), schema = given["inputs"], require_schema(settings)
    if others:
        raise ConfigurationError(f"predict takes one table at a time, and got {given['inputs']}")
    source = sys.stdin.buffer.read() if name == "-" else Path(name)
    inputs, _, said = load_rows(source, settings, schema)
    tell_aside([*decided, *said])
    classes = checkpoint.classes
    target = np.zeros(len(inputs), np.int32 if classes else np.float32)
    field = "label" if classes else "target"
    dataset = Memory({"features": inputs, field: target}, classes, checkpoint.transform)
    best = checkpoint.record.best.params
    answers = predict(checkpoint.model, checkpoint.loss, best, dataset, mesh=mesh)
    lines = _answers(answers.predicted, answers.probabilities, classes)
    text = _json(lines, classes) if given.get("json") else _csv(lines, classes)
    if given.get("out") is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return 0
    with replacing(Path(given["out"])) as file:
        file.write(text.encode())
    return 0


def _answers(
    predicted: np.ndarray, probabilities: np.ndarray | None, classes: tuple[str, ...]
) -> Iterator[list[Any]]:
    """Each row, counted from 1: its class and probabilities, or its value."""
    for row, answer in enumerate(predicted.tolist(), start=1):
        if not classes:
            yield [row, answer if np.ndim(answer) == 0 else answer[0]]
        else:
            shares = () if probabilities is None else map(float, probabilities[row - 1])
            yield [row, classes[answer], *shares]


def _csv(lines: Iterator[list[Any]], classes: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "class", *classes] if classes else ["row", "value"])
    for row, answer, *shares in lines:
        value = answer if classes else f"{answer:.9g}"
        writer.writerow([row, value, *(f"{share:.6g}" for share in shares)])
    return text.getvalue()


def _json(lines: Iterator[list[Any]], classes: tuple[str, ...]) -> str:
    found = []
    for row, answer, *shares in lines:
        by_class = dict(zip(classes, shares, strict=True))
        more = {"probability": by_class[answer], "classes": by_class} if classes else {}
        line = {"row": row, "class" if classes else "value": answer, **more}
        found.append(json.dumps(line, ensure_ascii=False) + "\n")
    return "".join(found)
