"""`python -m tests.benchmarks [TASK ...]`: measure, print a table, save the figures."""

import argparse
import importlib

from tests.benchmarks import report
from tests.benchmarks.contest import ROUNDS
from tests.benchmarks.machine import describe

TASKS = (
    *("logistic", "network", "job", "command", "loader", "sweeping"),
    *("memory", "composing", "images", "residual", "residual_epoch", "norms_and_pools"),
    *("sequences", "blocks", "tables", "language"),
    *("compiling", "growth", "checking", "narrow", "updates", "solving"),
    *("devices", "devices_constants", "checkpoints", "convolutions"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"any of {', '.join(TASKS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"(default {ROUNDS})")
    given = parser.parse_args()
    unknown = set(given.tasks) - set(TASKS)
    if unknown or given.rounds < 1:
        parser.error(f"tasks must be among {', '.join(TASKS)}, and rounds 1 or more")
    for task in given.tasks or TASKS:
        module = importlib.import_module(f"tests.benchmarks.{task}")
        for name, result in module.results(given.rounds).items():
            kept = report.read()
            kept["machine"] = describe()
            # A task measured again keeps its place.
            kept["tasks"][name] = result | {"rounds": given.rounds}
            report.write(kept)
            print(report.table(name, result), flush=True)


if __name__ == "__main__":
    main()
