"""`python -m tests.wild.mutants [PACKAGE ...]`: mistakes in the derivatives of public packages.

The derivative functions of each package are changed, one operator, number or name at a time, as
they are loaded. A change counts if the gradient at the arguments of the case differs visibly from
the one that the truth agreed with; then `explain` must call it wrong, unless the truth too agrees
with the changed package. Writes MUTANTS.md.
"""

import argparse
import importlib
import json
import random
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnet.check import Pair, ValueAndGrad, explain
from fnet.errors import ConfigurationError
from tests.wild import table
from tests.wild.__main__ import modules
from tests.wild.case import Case
from tests.wild.gradients import weighted
from tests.wild.mutation import Mutant, changes, derivatives, mutant, planted
from tests.wild.outcome import RIGHT
from tests.wild.truth import truth

TABLE, DATA = table.FOLDER / "MUTANTS.md", table.FOLDER / "mutants.json"
PER_CASE = 6
VISIBLE = 1e-6  # relative to the entry, and a hundredth of it to the largest
SECONDS = 90  # of a mistake; a loop may have lost its end
CAUGHT, MISSED, REFUSED, ALIKE = "caught", "MISSED", "refused", "not visible"
Row = dict[str, Any]


def rows_of(module: str, first: int, per_case: int) -> Iterator[tuple[int, Row]]:
    """The rows of a module, from this case on, each with the number of its case."""
    rightly = {
        (row["name"], row["label"])
        for row in table.read().get("rows", [])
        if row["module"] == module and row["outcome"] == RIGHT
    }
    if not rightly:
        return  # it has no table yet, or is not installed
    for number, case in enumerate(importlib.import_module(module).cases()):
        known = (case.name, case.label) in rightly
        if number < first or not known or not isinstance(case.subject, Pair | ValueAndGrad):
            continue
        for chosen in _chosen(case, per_case):
            row = {"module": module, "package": case.package, "name": case.name}
            found = _examined(case, chosen)
            if found != ALIKE:
                yield number, row | {"label": case.label, "change": chosen.words, "outcome": found}
        yield number + 1, {}


def _chosen(case: Case, per_case: int) -> list[Mutant]:
    try:
        every = [change for code in derivatives(case) for change in changes(code)]
        chosen = random.Random(str(case)).sample(every, min(per_case, len(every)))
        return [mutant(*change) for change in chosen]
    except (OSError, SyntaxError):  # compiled elsewhere
        return []


def _examined(case: Case, chosen: Mutant) -> str:
    """What becomes of this mistake; a change that raises is no mistake of a number."""
    with jax.enable_x64(True), np.errstate(all="ignore"):
        before = weighted(case).gradients
        with planted(chosen):
            try:
                after = weighted(case).gradients
            except Exception:
                return ALIKE
    if not _visible(before, after):
        return ALIKE
    with planted(chosen):
        try:
            report = explain(case.subject, *case.arguments, **case.options)
        except ConfigurationError as error:
            return f"{REFUSED}: {error}"[:200]
        if not report.right:
            return CAUGHT
        # It may have changed the value alike, or have chosen another slope of a kink.
        return MISSED if truth(case).verdict == "disagrees" else ALIKE


def _visible(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    if [array.shape for array in before] != [array.shape for array in after]:
        return False
    for a, b in zip(before, after, strict=True):
        largest = float(np.abs(a).max(initial=0, where=np.isfinite(a)))
        least = VISIBLE * (np.abs(a) + largest / 100) + 1e-12
        if (np.isfinite(a) & ~(np.abs(b - a) <= least)).any():
            return True
    return False


def _run(module: str, per_case: int) -> list[Row]:
    """In a process that begins anew after a case which ended it or takes too long."""
    rows: list[Row] = []
    first = 0
    while True:
        command = [sys.executable, "-m", "tests.wild.mutants", "--of", module]
        command += ["--first", str(first), "--each", str(per_case)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                first = row.pop("number")
                rows += [row] if row else []
        if done.returncode == 0:
            return rows
        print(f"{module}: case {first} ended the process: {done.stderr[-300:]}", flush=True)
        first += 1


def _answer(module: str, first: int, per_case: int) -> None:
    warnings.filterwarnings("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr  # what packages print
    signal.alarm(SECONDS)
    for number, row in rows_of(module, first, per_case):
        signal.alarm(SECONDS)
        print(json.dumps(row | {"number": number}), file=answers, flush=True)


def write(rows: list[Row]) -> str:
    """MUTANTS.md; the counts in a sentence."""
    counts = Counter(row["outcome"].split(":")[0] for row in rows)
    total = sum(counts.values())
    words = (
        f"{counts[CAUGHT]} of {total} caught ({100 * counts[CAUGHT] / max(1, total):.1f} %), "
        f"{counts[MISSED]} missed, {counts[REFUSED]} refused."
    )
    lines = ["# Mistakes planted in public packages", "", *(__doc__ or "").splitlines()[2:], ""]
    lines += [words, "", "| package | functions | visible changes | caught | missed | refused |"]
    lines += ["|---|---|---|---|---|---|"]
    for package in dict.fromkeys(row["package"] for row in rows):
        own = [row for row in rows if row["package"] == package]
        each = Counter(row["outcome"].split(":")[0] for row in own)
        cells = [package, len({row["name"] for row in own}), len(own)]
        cells += [each[CAUGHT], each[MISSED], each[REFUSED]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", "## Not caught", ""]
    for row in rows:
        if row["outcome"] != CAUGHT:
            where = f"{row['package']}: {row['name']} {row['label']}".strip()
            lines.append(f"- **{where}** {row['outcome']}: {row['change']}")
    TABLE.write_text("\n".join(lines).replace("\n\n\n", "\n\n") + "\n", "utf-8")
    return words


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wild.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="packages, or modules")
    parser.add_argument("--each", type=int, default=PER_CASE, help="changes for each case at most")
    parser.add_argument("--of", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.of:
        _answer(given.of, given.first, given.each)
        return
    kept: list[Row] = json.loads(DATA.read_text("utf-8")) if DATA.exists() else []
    for module, package in modules().items():
        if not given.packages or {package, module.rpartition(".")[2]} & set(given.packages):
            rows = _run(module, given.each)
            kept = [row for row in kept if row["module"] != module] + rows
            lines = ",\n".join(json.dumps(row) for row in kept)
            DATA.write_text(f"[\n{lines}\n]\n", "utf-8")
            print(f"{module}: {write(kept)}", flush=True)


if __name__ == "__main__":
    main()
