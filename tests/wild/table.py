"""The results as data (`results.json`) and as a table (`RESULTS.md`)."""

import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from tests.wild.outcome import ALARM, OUTCOMES, RIGHT

FOLDER = Path(__file__).parent
DATA, TABLE = FOLDER / "results.json", FOLDER / "RESULTS.md"
HEAD = """# Gradients in public packages

Written by `python -m tests.wild`. A check is one call of `fnet.check.explain` on a function of a
package, as its users would call it. The truth is computed beside it, at the same arguments, by
mpmath or by extrapolated differences of another make; where it is unclear, the check is counted
neither for the checker nor against it.
"""
Row = dict[str, Any]


def keep(kind: str, rows: list[Row], module: str) -> None:
    """Replace the rows of a module."""
    kept = read()
    kept[kind] = [row for row in kept.get(kind, []) if row["module"] != module] + rows
    _write(kept)


def _write(kept: dict[str, list[Row]]) -> None:
    """A row per line, so that a difference shows rows."""
    parts = []
    for kind, rows in kept.items():
        lines = ",\n".join(json.dumps(_short(row), ensure_ascii=False) for row in rows)
        parts.append(f'"{kind}": [\n{lines}\n]')
    DATA.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def _short(row: Row) -> Row:
    """A row without what nobody reads, and without digits that another run would not repeat."""
    unread = {"peak", "message"} if row.get("outcome") == RIGHT else {"peak"}
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in row.items()
        if value != [] and name not in unread
    }


def read() -> dict[str, list[Row]]:
    return json.loads(DATA.read_text("utf-8")) if DATA.exists() else {}


def summary() -> str:
    """The counts in a sentence, and how long it took."""
    rows = [row for row in read().get("rows", []) if "truth" in row]
    counts = Counter(row["outcome"] for row in rows)
    functions = {(row["package"], row["name"]) for row in rows}
    packages = {row["package"] for row in rows}
    told = ", ".join(f"{counts[one]} {one}" for one in OUTCOMES if counts[one])
    lines = [
        f"{len(rows)} checks of {len(functions)} functions of {len(packages)} packages: {told}.",
        f"{1000 * counts[ALARM] / max(1, len(rows)):.1f} false alarms per 1,000 checks.",
    ]
    if rows:
        seconds = [row["seconds"] for row in rows]
        lines.append(
            f"Seconds: median {_median(seconds):.2f}, ninetieth percentile "
            f"{_ninetieth(seconds):.2f}, longest {max(seconds):.1f}."
        )
    return "\n".join([*lines, *_speed()])


def _speed() -> list[str]:
    rows = [row for row in read().get("compared", []) if row["there"]]
    if not rows:
        return []
    here, there = ([row[side] for row in rows] for side in ("here", "there"))
    ratios = [row["here"] / row["there"] for row in rows]
    modules = {row["module"] for row in rows}
    peaks = [
        [max(row[f"{side}_peak"] for row in rows if row["module"] == module) for module in modules]
        for side in ("here", "there")
    ]
    memory = [one / max(1, other) for one, other in zip(*peaks, strict=True)]
    return [
        f"Compared with another fnet, case by case ({len(rows)} checks): the median time is "
        f"{_median(here) / _median(there):.2f} of it, the ninetieth percentile "
        f"{_ninetieth(here) / _ninetieth(there):.2f}; of the ratios the median is "
        f"{_median(ratios):.2f} and the ninetieth percentile {_ninetieth(ratios):.2f}; peak memory "
        f"{max(peaks[0]) / max(1, *peaks[1]):.2f} (median of the packages {_median(memory):.2f})."
    ]


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _ninetieth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10)[-1] if len(values) > 1 else values[0]


def write(modules: list[str]) -> None:
    """RESULTS.md, of modules that there still are, in their order."""
    kept = read()
    for kind, rows in kept.items():
        known = [row for row in rows if row["module"] in modules]
        kept[kind] = sorted(known, key=lambda row: modules.index(row["module"]))
    _write(kept)
    rows = kept.get("rows", [])
    lines = [HEAD, summary().replace("\n", "\n\n"), "", *_by_package(rows), "", "## Checks", ""]
    lines += ["| package | function | arguments | verdict | truth | outcome | seconds |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [_line(row) for row in rows if "truth" in row]
    others = [row for row in rows if row["outcome"] != RIGHT]
    lines += ["", "## What was said where a check is not rightly right", ""]
    for row in others:
        message = row["message"].strip().splitlines() or [""]
        lines.append(
            f"- **{row['package']}: {row['name']} {row['label']}** ({row['outcome']}): "
            + _cell(" ".join(message[:3]))
        )
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


def _by_package(rows: list[Row]) -> list[str]:
    packages = list(dict.fromkeys(row["package"] for row in rows))
    lines = [f"| package | version | functions | checks | {' | '.join(OUTCOMES)} |"]
    lines.append("|---" * (4 + len(OUTCOMES)) + "|")
    for package in packages:
        own = [row for row in rows if row["package"] == package]
        run = [row for row in own if "truth" in row]
        version = run[0]["version"] if run else own[0]["outcome"]
        counts = Counter(row["outcome"] for row in run)
        cells = [len({row["name"] for row in run}), len(run), *(counts[one] for one in OUTCOMES)]
        lines.append(f"| {package} | {version} | {' | '.join(map(str, cells))} |")
    return lines


def _line(row: Row) -> str:
    cells = [row["package"], row["name"], row["label"], row["verdict"], row["truth"].split(":")[0]]
    cells += [row["outcome"], f"{row['seconds']:.2f}"]
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:400]
