"""`python -m tests.wild [PACKAGE ...]`: examine gradients in public packages, beside the truth.

Needs the extra `wild`; a package that is missing is a row that says so. Each case is examined in a
process of its package's; one that hangs or ends the process is a row.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from tests.wild import table
from tests.wild.outcome import RIGHT, outcome
from tests.wild.process import Examiner

FOLDER = Path(__file__).parent
LIMIT = 60.0
GRACE = 120.0  # seconds for the truth, which stops by itself after half of them


def modules() -> dict[str, str]:
    """The modules with cases, of this folder and of `held`, and the package of each: read, not
    imported, since what they import may be missing."""
    found = {}
    for path in sorted(FOLDER.rglob("*.py")):
        package = re.search(r'^PACKAGE = "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
        if package:
            name = path.relative_to(FOLDER).with_suffix("").as_posix().replace("/", ".")
            found[f"tests.wild.{name}"] = package[1]
    return found


def examined(module: str, package: str, limit: float) -> list[dict[str, Any]]:
    """The rows of a module, each kept at once: a long run may be cut short."""
    with_truth = Examiner(module)
    hello = with_truth.hello
    rows = []
    for number, (_, name, label) in enumerate(hello.get("names", [])):
        row = {"module": module, "package": package, "name": name, "label": label}
        answer = with_truth.ask("check", number, limit)
        if "ended" in answer:
            verdict = "stopped" if answer["ended"].startswith("stopped") else "crash"
            answer = {"verdict": verdict, "message": answer["ended"], "seconds": limit}
        told = with_truth.ask("truth", number, GRACE)
        row |= answer | {"truth": told.get("truth", f"unclear: {told.get('ended')}")}
        row["outcome"] = outcome(row["verdict"], row["truth"], row.get("elsewhere"))
        row["version"] = hello["version"]
        if row["outcome"] == RIGHT:
            row["message"] = row["message"].split("\n")[0]
        rows.append(row)
        table.keep("rows", rows, module)
        _show(row)
    with_truth.close()
    error = hello.get("error", hello.get("ended"))
    if error:
        message = error.strip().splitlines()[-1]
        outcome_ = "not installed" if error.startswith("not installed") else "crash"
        row = {"module": module, "package": package, "name": "cases()", "label": ""}
        rows.append(row | {"outcome": outcome_, "message": error, "verdict": outcome_})
        print(f"{package}: {message}", flush=True)
    return rows


def _show(row: dict[str, Any]) -> None:
    label = f" [{row['label']}]" if row["label"] else ""
    print(
        f"{row['outcome']:13} {row['seconds']:6.2f} s  {row['package']}: {row['name']}{label}; "
        f"it is called {row['verdict']}, the truth {row['truth']}",
        flush=True,
    )
    if row["outcome"] != RIGHT:
        print("    " + row["message"][:700].replace("\n", "\n    "), flush=True)


def compared(module: str, package: str, folder: Path, limit: float) -> list[dict[str, Any]]:
    """Seconds and bytes with the fnet here and the fnet there, case by case in turn."""
    sides = {"here": Examiner(module), "there": Examiner(module, folder)}
    rows = []
    for number, (_, name, label) in enumerate(sides["here"].hello.get("names", [])):
        row = {"module": module, "package": package, "name": name, "label": label}
        for side in ("here", "there") if number % 2 else ("there", "here"):
            answer = sides[side].ask("check", number, limit)
            row[side] = answer.get("seconds", limit)
            row[f"{side}_peak"] = answer.get("peak", 0)
        rows.append(row)
        print(f"{row['here']:6.2f} s here, {row['there']:6.2f} there: {name} {label}", flush=True)
    for side in sides.values():
        side.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wild", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="packages, or modules")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="compare with its fnet")
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"seconds (default {LIMIT:.0f})")
    parser.add_argument("--table", action="store_true", help="only write RESULTS.md anew")
    given = parser.parse_args()
    found = modules()
    chosen = {
        module: package
        for module, package in found.items()
        if not given.packages or {package, module.rpartition(".")[2]} & set(given.packages)
    }
    unknown = set(given.packages) - {*found.values(), *(m.rpartition(".")[2] for m in found)}
    if unknown:
        parser.error(f"no cases of {', '.join(unknown)}; there are {', '.join(found.values())}")
    for module, package in chosen.items() if not given.table else ():
        if given.against:
            table.keep("compared", compared(module, package, given.against, given.limit), module)
        else:
            table.keep("rows", examined(module, package, given.limit), module)
    table.write(list(found))
    print(table.summary())


if __name__ == "__main__":
    main()
