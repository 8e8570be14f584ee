"""`python -m tests.mutants [--all] [--processes N]`: who catches what, where that may have changed.

Writes results.json, RESULTS.md and certificate.json, which says of what sources they are.
"""

import argparse
import json
import multiprocessing
import tempfile

from tests import certificates
from tests.compilation import keep_programs
from tests.mutants import report, tools
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.certificate import CERTIFICATE, OTHERS, group_of, stale, today
from tests.mutants.generated import outcome
from tests.mutants.rows import Task, row


def tasks(names: list[str], everything: bool) -> list[Task]:
    """A task for each mutant, with what holds of it."""
    rows = {row["name"]: row for row in json.loads(report.JSON.read_text("utf-8"))["mutants"]}
    old = set(today()) if everything else stale()
    found = []
    for name in names:
        row, group = rows.get(name), group_of(name)
        ours = {key: row[key] for key in ("caught", "said", "right")} if row else None
        others = row["others"] if row else None
        found.append(
            Task(
                name,
                None if group in old else ours,
                None if OTHERS + group in old else others,
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also what has not changed")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    proved = today()  # before anything else: who edits meanwhile proves nothing
    todo = tasks([*CATALOGUE, *outcome().mutants], options.all)
    if tools.torch is None and any(task.others is None for task in todo):
        parser.error("mutants have changed, and torch is not installed: its column would be empty")
    rows, seconds = [], 0.0
    # New processes now and then: compiled programs pile up.
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as programs,
        spawn.Pool(options.processes, keep_programs, (programs,), maxtasksperchild=25) as pool,
    ):
        for found, took in pool.imap(row, todo):
            rows.append(found)
            seconds += took
            print(f"{len(rows)} of {len(todo)}  {took:5.1f} s  {found['name']}", flush=True)
            if not found["right"]:
                print(f"    expected {found['expected']}, said {found['said'] or 'nothing'}")
    results = {
        "mutants": rows,
        "equivalent": outcome().equivalent,
        "broken": outcome().broken,
    }
    report.JSON.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    report.RESULTS.write_text(report.text(results), "utf-8")
    certificates.write(CERTIFICATE, proved)
    print(f"{report.summary(results)[0]} {seconds:.0f} s of work.")


if __name__ == "__main__":
    main()
