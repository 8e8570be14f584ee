"""`fnet runs`: the runs of a folder, side by side."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Column, Table

from fnet.cli import run as runs
from fnet.cli.arguments import Settings, command
from fnet.cli.optimizing import default_rate
from fnet.cli.voice import Voice, add_voice, take_voice
from fnet.errors import CheckpointError, ConfigurationError

PICTURE = "runs.png"
FOLDER = "runs"  # where `fnet train` puts runs

EXAMPLES = """
fnet runs                     the runs in runs/, as a table and a picture
fnet runs experiments --json  one JSON object per line, the best on validation first
"""


class Run(NamedTuple):
    """A run's settings, the metrics of its best epoch so far, and all of its epochs.

    `metrics` has test_accuracy once the run has finished.
    """

    folder: Path
    settings: Settings
    metrics: dict[str, float]
    history: list[dict[str, float]]


def add(commands: Any) -> None:
    """Register the command."""
    summary = "list the runs of a folder and compare them"
    parser = command(commands, "runs", run, summary, EXAMPLES)
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help=f"(default {FOLDER})")
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    voice, folder = take_voice(given), Path(given.get("folder", FOLDER))
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: there is no such folder; fnet train makes {FOLDER}/")
    entries = [_read(path.parent) for path in sorted(folder.glob(f"*/{runs.CONFIG}"))]
    if not entries:
        raise ConfigurationError(
            f"{folder}: there are no runs in it (folders with {runs.CONFIG}); fnet train makes one"
        )
    entries.sort(key=lambda entry: -entry.metrics.get("val_accuracy", -1.0))
    _report(entries, folder, voice)
    return 0


def _read(folder: Path) -> Run:
    """The run in this folder, finished or not."""
    settings = runs.read_config(folder)
    history = runs.read_history(folder) if (folder / runs.HISTORY).exists() else []
    best = min(history, key=lambda row: row["val_loss"], default={})
    metrics: dict[str, float] = {
        name: value for name, value in best.items() if name.startswith("val_")
    }
    try:
        metrics |= json.loads((folder / runs.METRICS).read_text("utf-8"))
    except FileNotFoundError:
        pass  # in progress, or stopped
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise CheckpointError(f"{folder / runs.METRICS}: cannot be read: {error}") from None
    return Run(folder, settings, metrics, history)


def _report(entries: list[Run], folder: Path, voice: Voice) -> None:
    from fnet import plots  # matplotlib is slow to import

    histories = {entry.folder.name: entry.history for entry in entries if entry.history}
    written = []
    if histories:
        runs.write_picture(folder / PICTURE, plots.compare(histories))
        written = [f"written    {folder / PICTURE}"]
    if voice.shows_progress:
        Console().print(_table(entries))
    for entry in entries:
        facts = {"folder": str(entry.folder), "epoch": len(entry.history), **entry.metrics}
        voice.tell("run", (), facts | {"settings": entry.settings})
    best = entries[0]
    go_on = f"fnet evaluate {best.folder}"
    if "test_accuracy" not in best.metrics:
        go_on = f"fnet train --out {best.folder} --resume"
    if "val_accuracy" in best.metrics:
        accuracy = best.metrics["val_accuracy"]
        written.insert(0, f"best       {best.folder}, {accuracy:.1%} on validation")
    facts = {"best": str(best.folder), "next": go_on}
    voice.tell("end", [*written, f"next       {go_on}"], facts, last=True)


def _table(entries: list[Run]) -> Table:
    heads = [Column("run", no_wrap=True), Column("model"), Column("optimizer")]
    heads += [Column(name, justify="right") for name in ("batch", "epochs", "val", "test")]
    table = Table(*heads, box=box.SIMPLE_HEAD)
    for entry in entries:
        settings, history = entry.settings, entry.history
        done, test = len(history), entry.metrics.get("test_accuracy")
        table.add_row(
            entry.folder.name,
            _model(settings),
            f"{settings['optimizer']} {settings['learning_rate'] or default_rate(settings):g}",
            str(settings["batch_size"]),
            str(done) if test is not None else f"{done} of {settings['epochs']}",
            _percent(entry.metrics.get("val_accuracy")),
            _percent(test),
        )
    return table


def _model(settings: Settings) -> str:
    """The network in brief: mlp 100-100, resnet 8, cnn."""
    if settings["model"] == "resnet":
        return f"resnet {settings['depth']}"
    if settings["model"] != "mlp":
        return str(settings["model"])
    widths = "-".join([str(settings["hidden"])] * (settings["layers"] - 1))
    return f"mlp {widths}" if widths else "linear"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
