"""`python -m tests.mutants [--processes N]`: who catches what; writes results.json, RESULTS.md."""

import argparse
import json
import multiprocessing
import tempfile

from tests.compilation import keep_programs
from tests.mutants import report, tools
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.generated import outcome
from tests.mutants.rows import row


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    if tools.torch is None:
        parser.error("torch is not installed: its column would be empty")
    options = parser.parse_args()
    names = [*CATALOGUE, *outcome().mutants]
    rows, seconds = [], 0.0
    # New processes now and then: compiled programs pile up.
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as programs,
        spawn.Pool(options.processes, keep_programs, (programs,), maxtasksperchild=25) as pool,
    ):
        for found, took in pool.imap(row, names):
            rows.append(found)
            seconds += took
            print(f"{len(rows)} of {len(names)}  {took:5.1f} s  {found['name']}", flush=True)
            if not found["right"]:
                print(f"    expected {found['expected']}, said {found['said'] or 'nothing'}")
    results = {
        "mutants": rows,
        "equivalent": outcome().equivalent,
        "broken": outcome().broken,
    }
    report.JSON.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    report.RESULTS.write_text(report.text(results), "utf-8")
    print(f"{report.summary(results)[0]} {seconds:.0f} s of work.")


if __name__ == "__main__":
    main()
