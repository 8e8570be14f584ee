"""What is said of a network for text: its loss in bits per character, beside the best possible."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jax.sharding import Mesh

from fnet import data
from fnet.checkpoint import Checkpoint
from fnet.cli import run as runs
from fnet.cli.arguments import Settings
from fnet.cli.report import by_part, tell_written, weights_of
from fnet.cli.source import Parts, load_parts
from fnet.cli.text import bits, in_bits
from fnet.cli.values import held_out
from fnet.cli.voice import Voice
from fnet.data import Dataset, Memory, Vocabulary
from fnet.data.text import spelled
from fnet.errors import ConfigurationError
from fnet.models import generate
from fnet.models.language import attention_maps
from fnet.training.evaluation import evaluate
from fnet.training.records import Record

SHOWN = 60  # characters of a sample, and steps of a picture of attention


def with_bits(record: Record) -> Record:
    """The record with the losses of its metrics and its history in bits as well."""

    def more(metrics: Mapping[str, Any]) -> dict[str, Any]:
        losses = {name: value for name, value in metrics.items() if name.endswith("_loss")}
        return {**metrics} | {
            name.replace("_loss", "_bits"): in_bits(value) for name, value in losses.items()
        }

    return record._replace(metrics=more(record.metrics), history=more(record.history))


def tell_text(
    checkpoint: Checkpoint,
    parts: Parts,
    settings: Settings,
    folder: Path,
    history: list[dict[str, float]],
    voice: Voice,
) -> None:
    """Evaluate the best weights, draw the pictures, and report the result and what to do next."""
    best = checkpoint.record.best
    metrics = by_part(checkpoint.record, parts, lambda part: measured(checkpoint, part, settings))
    runs.write_json(folder / runs.METRICS, metrics)
    optimum = data.text_entropy(settings["length"]) if settings["data"] is None else None
    _draw(folder, checkpoint, history, parts.test, optimum)
    vocabulary = Vocabulary.of(checkpoint.classes)
    begin = parts.test.gather([0])["tokens"][:, : min(SHOWN, max(1, settings["length"] // 4))]
    sample = generate(checkpoint.model, best.params, begin, SHOWN, seed=settings["seed"])[0]
    prompt = vocabulary.decode(begin[0])
    rest = vocabulary.decode(sample[begin.shape[1] :])
    words = [
        f"reached    {bits(metrics['test_loss'])} on test ({in_bits(metrics['val_loss']):.4f} on "
        f"validation), {weights_of(best, settings)}",
        *_beside(metrics, optimum),
        f"sample     {spelled(prompt)} | {spelled(rest)}",
    ]
    facts = {**metrics, "prompt": prompt, "sample": rest}
    tell_written(folder, words, facts, f"fnet generate {folder}", voice)


def evaluate_text(
    checkpoint: Checkpoint,
    settings: Settings,
    other: str | None,
    voice: Voice,
    mesh: Mesh | None,
    decided: list[str],
) -> int:
    """`fnet evaluate` of a run on text: its loss on its own test part, or on another text."""
    dataset, about = _texts(checkpoint, settings, other)
    values = measured(checkpoint, dataset, settings, mesh)
    said = [
        f"data       {about}, {len(dataset)} samples",
        *(f"           {sentence}" for sentence in decided),
        f"loss       {values['loss']:.4f}, which is {bits(values['loss'])}",
        f"accuracy   {values['accuracy']:.1%} of the next characters",
    ]
    if "above_lowest" in values:
        said.append(
            f"lowest     {values['lowest_loss']:.4f} is the best possible on these very texts; the "
            f"run is {values['above_lowest']:.1%} above it"
        )
    facts = {"data": about, "samples": len(dataset), **values}
    facts |= {"decisions": decided} if decided else {}
    voice.tell("end", said[1 + len(decided) :] if voice.quiet else said, facts, last=True)
    return 0


def _texts(checkpoint: Checkpoint, settings: Settings, other: str | None) -> tuple[Dataset, str]:
    """The test part of a run, or all of another text, and what to call it."""
    if other is None:
        parts = load_parts(settings)
        return parts.test, f"the test part of {parts.about}"
    if settings["data"] is None:
        raise ConfigurationError(
            f"--data {other}: the run learned the formal language, and is measured on its own test "
            "part; leave it out"
        )
    known = Vocabulary.of(checkpoint.classes)
    divided = data.text_parts(other, settings["length"], vocabulary=known)
    pieces, which = held_out(divided.parts)
    (text,) = pieces.values()
    return text, ", ".join((f"text {other}", *which, text.decisions[0]))


def measured(
    checkpoint: Checkpoint, dataset: Dataset, settings: Settings, mesh: Mesh | None = None
) -> dict[str, float]:
    """Loss, bits and accuracy on these texts; of the formal language also the lowest loss that any
    model can have on them, and by which part ours is above it."""
    model, loss, params = checkpoint.model, checkpoint.loss, checkpoint.record.best.params
    values = evaluate(model, loss, params, dataset, mesh=mesh)
    values["bits"] = in_bits(values["loss"])
    if settings["data"] is None and isinstance(dataset, Memory):
        lowest = float(data.surprisal(dataset).mean())
        values |= {"lowest_loss": lowest, "above_lowest": values["loss"] / lowest - 1}
    return values


def _beside(metrics: Mapping[str, float], optimum: float | None) -> list[str]:
    """How far the loss is from the lowest, on the very texts of the test part."""
    if optimum is None:
        return []
    return [
        f"           {metrics['test_above_lowest']:.1%} above the best possible, "
        f"{in_bits(metrics['test_lowest_loss']):.4f} on these very texts ({in_bits(optimum):.4f} "
        "expected)"
    ]


def _draw(
    folder: Path,
    checkpoint: Checkpoint,
    history: Sequence[Mapping[str, float]],
    test: Dataset,
    optimum: float | None,
) -> None:
    """Write the pictures that apply to this run."""
    from fnet import plots  # matplotlib is slow to import

    if history:
        lowest = None if optimum is None else in_bits(optimum)
        runs.write_picture(folder / "loss.png", plots.bits_per_character(history, lowest))
    tokens = np.asarray(test.gather([0])["tokens"])[:, :SHOWN]
    maps = attention_maps(checkpoint.model, checkpoint.record.best.params, tokens)
    if maps is not None:
        names = [spelled(checkpoint.classes[token]) for token in tokens[0]]
        picture = plots.attention_weights(maps[-1, 0], names)
        runs.write_picture(folder / "attention.png", picture)
