"""The folder of a run: its files, and how they are read and written."""

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock

from fnet.checkpoint import Checkpoint, load, previous, save
from fnet.cli.arguments import DATA, MODEL, TRAINING, Settings
from fnet.cli.text import TEXT
from fnet.errors import CheckpointError, ConfigurationError
from fnet.files.writing import replacing
from fnet.training.records import Record

LOCK = ".lock"
CHECKPOINT, CONFIG, HISTORY, METRICS, EVALUATION = (
    "checkpoint.npz",
    "config.json",
    "history.csv",
    "metrics.json",
    "evaluation.json",  # what `fnet evaluate` printed last
)


def new_folder(out: str | None, name: str) -> Path:
    """The folder for a new run: `out`, or the first free runs/NAME-1, runs/NAME-2, ..."""
    if out is None:
        number = 1
        while (folder := Path("runs", f"{name}-{number}")).exists():
            number += 1
        return folder
    folder = Path(out)
    if folder.is_file():
        raise ConfigurationError(f"--out {folder}: it is a file; a run is a folder")
    if folder.exists() and any(folder.glob("[!.]*")):
        holds_run = (folder / CONFIG).exists()
        raise ConfigurationError(
            f"--out {folder}: the folder already holds {'a run' if holds_run else 'other files'}; "
            "choose another" + (", or add --resume to continue this run" if holds_run else "")
        )
    return folder


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock the folder for this process alone, creating it if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK, blocking=False)
    try:
        with lock:
            for leftover in folder.glob(".*.tmp"):  # of a process killed while saving
                leftover.unlink()
            yield
    except filelock.Timeout:
        raise ConfigurationError(
            f"{folder}: another process is training there; wait for it, or choose another --out"
        ) from None


LATER: Settings = {  # what runs of earlier versions, which do not have these settings, did
    "depth": 8,
    "text": None,
    "images": None,
    "class_folders": None,
    "augment": None,
    "drop": None,
    "task": None,
    "scale": "minmax",
    "sep": None,
    "decimal": None,
    "encoding": None,
    "na": None,
    "header": None,
    "loss": None,
    "class_weight": None,
    "stratified": False,
    "shuffle": True,
    "group": None,
    "label_smoothing": 0.0,
    "patience": None,
    "keep": "best",
    "weight_decay": None,
    "schedule": "constant",
    "warmup": 0.0,
    "devices": None,
    "tensor_parallel": None,
    **TEXT,
}


def read_config(folder: Path) -> Settings:
    """The settings of the run in this folder."""
    try:
        settings: Settings = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder}: there is no run here (no {CONFIG}); fnet runs lists the runs in runs/"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, NotADirectoryError) as error:
        raise CheckpointError(f"{folder}: cannot read the {CONFIG} of a run: {error}") from None
    if not isinstance(settings, dict) or not {*DATA, *MODEL, *TRAINING} <= {*settings, *LATER}:
        raise CheckpointError(f"{folder / CONFIG}: not the settings of a run; choose another")
    return settings | {name: LATER[name] for name in LATER if name not in settings}


def read_run(folder: Path, last: bool = True) -> tuple[Settings, Checkpoint]:
    """The settings of the run in this folder, and its last checkpoint or the one before."""
    settings = read_config(folder)
    path = folder / CHECKPOINT if last else previous(folder / CHECKPOINT)
    if not path.exists():
        raise CheckpointError(f"{folder}: the run has no {path.name}; train it first")
    return settings, load(path)


def keep(folder: Path, checkpoint: Checkpoint, history: Sequence[Mapping[str, Any]]) -> None:
    """Save the state of the run so far."""
    # The history first, so that it never lacks an epoch that the checkpoint has.
    write_rows(folder / HISTORY, history)
    save(folder / CHECKPOINT, checkpoint)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file atomically, one column per name."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["epoch"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def rows_of(record: Record) -> list[dict[str, float]]:
    """One history row per epoch since the previous record."""
    columns = {name: values.tolist() for name, values in record.history.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    first = record.epoch - len(rows) + 1
    return [{"epoch": epoch, **row} for epoch, row in enumerate(rows, start=first)]


def read_history(folder: Path, epochs: float = math.inf) -> list[dict[str, float]]:
    """The history of a run, up to and including epoch `epochs`."""
    try:
        with (folder / HISTORY).open(newline="", encoding="utf-8") as file:
            rows = [{key: float(cell) for key, cell in row.items()} for row in csv.DictReader(file)]
        return [{**row, "epoch": int(row["epoch"])} for row in rows if row["epoch"] <= epochs]
    except (FileNotFoundError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{folder / HISTORY}: cannot be read: {error}") from None


def write_picture(path: Path, figure: Any) -> None:
    """Write a PNG atomically."""
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=100)
