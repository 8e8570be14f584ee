"""`fnet train`: from data on disk to a trained, evaluated, saved model with pictures."""

import math
import time
from typing import Any

from fnet import __version__
from fnet.checkpoint import Checkpoint
from fnet.cli import run as runs
from fnet.cli.arguments import (
    ALL,
    AUGMENTATIONS,
    DATA,
    MODEL,
    TRAINING,
    Settings,
    add_data,
    command,
)
from fnet.cli.build import build, build_augmentation, with_model
from fnet.cli.choices import completed, remarks
from fnet.cli.comparing import compared, with_last
from fnet.cli.epochs import remaining
from fnet.cli.model_arguments import add_model
from fnet.cli.optimizing import schedule_words
from fnet.cli.progress import show
from fnet.cli.report import reached, tell_early, tell_end, tell_start, tell_stop
from fnet.cli.resuming import resumed
from fnet.cli.signals import NAMES, stop_on_signals
from fnet.cli.source import Parts, load_parts, resolved, short_name
from fnet.cli.spread import divided, make_devices
from fnet.cli.text import MODELS as TEXT_MODELS
from fnet.cli.text import TEXT, add_text
from fnet.cli.text_report import tell_text, with_bits
from fnet.cli.texts import MODEL as WORDS
from fnet.cli.together import (
    Run,
    add_together,
    agree_on_data,
    folder_of,
    joined,
    new_folder,
    resumable,
    stopped,
    voice_of,
)
from fnet.cli.training_arguments import add_training
from fnet.cli.voice import add_voice, take_voice
from fnet.devices import on_one
from fnet.devices.processes import Team
from fnet.errors import ConfigurationError, TrainingError
from fnet.training.agreement import check_fit
from fnet.training.feeding import example_shape
from fnet.training.records import start
from fnet.training.solving import has_ended

DEFAULTS = {**DATA, **MODEL, **TRAINING, **TEXT}
SECONDS_BETWEEN_SAVES = 1.0

EXAMPLES = """
fnet train                                       the embedded set of shapes
fnet train --data photos/ --epochs 60            photos/<class>/*.png
fnet train --data photos/ --augment flip crop    other pictures in each epoch
fnet train --data set.npz --layers 3 --l2 1e-4   arrays `images` and `labels`
fnet train --data houses.csv --target SalePrice --features GrLivArea YearBuilt \\
           --binarize 30 70 --model logistic \\
           --batch-size all --epochs 25000       cheap or expensive houses
fnet train --data reviews/                       reviews/<class>/*.txt, by their words
fnet train --data book.txt                       a transformer that continues a text
fnet train --model lstm                          a formal language, whose optimum is known
fnet train --epochs 200 --patience 10            until validation no longer improves
fnet train --out runs/shapes-cnn-1 --resume --epochs 40 --learning-rate 1e-4
                                                 continue a run, at another rate
"""


def add(commands: Any) -> None:
    """Register the command."""
    summary = "train a classifier; writes a checkpoint, a history, metrics and pictures"
    parser = command(commands, "train", train, summary, EXAMPLES)
    add_data(parser)
    add_model(parser, others=(*TEXT_MODELS, WORDS))
    add_text(parser)
    add_training(parser).add_argument(
        "--augment",
        nargs="+",
        choices=AUGMENTATIONS,
        help="change the images at random in every batch, in this order (default: not at all)",
    )
    group = parser.add_argument_group("run")
    group.add_argument("--out", metavar="FOLDER", help="(default runs/NAME-1, -2, ...)")
    group.add_argument(
        "--resume",
        nargs="?",
        const="last",
        choices=("last", "previous"),
        help="continue the run in --out, up to --epochs; from its `previous` checkpoint if the "
        "last is damaged",
    )
    add_together(parser)
    add_voice(parser)


def train(given: Settings) -> int:
    """Run the command."""
    make_devices(given, unasked=True)
    with joined(given) as team:
        return _together(given, team)


def _together(given: Settings, team: Team) -> int:
    """What each process of a team does; the first alone writes and speaks."""
    voice = voice_of(team, take_voice(given))
    out, resume = given.pop("out", None), given.pop("resume", None)
    stated = frozenset(given)
    if resume:
        folder, settings = resumed(out, given)
        why = ""
    else:
        given, why = with_model(given, texts=True)
        settings = resolved({**DEFAULTS, **given})
        name = f"{short_name(settings)}-{settings['model']}"
        folder = new_folder(out, name, team)
    parts = load_parts(settings)
    compared_by: list[str] = []
    if not resume:
        settings, compared_by, better = compared(settings, parts, stated)
        why = better or why
    settings, chosen = completed(settings, parts)
    chosen += compared_by
    settings, spread = divided(settings, given, team.count, len(parts.train))
    checkpoint = fresh = _fresh(settings, parts)
    if not resume:  # another process may have taken the folder meanwhile
        folder = new_folder(out, name, team)
    agree_on_data(team, parts, settings)
    with folder_of(team, folder):
        history: list[dict[str, float]] = []
        if resume == "previous" or (folder / runs.CHECKPOINT).exists():
            checkpoint = runs.read_run(folder, last=resume != "previous")[1]
            history = runs.read_history(folder, checkpoint.record.epoch)
            # `fit` sets the rate of its optimizer; a schedule is as long as --epochs says now.
            if "learning_rate" in given or schedule_words(settings, len(parts.train)):
                chosen += _another_rate(checkpoint.optimizer, fresh.optimizer)
                checkpoint = checkpoint._replace(optimizer=fresh.optimizer)
        steps = int(checkpoint.record.state.step)
        team.agree({"the number of steps that the run has done": steps})
        if settings["epochs"] < checkpoint.record.epoch:
            raise ConfigurationError(
                f"--epochs {settings['epochs']}: {folder} has done {checkpoint.record.epoch} "
                "already; set as many or more, or begin a new run"
            )
        if team.is_first:
            runs.write_json(folder / runs.CONFIG, {**parts.config(settings), "fnet": __version__})
        resumable(team, folder)
        said = (*chosen, *spread, *remarks(settings, parts))
        tell_start(checkpoint, parts, settings, voice, why, said)
        with stop_on_signals() as stop:
            run = Run(folder, history, stop, voice, team)
            checkpoint = _train(checkpoint, parts, settings, run)
            checkpoint = checkpoint._replace(record=on_one(checkpoint.record))
        if stop.by:
            tell_stop(checkpoint, folder, NAMES[stop.by], voice)
            return stop.status
        if settings["keep"] == "last":
            checkpoint = with_last(checkpoint)
            run.keep(checkpoint)
        record = checkpoint.record
        if record.epoch < settings["epochs"] or has_ended(record.state):
            tell_early(record, settings["patience"], voice)
        if team.is_first:
            tell = tell_text if parts.task == "text" else tell_end
            tell(checkpoint, parts, settings, folder, history, voice)
    return 0


def _another_rate(before: Any, after: Any) -> list[str]:
    return [f"from here on by {after}; so far by {before}"] if before is not after else []


def _fresh(settings: Settings, parts: Parts) -> Checkpoint:
    """The run before its first epoch."""
    model, loss, optimizer = build(settings, parts.train)
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
        build_augmentation(settings, shape),
    )


def _train(checkpoint: Checkpoint, parts: Parts, settings: Settings, run: Run) -> Checkpoint:
    """Run the remaining epochs; at any time the folder holds a run that can be resumed."""
    records, epochs = remaining(checkpoint, parts, settings, run.team.count), settings["epochs"]
    records = map(with_bits, records) if parts.task == "text" else records
    samples, size = len(parts.train), settings["batch_size"]
    steps = 1 if size == ALL else -(-samples // size)
    saved = -math.inf
    try:
        for record in show(records, steps, checkpoint.record.epoch, epochs, run.voice):
            checkpoint = checkpoint._replace(record=record)
            run.history.extend(runs.rows_of(record))
            if stopped(run.team, run.stop):
                break
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                run.keep(checkpoint)
                saved = time.monotonic()
    except TrainingError as error:
        raise TrainingError(
            f"{error}; {run.folder} holds the last finite weights, after "
            f"{reached(checkpoint.record)}; begin a new run (see --learning-rate)"
        ) from None
    finally:
        run.keep(checkpoint)
    return checkpoint
