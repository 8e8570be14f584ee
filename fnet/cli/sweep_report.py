"""The result of a sweep: a table, a picture, and the command that trains the best again."""

import itertools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Column, Table

from fnet.cli import run as runs
from fnet.cli.arguments import DATA, MODEL, TRAINING, Settings
from fnet.cli.figures import WORDS, spelled
from fnet.cli.voice import Voice

TABLE, PICTURE = "sweep.csv", "sweep.png"


class Plan(NamedTuple):
    """Which networks are trained, each at which rates and from which seeds; `figure` judges them.

    A network is the settings in which it differs from the others.
    """

    networks: list[Settings]
    rates: list[float]
    seeds: list[int]
    figure: str

    @property
    def trainings(self) -> list[tuple[Settings, float, int]]:
        return list(itertools.product(self.networks, self.rates, self.seeds))


class Outcome(NamedTuple):
    """The best epoch of one training so far, and whether training is still finite."""

    network: Settings
    learning_rate: float
    seed: int
    figure: str
    finite: bool
    best_epoch: int
    val_loss: float
    value: float

    def at(self, epoch: int, metrics: Mapping[str, float]) -> "Outcome":
        """With this epoch as the best."""
        value = metrics[f"val_{self.figure}"]
        return self._replace(best_epoch=epoch, val_loss=metrics["val_loss"], value=value)

    def words(self) -> list[str]:
        """The network, as the values of its settings."""
        return [f"{name} {_plain(value)}" for name, value in self.network.items()]

    def row(self) -> dict[str, Any]:
        """As a row of the table that is written."""
        others = self._asdict()
        value, figure = others.pop("value"), others.pop("figure")
        network = {name: _plain(each) for name, each in others.pop("network").items()}
        return {**network, **others, f"val_{figure}": value}


def report(
    outcomes: list[Outcome], plan: Plan, several: list[Settings], folder: Path, voice: Voice
) -> None:
    """Write a table and a picture, and report the best network and learning rate.

    `several` are the settings of each network.
    """
    from fnet import plots  # matplotlib is slow to import

    losses, values = (
        np.array([getattr(outcome, name) if outcome.finite else np.nan for outcome in outcomes])
        for name in ("val_loss", "value")
    )
    losses, values = (array.reshape(-1, len(plan.seeds)) for array in (losses, values))
    # The highest mean, ties broken by the lowest loss; NaN comes last.
    means = zip(np.nan_to_num(-values.mean(axis=1), nan=np.inf), losses.mean(axis=1), strict=True)
    best = min(enumerate(means), key=lambda pair: pair[1])[0]
    network, rate = divmod(best, len(plan.rates))
    found = bool(np.isfinite(values[best]).all())
    chosen = plan.rates[rate] if found else None
    trainings = [outcome.row() for outcome in outcomes]
    runs.write_rows(folder / TABLE, trainings)
    of_network = values[network * len(plan.rates) :][: len(plan.rates)]
    figure = plots.learning_rates(plan.rates, of_network, chosen=chosen)
    if plan.figure != "accuracy":
        figure.axes[0].set_ylabel(f"validation {WORDS[plan.figure]} (%)")
    runs.write_picture(folder / PICTURE, figure)
    if voice.shows_progress:
        Console().print(_table(outcomes, plan, values, best))
    facts: Settings = {}
    if chosen is None:
        words = ["reached    no learning rate stayed finite for every seed: take smaller ones"]
    else:
        words, facts = _reached(values[best], outcomes[best * len(plan.seeds)])
    words.append(f"written    {folder}/: {TABLE}, {PICTURE}")
    if chosen is not None:
        facts["next"] = _train_line(several[network], chosen)
        words.append(f"next       {facts['next']}")
    voice.tell("end", words, {"folder": str(folder), **facts, "trainings": trainings}, last=True)


def _reached(values: np.ndarray, best: Outcome) -> tuple[list[str], Settings]:
    low, mean, high = (float(f(values)) for f in (np.min, np.mean, np.max))
    name, spread = best.figure, ""
    if high > low:
        ends = f"{spelled(name, low)} to {spelled(name, high)}"
        spread = f", {ends} over {len(values)} seeds"
    words = ", ".join([*best.words(), f"learning rate {best.learning_rate:g}"])
    sentence = f"{spelled(name, mean)} validation {WORDS[name]}{spread}, at {words}"
    facts = {**best.network, "learning_rate": best.learning_rate, f"val_{name}": mean}
    return [f"reached    {sentence}"], facts


def _table(outcomes: list[Outcome], plan: Plan, values: np.ndarray, best: int) -> Table:
    several = len(plan.seeds) > 1
    heads = ["mean", *(f"seed {seed}" for seed in plan.seeds)] if several else []
    columns = (Column(head, justify="right") for head in heads or [f"val {WORDS[plan.figure]}"])
    table = Table(*plan.networks[0], "learning rate", *columns, box=box.SIMPLE_HEAD)
    for index, row in enumerate(values):
        outcome = outcomes[index * len(plan.seeds)]
        cells = [spelled(plan.figure, v) if np.isfinite(v) else "not finite" for v in row]
        if several:
            mean = spelled(plan.figure, row.mean()) if np.isfinite(row).all() else "-"
            cells = [mean, *cells]
        network = map(_plain, outcome.network.values())
        style = "bold" if index == best else None
        table.add_row(*network, f"{outcome.learning_rate:g}", *cells, style=style)
    return table


def _train_line(settings: Settings, rate: float) -> str:
    """The command that trains this network with this learning rate, as the sweep did."""
    words = ["fnet train"]
    for name, default in {**DATA, **MODEL, **TRAINING}.items():
        value = rate if name == "learning_rate" else settings[name]
        if value != default and not (isinstance(value, tuple) and list(value) == list(default)):
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
                continue
            values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
            words += [f"--{flag}", *(shlex.quote(_plain(v)) for v in values)]
    return " ".join(words)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
