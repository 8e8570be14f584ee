"""`fnet sweep`: networks trained at several learning rates, each from several seeds."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.cli import run as runs
from fnet.cli.arguments import (
    ALL,
    DATA,
    MODEL,
    TRAINING,
    Settings,
    add_data,
    command,
)
from fnet.cli.build import build, with_model
from fnet.cli.choices import completed
from fnet.cli.figures import WORDS, spelled
from fnet.cli.model_arguments import SWEPT, add_model
from fnet.cli.optimizing import default_rate
from fnet.cli.progress import Status, shown
from fnet.cli.signals import NAMES, stop_on_signals
from fnet.cli.source import load_parts, resolved, short_name
from fnet.cli.spread import divided, make_devices, mesh_of
from fnet.cli.sweep_report import Outcome, Plan, report
from fnet.cli.training_arguments import add_training
from fnet.cli.voice import Voice, add_voice, take_voice
from fnet.errors import ConfigurationError, TrainingError
from fnet.training.records import Record
from fnet.training.sweeping import sweep

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the default learning rate

EXAMPLES = """
fnet sweep                                               five rates around the default
fnet sweep --learning-rate 1e-4 1e-3 1e-2 --seed 0 1 2   nine trainings
fnet sweep --hidden 50 100 200,100 --l2 0 1e-4           six networks at five rates
fnet sweep --data houses.csv --target SalePrice --binarize 30 70 --model logistic \\
           --optimizer sgd --learning-rate 0.1 1 10 --seed 0 1 2 3
"""


def add(commands: Any) -> None:
    """Register the command."""
    summary = "train several networks, at several learning rates and seeds, and compare the results"
    parser = command(commands, "sweep", run, summary, EXAMPLES)
    add_data(parser, seeds=True)
    add_model(parser, several=True)
    add_training(parser, rates=True)
    group = parser.add_argument_group("run")
    group.add_argument("--out", metavar="FOLDER", help="(default runs/NAME-sweep-1, -2, ...)")
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    make_devices(given)
    voice, out = take_voice(given), given.pop("out", None)
    seeds, rates = given.pop("seed", [0]), given.pop("learning_rate", None)
    networks = _networks(given)
    several = [
        resolved({**DATA, **MODEL, **TRAINING, **with_model({**given, **network})[0]})
        | {"seed": seeds[0]}
        for network in networks
    ]
    settings = several[0]
    rates = rates or [float(f"{factor * default_rate(settings):.6g}") for factor in FACTORS]
    if settings["epochs"] == 0:
        raise ConfigurationError("--epochs 0: a sweep compares trained models; use 1 or more")
    name = f"{short_name(settings)}-sweep"
    runs.new_folder(out, name)  # refuse a bad --out before reading the data
    parts = load_parts(settings)
    spread = [divided(completed(each, parts)[0], given) for each in several]
    several = [each for each, _ in spread]
    settings = several[0]
    size, epochs = settings["batch_size"], settings["epochs"]
    built = [build(each, parts.train) for each in several]
    trainings = [
        sweep(
            *(*each, parts.train, parts.val),
            learning_rates=rates,
            seeds=seeds,
            epochs=epochs,
            batch_size=None if size == ALL else size,
            mesh=mesh_of(settings),
        )
        for each in built
    ]
    plan = Plan(networks, rates, seeds, "accuracy" if parts.train.classes else "r2")
    folder = runs.new_folder(out, name)
    with runs.claimed(folder):
        words = [
            f"data       {parts.about}",
            *parts.lines,
            *(f"model      {each.model}" for each in built),
            f"sweep      {len(plan.trainings)} trainings by {settings['optimizer']}: learning "
            f"rates {', '.join(f'{rate:g}' for rate in rates)}; seeds "
            f"{', '.join(map(str, seeds))}; {epochs} epochs, batch size {size}",
            *(f"           {sentence}" for sentence in spread[0][1]),
        ]
        facts: Settings = {"data": parts.about, "decisions": list(parts.decisions)}
        facts |= {"model": repr(built[0].model), "folder": str(folder)}
        facts |= {"models": [repr(each.model) for each in built]}
        voice.tell("start", words, facts | {"learning_rates": rates, "seeds": seeds})
        steps = len(plan.trainings) * (1 if size == ALL else -(-len(parts.train) // size))
        outcomes: list[Outcome] = []
        with stop_on_signals() as stop:
            for latest in _shown(_outcomes(trainings, plan), steps, epochs, voice):
                outcomes = latest
                if stop:
                    break
        if not outcomes:
            raise TrainingError(
                "no training stayed finite for an epoch: take smaller learning rates"
            )
        report(outcomes, plan, several, folder, voice)
        if stop.by:
            voice.tell("stopped", [f"stopped    by {NAMES[stop.by]}"], {}, last=True)
        return stop.status if stop else 0


def _networks(given: Settings) -> list[Settings]:
    """Each combination of the settings of the network of which several may be given."""
    swept = {name: given.pop(name) for name in SWEPT if name in given}
    combinations = itertools.product(*swept.values())
    networks = [dict(zip(swept, values, strict=True)) for values in combinations]
    if any(network in networks[:place] for place, network in enumerate(networks)):
        raise ConfigurationError(f"--{' or --'.join(swept)}: a value is given twice")
    return networks


def _outcomes(trainings: list[Iterator[tuple[Record, ...]]], plan: Plan) -> Iterator[list[Outcome]]:
    """The outcome of each training so far, after an epoch of all."""
    best = [Outcome(*one, plan.figure, True, 0, np.inf, np.nan) for one in plan.trainings]
    each = len(plan.rates) * len(plan.seeds)
    for epoch in itertools.count(1):
        latest = [next(training, ()) for training in trainings]
        if not any(latest):
            return
        for network, records in enumerate(latest):
            for place in range(network * each, (network + 1) * each):
                if not records:  # none of this network's trainings is finite, or all have ended
                    best[place] = best[place]._replace(finite=False)
                    continue
                record = records[place % each]
                best[place] = best[place]._replace(finite=record.epoch == epoch)
                if record.best.epoch == epoch:
                    best[place] = best[place].at(epoch, record.metrics)
        yield list(best)


def _shown(
    outcomes: Iterator[list[Outcome]], steps: int, epochs: int, voice: Voice
) -> Iterator[list[Outcome]]:
    """Yield the outcomes, showing progress; `steps` counts those of all trainings in an epoch."""

    def status(numbered: tuple[int, list[Outcome]]) -> Status:
        epoch, reached = numbered
        best = max(reached, key=lambda outcome: np.nan_to_num(outcome.value, nan=-np.inf))
        figure = spelled(best.figure, best.value)
        brief = f"best {figure} at {best.learning_rate:g}"
        words = (
            f"best val {WORDS[best.figure]} {figure}, {''.join(f'{w}, ' for w in best.words())}"
            f"learning rate {best.learning_rate:g}, seed {best.seed}"
        )
        return Status(epoch, epoch * steps, brief, words, best.row())

    begin, end = Status(0, 0, "", "", {}), Status(epochs, epochs * steps, "", "", {})
    for _, reached in shown(enumerate(outcomes, start=1), status, begin, end, voice):
        yield reached
