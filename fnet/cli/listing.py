"""`fnet runs`: the runs of a folder, side by side."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Column, Table

from fnet.cli import run as runs
from fnet.cli.arguments import Settings, command
from fnet.cli.figures import LOWER, MAIN, main_of, spelled
from fnet.cli.optimizing import optimizer_words
from fnet.cli.source import short_name
from fnet.cli.voice import Voice, add_voice, take_voice
from fnet.errors import CheckpointError, ConfigurationError

PICTURE = "runs.png"
FOLDER = "runs"  # where `fnet train` puts runs

EXAMPLES = """
fnet runs                     the runs in runs/, as a table and a picture
fnet runs runs/a runs/b       these two
fnet runs experiments --json  one JSON object per line, the best on validation first
"""


class Run(NamedTuple):
    """A run's settings, the metrics of its best epoch so far, and all of its epochs.

    `name` is that in the table; `metrics` has test_accuracy once the run has finished.
    """

    folder: Path
    name: str
    settings: Settings
    metrics: dict[str, float]
    history: list[dict[str, float]]


def add(commands: Any) -> None:
    """Register the command."""
    summary = "list the runs of a folder and compare them"
    parser = command(commands, "runs", run, summary, EXAMPLES)
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help=f"of runs, or single runs (default {FOLDER})"
    )
    add_voice(parser)


def run(given: Settings) -> int:
    """Run the command."""
    voice = take_voice(given)
    folders = [Path(name) for name in given.get("folders") or [FOLDER]]
    found = [path for folder in folders for path in _runs_in(folder)]
    one = len(folders) == 1 and folders[0] not in found
    entries = [_read(path, path.name if one else str(path)) for path in dict.fromkeys(found)]
    entries.sort(key=_rank)
    first = folders[0]
    _report(entries, first.parent if first in found else first, voice)
    return 0


def _runs_in(folder: Path) -> list[Path]:
    """The runs in a folder, or the folder, if it is one."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: there is no such folder; fnet train makes {FOLDER}/")
    if (folder / runs.CONFIG).exists():
        return [folder]
    if found := [path.parent for path in sorted(folder.glob(f"*/{runs.CONFIG}"))]:
        return found
    raise ConfigurationError(
        f"{folder}: there are no runs in it (folders with {runs.CONFIG}); fnet train makes one"
    )


def _read(folder: Path, name: str) -> Run:
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
    return Run(folder, name, settings, metrics, history)


def _report(entries: list[Run], folder: Path, voice: Voice) -> None:
    from fnet import plots  # matplotlib is slow to import

    histories = {entry.name: entry.history for entry in entries if entry.history}
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
    if _main(best, "test")[0] is None:
        go_on = f"fnet train --out {best.folder} --resume"
    written = [*_best(entries), *written]
    facts = {"best": str(best.folder), "next": go_on}
    voice.tell("end", [*written, f"next       {go_on}"], facts, last=True)


def _best(entries: list[Run]) -> list[str]:
    """A line on the best run, or on that of each data set, since figures of two do not compare."""
    first = dict[tuple[Any, Any], Run]()
    for entry in entries:
        first.setdefault((entry.settings["data"], entry.settings["target"]), entry)
    lines = []
    for best in first.values():
        name, value = _main(best, "val")
        if name is not None:
            kind = "" if name == "accuracy" else f"{MAIN[name]} "
            figure = f"{kind}{spelled(name, value)} on validation"
            of = f" of those on {short_name(best.settings)}" if len(first) > 1 else ""
            lines.append(f"best       {best.folder}, {figure}{of}")
    return lines


def _table(entries: list[Run]) -> Table:
    heads = [Column(name, overflow="fold") for name in ("run", "model", "optimizer")]
    numbers = ("batch", "epochs", "val", "test")
    heads += [Column(name, justify="right", no_wrap=True) for name in numbers]
    table = Table(*heads, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for entry in entries:
        settings, history = entry.settings, entry.history
        done, (finished, _) = len(history), _main(entry, "test")
        table.add_row(
            entry.name,
            _model(settings),
            optimizer_words(settings),
            str(settings["batch_size"]),
            str(done) if finished else f"{done} of {settings['epochs']}",
            _cell(entry, "val"),
            _cell(entry, "test"),
        )
    return table


def _model(settings: Settings) -> str:
    """The network in brief: mlp 100-100, resnet 8, cnn."""
    if settings["model"] == "resnet":
        return f"resnet {settings['depth']}"
    if settings["model"] != "mlp":
        return str(settings["model"])
    hidden = settings["hidden"]
    each = hidden if isinstance(hidden, list) else [hidden] * (settings["layers"] - 1)
    widths = "-".join(map(str, each))
    return f"mlp {widths}" if widths else "linear"


def _rank(entry: Run) -> float:
    """The lower, the better the run."""
    name, value = _main(entry, "val")
    return value if name in LOWER else -value


def _main(entry: Run, part: str) -> tuple[str | None, float]:
    """The name and the value of the figure that sums a run up; None and −inf where it has none."""
    name = main_of(entry.metrics, f"{part}_")
    return (None, -math.inf) if name is None else (name, entry.metrics[f"{part}_{name}"])


def _cell(entry: Run, part: str) -> str:
    name, value = _main(entry, part)
    return "-" if name is None else spelled(name, value)
