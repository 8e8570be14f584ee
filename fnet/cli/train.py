"""`fnet train`: from data on disk to a trained, evaluated, saved model with pictures."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from fnet import __version__
from fnet.checkpoint import Checkpoint
from fnet.cli import run as runs
from fnet.cli.arguments import (
    DATA,
    MODEL,
    TRAINING,
    Settings,
    above,
    add_data,
    add_model,
    add_optimizer,
    command,
    say,
)
from fnet.cli.build import build
from fnet.cli.progress import LINES, show
from fnet.cli.signals import NAMES, Asked, asking
from fnet.cli.source import Parts, load_parts, resolved, short_name
from fnet.descent import descend
from fnet.errors import ConfigurationError, TrainingError
from fnet.evaluation import evaluate
from fnet.feeding import check_fit, example_shape
from fnet.records import Record, start
from fnet.training import fit

DEFAULTS = {**DATA, **MODEL, **TRAINING}
SECONDS_BETWEEN_SAVES = 1.0
AT_ONCE = 10**11  # operations: a second or two, until which Ctrl-C may have to wait
ALL = "all"  # a batch size
FREE = ("epochs", "workers")  # settings of a run that a resumed one may change

EXAMPLES = """
fnet train                                       the embedded set of shapes
fnet train --data photos/ --epochs 60            photos/<class>/*.png
fnet train --data set.npz --layers 3 --l2 1e-4   arrays `images` and `labels`
fnet train --data houses.csv --target SalePrice --features GrLivArea YearBuilt \\
           --binarize 30 70 --model logistic \\
           --batch-size all --epochs 25000       cheap or expensive houses
fnet train --out runs/shapes-mlp-1 --resume --epochs 40   go on with a run
"""


def add(commands: Any) -> None:
    """Register the command."""
    summary = "train a classifier; writes a checkpoint, a history, metrics and pictures"
    parser = command(commands, "train", train, summary, EXAMPLES)
    add_data(parser)
    add_model(parser)
    group = add_optimizer(parser)
    group.add_argument(
        "--batch-size",
        type=_batch_size,
        metavar="N",
        help="a number, or `all` samples at each step, which trains a small model on a table "
        "thousands of epochs a second (default 128)",
    )
    group.add_argument("--epochs", type=above(-1, int), metavar="N", help="(default 20)")
    group = parser.add_argument_group("run")
    group.add_argument("--out", metavar="FOLDER", help="(default runs/NAME-1, -2, ...)")
    group.add_argument(
        "--resume",
        nargs="?",
        const="last",
        choices=("last", "previous"),
        help="go on with the run in --out, up to --epochs; from its `previous` checkpoint where "
        "the last is damaged",
    )


def train(given: Settings) -> int:
    """Run the command with what was written on its line."""
    out, resume = given.pop("out", None), given.pop("resume", None)
    if resume:
        folder, settings = _resumed(out, given)
    else:
        settings = resolved({**DEFAULTS, **given})
        folder = runs.new_folder(out, f"{short_name(settings)}-{settings['model']}")
    parts = load_parts(settings)
    checkpoint = _fresh(settings, parts)
    if not resume:  # others may have begun while the data were read
        folder = runs.new_folder(out, f"{short_name(settings)}-{settings['model']}")
    with runs.claimed(folder):
        history: list[dict[str, float]] = []
        if resume == "previous" or (folder / runs.CHECKPOINT).exists():
            checkpoint = runs.read_run(folder, last=resume != "previous")[1]
            history = runs.read_history(folder, checkpoint.record.epoch)
        if settings["epochs"] < checkpoint.record.epoch:
            raise ConfigurationError(
                f"--epochs {settings['epochs']}: {folder} has done {checkpoint.record.epoch}"
            )
        runs.write_json(folder / runs.CONFIG, {**settings, **parts.facts, "fnet": __version__})
        _introduce(checkpoint, parts, settings)
        with asking() as asked:
            checkpoint = _train(checkpoint, parts, settings, folder, history, asked)
        if asked.by:
            say(f"stopped    by {NAMES[asked.by]} after {_reached(checkpoint.record)}; saved")
            say(f"next       fnet train --out {folder} --resume")
            return asked.status
        _report(checkpoint, parts, folder, history)
    return 0


def _resumed(out: str | None, given: Settings) -> tuple[Path, Settings]:
    """The folder and settings of a run to go on with; only what is FREE may be another."""
    if out is None:
        raise ConfigurationError("--resume goes on with the run in a folder: say which, by --out")
    settings = runs.read_config(Path(out))
    for key, value in given.items():
        plain = list(value) if isinstance(value, list | tuple) else value
        if key == "data":
            plain = str(Path(value).absolute())
        if key not in FREE and plain != settings[key]:
            raise ConfigurationError(
                f"--resume: {key} was {settings[key]} in {out} and cannot become {value}; leave "
                "it out, or begin a new run with another --out"
            )
    return Path(out), {**settings, **given, "data": settings["data"]}


def _fresh(settings: Settings, parts: Parts) -> Checkpoint:
    """The run before its first epoch."""
    model, loss, optimizer = build(settings, len(parts.train.classes))
    check_fit(model, loss, optimizer, parts.train)
    shape, seed = example_shape(parts.train), settings["seed"]
    return Checkpoint(
        model,
        loss,
        optimizer,
        shape,
        start(model, optimizer, shape, seed),
        seed,
        parts.train.transform,
        parts.train.classes,
    )


def _introduce(checkpoint: Checkpoint, parts: Parts, settings: Settings) -> None:
    sizes = f"{len(parts.train)} train, {len(parts.val)} val, {len(parts.test)} test"
    count = sum(leaf.size for leaf in jax.tree.leaves(checkpoint.record.state.params))
    say(f"data       {parts.about}")
    say(f"           {sizes}; {len(checkpoint.classes)} classes: {', '.join(checkpoint.classes)}")
    say(f"model      {checkpoint.model}, {count:,} parameters")
    say(
        f"training   {checkpoint.optimizer}, {checkpoint.loss}, batch size "
        f"{settings['batch_size']}, seed {settings['seed']}, on {jax.default_backend().upper()}"
    )
    if checkpoint.record.epoch or len(checkpoint.record.seen.loss):
        say(f"resumed    after {_reached(checkpoint.record)}")


def _train(
    checkpoint: Checkpoint,
    parts: Parts,
    settings: Settings,
    folder: Path,
    history: list[dict[str, float]],
    asked: Asked,
) -> Checkpoint:
    """Run the epochs that are left; at any time the folder holds a run that can be resumed."""
    records = _records(checkpoint, parts, settings)
    saved = -math.inf
    try:
        for record in show(records, checkpoint.record.epoch, settings["epochs"]):
            checkpoint = checkpoint._replace(record=record)
            history += _rows(record)
            if asked:
                break
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                runs.keep(folder, checkpoint, history)
                saved = time.monotonic()
    except TrainingError as error:
        raise TrainingError(
            f"{error}; {folder} holds the last finite weights, after "
            f"{_reached(checkpoint.record)}; begin a new run (--learning-rate)"
        ) from None
    finally:
        runs.keep(folder, checkpoint, history)
    return checkpoint


def _records(checkpoint: Checkpoint, parts: Parts, settings: Settings) -> Iterator[Record]:
    model, loss, optimizer, _, record, seed, _, _ = checkpoint
    arguments = (model, loss, optimizer, parts.train, parts.val)
    epochs = settings["epochs"]
    if settings["batch_size"] == ALL:
        every = max(1, -(-epochs // LINES))
        return descend(*arguments, epochs=epochs, every=every, seed=seed, resume=record)
    size = min(settings["batch_size"], len(parts.train))
    count = sum(leaf.size for leaf in jax.tree.leaves(record.state.params))
    every = max(1, AT_ONCE // (6 * count * size))
    return fit(
        *arguments, epochs=epochs, batch_size=size, every_steps=every, seed=seed, resume=record
    )


def _reached(record: Record) -> str:
    steps = len(record.seen.loss)
    return f"epoch {record.epoch}" + (f" and {steps} steps of the next" if steps else "")


def _rows(record: Record) -> list[dict[str, float]]:
    """A line of the history for each epoch since the record before."""
    columns = {name: values.tolist() for name, values in record.history.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    first = record.epoch - len(rows) + 1
    return [{"epoch": epoch, **row} for epoch, row in enumerate(rows, start=first)]


def _batch_size(text: str) -> int | str:
    number: int | str = ALL if text == ALL else above(0, int)(text)
    return number


def _report(
    checkpoint: Checkpoint, parts: Parts, folder: Path, history: list[dict[str, float]]
) -> None:
    """Evaluate the best weights, draw the pictures, and say what was reached and what is next."""
    from fnet.cli.pictures import draw  # matplotlib takes long to load

    model, loss, best = checkpoint.model, checkpoint.loss, checkpoint.record.best
    metrics: dict[str, Any] = {"epochs": checkpoint.record.epoch, "best_epoch": best.epoch}
    for part in ("train", "val", "test"):
        values = evaluate(model, loss, best.params, getattr(parts, part))
        metrics |= {f"{part}_{name}": value for name, value in values.items()}
        metrics[f"{part}_samples"] = len(getattr(parts, part))
    runs.write_json(folder / runs.METRICS, metrics)
    draw(folder, checkpoint, history, parts.test)
    say(
        f"reached    {metrics['test_accuracy']:.1%} test accuracy "
        f"({metrics['val_accuracy']:.1%} on validation), by the weights of epoch {best.epoch}, "
        "which had the lowest validation loss"
    )
    say(f"written    {folder}/: {', '.join(sorted(path.name for path in folder.glob('[!.]*')))}")
    say(f"next       fnet evaluate {folder}")
