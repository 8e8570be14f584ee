"""The folder of a run: what is in it, and how it is read and written."""

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
from fnet.errors import CheckpointError, ConfigurationError
from fnet.files.writing import replacing

LOCK = ".lock"
CHECKPOINT, CONFIG, HISTORY, METRICS = (
    "checkpoint.npz",
    "config.json",
    "history.csv",
    "metrics.json",
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
        there = "a run" if (folder / CONFIG).exists() else "something else"
        raise ConfigurationError(
            f"--out {folder}: {there} is there; choose another folder"
            + (", or go on with it by --resume" if there == "a run" else "")
        )
    return folder


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder, made where there is none, for this process alone."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK, blocking=False)
    try:
        with lock:
            for left in folder.glob(".*.tmp"):  # by a process that was killed as it saved
                left.unlink()
            yield
    except filelock.Timeout:
        raise ConfigurationError(
            f"{folder}: another process is training there; wait for it, or choose another --out"
        ) from None


def read_config(folder: Path) -> Settings:
    """The settings of the run in this folder."""
    try:
        settings: Settings = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder}: there is no run here (no {CONFIG}); fnet runs lists those of runs/"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, NotADirectoryError) as error:
        raise CheckpointError(f"{folder}: cannot read the {CONFIG} of a run: {error}") from None
    if not isinstance(settings, dict) or not {*DATA, *MODEL, *TRAINING} <= {*settings}:
        raise CheckpointError(f"{folder / CONFIG}: it is not the {CONFIG} of a run")
    return settings


def read_run(folder: Path, last: bool = True) -> tuple[Settings, Checkpoint]:
    """The settings and the checkpoint of the run in this folder: the last, or the one before."""
    settings = read_config(folder)
    path = folder / CHECKPOINT if last else previous(folder / CHECKPOINT)
    if not path.exists():
        raise CheckpointError(f"{folder}: the run has no {path.name}; train it first")
    return settings, load(path)


def keep(folder: Path, checkpoint: Checkpoint, history: Sequence[Mapping[str, Any]]) -> None:
    """Save the run as far as it has come."""
    # The history first: it then never lacks an epoch that the checkpoint has.
    write_rows(folder / HISTORY, history)
    save(folder / CHECKPOINT, checkpoint)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file, whole or not at all."""
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV, a column for each name; whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["epoch"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def read_history(folder: Path, epochs: float = math.inf) -> list[dict[str, float]]:
    """The history of a run, of its first so many epochs."""
    try:
        with (folder / HISTORY).open(newline="", encoding="utf-8") as file:
            rows = [{key: float(cell) for key, cell in row.items()} for row in csv.DictReader(file)]
        return [{**row, "epoch": int(row["epoch"])} for row in rows if row["epoch"] <= epochs]
    except (FileNotFoundError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{folder / HISTORY}: cannot be read: {error}") from None


def write_picture(path: Path, figure: Any) -> None:
    """A PNG, whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=100)
