"""`fnet sweep`: one network trained at several learning rates, each from several seeds."""

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Column, Table

from fnet.cli import run as runs
from fnet.cli.arguments import (
    ALL,
    DATA,
    MODEL,
    TRAINING,
    Settings,
    add_data,
    add_model,
    command,
)
from fnet.cli.build import build, default_rate, with_model
from fnet.cli.progress import Status, shown
from fnet.cli.signals import NAMES, stop_on_signals
from fnet.cli.source import load_parts, resolved, short_name
from fnet.cli.training_arguments import add_training
from fnet.cli.voice import Voice, add_voice, take_voice
from fnet.errors import ConfigurationError, TrainingError
from fnet.training.records import Record
from fnet.training.sweeping import sweep

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the default learning rate
TABLE, PICTURE = "sweep.csv", "sweep.png"

EXAMPLES = """
fnet sweep                                               five rates around the default
fnet sweep --learning-rate 1e-4 1e-3 1e-2 --seed 0 1 2   nine trainings
fnet sweep --data houses.csv --target SalePrice --binarize 30 70 --model logistic \\
           --optimizer sgd --learning-rate 0.1 1 10 --seed 0 1 2 3
"""


class Outcome(NamedTuple):
    """The best epoch of one training so far, and whether training is still finite."""

    learning_rate: float
    seed: int
    finite: bool
    best_epoch: int
    val_loss: float
    val_accuracy: float


def add(commands: Any) -> None:
    """Register the command."""
    summary = "train at several learning rates and seeds, and compare the results"
    parser = command(commands, "sweep", run, summary, EXAMPLES)
    add_data(parser, seeds=True)
    add_model(parser)
    add_training(parser, rates=True)
    group = parser.add_argument_group("run")
    group.add_argument("--out", metavar="FOLDER", help="(default runs/NAME-sweep-1, -2, ...)")
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    voice, out = take_voice(given), given.pop("out", None)
    seeds, rates = given.pop("seed", [0]), given.pop("learning_rate", None)
    given, _ = with_model(given)
    settings = resolved({**DATA, **MODEL, **TRAINING, **given, "seed": seeds[0]})
    rates = rates or [float(f"{factor * default_rate(settings):.6g}") for factor in FACTORS]
    if settings["epochs"] < 1:
        raise ConfigurationError("--epochs 0: a sweep compares trained models; use 1 or more")
    name = f"{short_name(settings)}-sweep"
    runs.new_folder(out, name)  # refuse a bad --out before reading the data
    parts = load_parts(settings)
    model, loss, optimizer = build(settings, parts.train)
    size, epochs = settings["batch_size"], settings["epochs"]
    trainings = sweep(
        *(model, loss, optimizer, parts.train, parts.val),
        learning_rates=rates,
        seeds=seeds,
        epochs=epochs,
        batch_size=None if size == ALL else size,
    )
    folder = runs.new_folder(out, name)
    with runs.claimed(folder):
        words = [
            f"data       {parts.about}",
            f"model      {model}",
            f"sweep      {len(rates) * len(seeds)} trainings by {settings['optimizer']}: learning "
            f"rates {', '.join(f'{rate:g}' for rate in rates)}; seeds "
            f"{', '.join(map(str, seeds))}; {epochs} epochs, batch size {size}",
        ]
        facts = {"data": parts.about, "model": repr(model), "folder": str(folder)}
        voice.tell("start", words, facts | {"learning_rates": rates, "seeds": seeds})
        pairs = list(itertools.product(rates, seeds))
        steps = len(pairs) * (1 if size == ALL else -(-len(parts.train) // size))
        outcomes: list[Outcome] = []
        with stop_on_signals() as stop:
            for latest in _shown(_outcomes(trainings, pairs), steps, epochs, voice):
                outcomes = latest
                if stop:
                    break
        if not outcomes:
            raise TrainingError(
                "no training stayed finite for an epoch: take smaller learning rates"
            )
        _report(outcomes, rates, settings, folder, voice)
        if stop.by:
            voice.tell("stopped", [f"stopped    by {NAMES[stop.by]}"], {}, last=True)
        return stop.status if stop else 0


def _outcomes(
    trainings: Iterator[tuple[Record, ...]], pairs: list[tuple[float, int]]
) -> Iterator[list[Outcome]]:
    """The outcome of each training so far, after each epoch."""
    best = {pair: Outcome(*pair, True, 0, np.inf, np.nan) for pair in pairs}
    for epoch, records in enumerate(trainings, start=1):
        for pair, record in zip(pairs, records, strict=True):
            best[pair] = best[pair]._replace(finite=record.epoch == epoch)
            if record.best.epoch == epoch:
                loss, accuracy = (record.metrics[name] for name in ("val_loss", "val_accuracy"))
                best[pair] = Outcome(*pair, True, epoch, loss, accuracy)
        yield list(best.values())


def _shown(
    outcomes: Iterator[list[Outcome]], steps: int, epochs: int, voice: Voice
) -> Iterator[list[Outcome]]:
    """Yield the outcomes, showing progress; `steps` counts those of all trainings in an epoch."""

    def status(numbered: tuple[int, list[Outcome]]) -> Status:
        epoch, reached = numbered
        best = max(reached, key=lambda outcome: np.nan_to_num(outcome.val_accuracy, nan=-1))
        brief = f"best {best.val_accuracy:.1%} at {best.learning_rate:g}"
        words = (
            f"best val accuracy {best.val_accuracy:.1%}, learning rate {best.learning_rate:g}, "
            f"seed {best.seed}"
        )
        return Status(epoch, epoch * steps, brief, words, best._asdict())

    begin, end = Status(0, 0, "", "", {}), Status(epochs, epochs * steps, "", "", {})
    for _, reached in shown(enumerate(outcomes, start=1), status, begin, end, voice):
        yield reached


def _report(
    outcomes: list[Outcome], rates: list[float], settings: Settings, folder: Path, voice: Voice
) -> None:
    """Write a table and a picture, and report the best learning rate."""
    from fnet import plots  # matplotlib is slow to import

    losses, accuracies = (
        np.array([getattr(outcome, name) if outcome.finite else np.nan for outcome in outcomes])
        for name in ("val_loss", "val_accuracy")
    )
    losses, accuracies = (array.reshape(len(rates), -1) for array in (losses, accuracies))
    # The highest mean accuracy, ties broken by the lowest loss; NaN comes last.
    means = zip(np.nan_to_num(-accuracies.mean(axis=1), nan=2), losses.mean(axis=1), strict=True)
    best = min(enumerate(means), key=lambda pair: pair[1])[0]
    chosen = rates[best] if np.isfinite(accuracies[best]).all() else None
    trainings = [outcome._asdict() for outcome in outcomes]
    runs.write_rows(folder / TABLE, trainings)
    runs.write_picture(folder / PICTURE, plots.learning_rates(rates, accuracies, chosen=chosen))
    if voice.shows_progress:
        Console().print(_table(outcomes, rates, accuracies, best))
    if chosen is None:
        words = ["reached    no learning rate stayed finite for every seed: take smaller ones"]
        facts: Settings = {}
    else:
        low, mean, high = (f(accuracies[best]) for f in (np.min, np.mean, np.max))
        spread = (
            f", {low:.1%} to {high:.1%} over {len(accuracies[best])} seeds" if high > low else ""
        )
        words = [f"reached    {mean:.1%} validation accuracy{spread}, at learning rate {chosen:g}"]
        facts = {"learning_rate": chosen, "val_accuracy": mean}
    words.append(f"written    {folder}/: {TABLE}, {PICTURE}")
    if chosen is not None:
        facts["next"] = _train_line(settings, chosen)
        words.append(f"next       {facts['next']}")
    voice.tell("end", words, {"folder": str(folder), **facts, "trainings": trainings}, last=True)


def _table(outcomes: list[Outcome], rates: list[float], accuracies: np.ndarray, best: int) -> Table:
    seeds = [outcome.seed for outcome in outcomes[: accuracies.shape[1]]]
    heads = ["mean", *(f"seed {seed}" for seed in seeds)] if len(seeds) > 1 else ["val accuracy"]
    columns = (Column(head, justify="right") for head in heads)
    table = Table("learning rate", *columns, box=box.SIMPLE_HEAD)
    for index, (rate, row) in enumerate(zip(rates, accuracies, strict=True)):
        cells = [f"{value:.1%}" if np.isfinite(value) else "not finite" for value in row]
        mean = [f"{row.mean():.1%}" if np.isfinite(row).all() else "-"] if len(seeds) > 1 else []
        table.add_row(f"{rate:g}", *mean, *cells, style="bold" if index == best else None)
    return table


def _train_line(settings: Settings, rate: float) -> str:
    """The command that trains with this learning rate, as the sweep did."""
    words = ["fnet train"]
    for name, default in {**DATA, **MODEL, **TRAINING}.items():
        value = rate if name == "learning_rate" else settings[name]
        if value != default and not (isinstance(value, tuple) and list(value) == list(default)):
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name.replace('_', '-')}", *(shlex.quote(_plain(v)) for v in values)]
    return " ".join(words)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
