"""The output of `fnet train` before it trains, and when it ends or is stopped."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnet.checkpoint import Checkpoint
from fnet.cli import run as runs
from fnet.cli.arguments import Settings
from fnet.cli.figures import figures, short_number, spelled
from fnet.cli.judging import baseline
from fnet.cli.optimizing import schedule_words
from fnet.cli.source import PARTS, Parts
from fnet.cli.voice import Voice
from fnet.data import Vocabulary
from fnet.solvers import words as reason_words
from fnet.training.evaluation import evaluate, predict
from fnet.training.records import Best, Record
from fnet.training.solving import has_ended


def tell_start(
    checkpoint: Checkpoint,
    parts: Parts,
    settings: Settings,
    voice: Voice,
    why: str = "",
    said: Sequence[str] = (),
) -> None:
    """Report data, model and training, why this model if nobody chose it, and what else is said."""
    record = checkpoint.record
    samples = {part: len(getattr(parts, part)) for part in PARTS}
    facts: dict[str, Any] = {
        "data": parts.about,
        "samples": samples,
        "classes": list(checkpoint.classes),
        "model": repr(checkpoint.model),
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(record.state.params)),
        "optimizer": repr(checkpoint.optimizer),
        "loss": repr(checkpoint.loss),
        "augmentation": repr(checkpoint.augmentation),
        "batch_size": settings["batch_size"],
        "seed": settings["seed"],
        "device": jax.default_backend().upper(),
        "epoch": record.epoch,
        "decisions": [*parts.decisions, *filter(None, (why, *said))],
    }
    sizes = ", ".join(f"{size} {part}" for part, size in samples.items())
    words = [
        f"data       {parts.about}",
        f"           {sizes}; {_target(parts, settings)}",
        *parts.lines,
        f"model      {checkpoint.model}, {facts['parameters']:,} parameters",
        *([f"           {why}"] if why else []),
        f"training   {checkpoint.optimizer}, {checkpoint.loss}, batch size "
        f"{settings['batch_size']}, seed {settings['seed']}, on {facts['device']}",
    ]
    words += [f"           {line}" for line in schedule_words(settings, samples["train"])]
    words += [f"           {sentence}" for sentence in said]
    if settings["augment"]:
        words.append(f"           each batch changed at random by {checkpoint.augmentation}")
    if record.epoch or len(record.seen.loss):
        done = ", the last: --epochs N trains on" if record.epoch >= settings["epochs"] else ""
        words.append(f"resumed    after {reached(record)}{done}")
    voice.tell("start", words, facts)


def _target(parts: Parts, settings: Settings) -> str:
    classes = parts.train.classes
    if parts.task == "text":
        return str(Vocabulary.of(classes))  # a class may be a newline
    if classes:
        return f"{len(classes)} classes: {', '.join(classes)}"
    values = parts.train.arrays[parts.train.fields[1]]
    low, mean, high = (short_number(float(f(values))) for f in (np.min, np.mean, np.max))
    return f"{settings['target']} is a number, from {low} to {high}, {mean} on average"


def tell_stop(checkpoint: Checkpoint, folder: Path, by: str, voice: Voice) -> None:
    """Report how far the run came, and how to resume it."""
    resume, record = f"fnet train --out {folder} --resume", checkpoint.record
    words = f"stopped    by {by} after {reached(record)}; saved", f"next       {resume}"
    facts = {"by": by, "epoch": record.epoch, "folder": str(folder), "next": resume}
    voice.tell("stopped", words, facts, last=True)


def tell_early(record: Record, patience: int | None, voice: Voice) -> None:
    """Report that training ended by itself, and why: the solver's reason, or patience."""
    why = f"{patience} without a lower validation loss"
    if has_ended(record.state):
        why = reason_words(record.state.opt_state.reason)
    facts = {"epoch": record.epoch, "patience": patience, "reason": why}
    voice.tell("early", [f"stopped    after epoch {record.epoch}: {why}"], facts)


def tell_end(
    checkpoint: Checkpoint,
    parts: Parts,
    settings: Settings,
    folder: Path,
    history: list[dict[str, float]],
    voice: Voice,
) -> None:
    """Evaluate the best weights, draw the pictures, and report the result and what to do next."""
    from fnet.cli.pictures import draw  # matplotlib is slow to import

    model, loss, best = checkpoint.model, checkpoint.loss, checkpoint.record.best
    metrics = by_part(
        checkpoint.record, parts, lambda part: evaluate(model, loss, best.params, part)
    )
    predictions = predict(model, loss, best.params, parts.test)
    beside, constant = baseline(predictions, checkpoint.classes)
    metrics |= {f"test_{name}": value for name, value in constant.items()}
    runs.write_json(folder / runs.METRICS, metrics)
    draw(folder, checkpoint, history, parts.test, predictions, settings["target"])
    words = [
        f"reached    {_reached(metrics)}, {weights_of(best, settings)}",
        f"           {beside}",
    ]
    tell_written(folder, words, metrics, f"fnet evaluate {folder}", voice)


def by_part(
    record: Record, parts: Parts, measure: Callable[[Any], dict[str, float]]
) -> dict[str, Any]:
    """The content of metrics.json: what is measured on each part, and how long training took."""
    metrics: dict[str, Any] = {"epochs": record.epoch, "best_epoch": record.best.epoch}
    for name in PARTS:
        part = getattr(parts, name)
        metrics |= {f"{name}_{key}": value for key, value in measure(part).items()}
        metrics[f"{name}_samples"] = len(part)
    return metrics


def weights_of(best: Best, settings: Settings) -> str:
    """Which weights the figures are of."""
    if settings["keep"] == "last":
        return f"with the last weights, of epoch {best.epoch}"
    return f"with the weights of epoch {best.epoch}, which had the lowest validation loss"


def tell_written(
    folder: Path, words: list[str], facts: dict[str, Any], follow_up: str, voice: Voice
) -> None:
    """Report the result of a run, the files of its folder, and what to do next."""
    files = sorted(path.name for path in folder.glob("[!.]*"))
    words = [*words, f"written    {folder}/: {', '.join(files)}", f"next       {follow_up}"]
    facts = {"folder": str(folder), "files": files, "next": follow_up, **facts}
    voice.tell("end", words, facts, last=True)


def _reached(metrics: dict[str, Any]) -> str:
    if "test_accuracy" in metrics:
        test, val = (spelled("accuracy", metrics[f"{part}_accuracy"]) for part in ("test", "val"))
        return f"{test} test accuracy ({val} on validation)"
    val = spelled("r2", metrics["val_r2"])
    return f"{', '.join(figures(metrics, 'test_'))} on test (R² {val} on validation)"


def reached(record: Record) -> str:
    """How far a run has come, in words."""
    steps = len(record.seen.loss)
    return f"epoch {record.epoch}" + (f" and {steps} steps of the next" if steps else "")
