"""The figures of the latest runs: results.json, and RESULTS.md for readers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
TABLES = Path(__file__).with_name("RESULTS.md")

Result = Mapping[str, Any]

CONTEST = ("", "takes, times fnet", "least", "µs a {unit}", "to set up, s", "curve differs by")


def read() -> dict[str, Any]:
    """Read the earlier measurements."""
    try:
        found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    except FileNotFoundError:
        return {"tasks": {}}
    return found


def write(results: Mapping[str, Any]) -> None:
    """Write both files from all measurements."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    words = [
        "# Benchmarks",
        "",
        "Written by `python -m tests.benchmarks`. Ratios are medians over alternating rounds of one"
        " run; absolute times mean nothing on another machine, and little on this one.",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['device']}; "
        f"Python {machine['python']}, {versions}.",
        "",
        summary(results["tasks"]),
    ]
    for name, result in results["tasks"].items():
        words += ["", f"## {result.get('title', name)}", "", table(name, result)]
    TABLES.write_text("\n".join(words) + "\n", "utf-8")


def summary(tasks: Mapping[str, Result]) -> str:
    """One line per target, with the ratio achieved."""
    lines = ["| task | against | target | found | |", "|---|---|---|---|---|"]
    for name, result in tasks.items():
        for target in result["targets"]:
            sign, found = ("≤" if target.get("most") else "≥"), target["ratio"]
            shown = "not measured" if found is None else f"{found:.2f}"
            lines.append(
                f"| {result.get('title', name)} | {target['against']} | {sign} {target['target']:g}"
                f" | {shown} | {_verdict(target)} |"
            )
    return "\n".join(lines)


def _verdict(target: Mapping[str, Any]) -> str:
    if target["ratio"] is None:
        return ""
    sign = -1 if target.get("most") else 1
    return "met" if sign * target["ratio"] >= sign * target["target"] else "**missed**"


def table(name: str, result: Result) -> str:
    """The rows of a result as a Markdown table."""
    if "columns" in result:
        head, rows = (
            result["columns"],
            [[_shown(row.get(column)) for column in result["columns"]] for row in result["rows"]],
        )
    else:
        head = [name, *(column.format(**result) for column in CONTEST[1:])]
        rows = [_contestant(row) for row in result["rows"]]
    lines = [" | ".join(head), "|".join(["---"] * len(head)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def _contestant(row: Mapping[str, Any]) -> list[str]:
    if "why" in row:
        return [row["name"], row["why"], "", "", "", ""]
    return [
        row["name"],
        f"{row['ratio']:.2f}",
        f"{row['least_ratio']:.2f}",
        f"{row['microseconds']:.1f}",
        f"{row['setup_seconds']:.1f}",
        f"{row['difference']:.0e}",
    ]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value or "")
