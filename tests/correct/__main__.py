"""`python -m tests.correct [--draws N] [NAME ...]`: count false alarms, write RESULTS.md."""

import argparse
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

import jax

from tests.correct.functions import ENTRIES, examined

RESULTS = Path(__file__).parent / "RESULTS.md"


class Count(NamedTuple):
    """Of one entry: draws, how many were called wrong, how many had a note."""

    draws: int
    alarms: int
    notes: int


def count(name: str, draws: int) -> Count:
    """Examine an entry this many times; what is said of it wrongly is printed."""
    alarms = notes = 0
    begun = time.perf_counter()
    for number in range(draws):
        try:
            report = examined(ENTRIES[name], number)
        except Exception:  # no word about a gradient is an alarm too
            alarms += 1
            print(f"\n{name}, draw {number}:\n{traceback.format_exc()}", flush=True)
            continue
        if not report.right:
            alarms += 1
            print(f"\n{name}, draw {number}:\n{report}", flush=True)
        notes += bool(report.notes)
        each = (time.perf_counter() - begun) / (number + 1)
        print(f"\r{name}: {number + 1} of {draws}, {each:.2f} s each", end="", flush=True)
    print(flush=True)
    return Count(draws, alarms, notes)


def summary(counts: dict[str, Count]) -> str:
    draws, alarms = (
        sum(getattr(one, field) for one in counts.values()) for field in Count._fields[:2]
    )
    return f"{alarms} false alarms in {draws} draws of {len(counts)} correct gradients."


def table(counts: dict[str, Count]) -> str:
    """RESULTS.md."""
    rows = [
        f"| `{name}` | {one.draws} | {one.alarms} | {one.notes} |" for name, one in counts.items()
    ]
    lines = [
        "# False alarms",
        "",
        summary(counts),
        "",
        "Written by `python -m tests.correct`. A draw is one call of `fnet.check.explain` at a",
        "shape, a scale and a seed of its own; a note accepts a convention, or tells of what could",
        "not be told.",
        "",
        "| function | draws | false alarms | with notes |",
        "|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def keep_programs(folder: str) -> None:
    """Compile what is equal once: `explain` makes new functions each time, of few programs."""
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.correct", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default all)")
    parser.add_argument("--draws", type=int, default=1000, help="(default 1000)")
    given = parser.parse_args()
    unknown = set(given.names) - set(ENTRIES)
    if unknown or given.draws < 1:
        parser.error(f"draws are 1 or more; names are {', '.join(ENTRIES)}")
    jax.config.update("jax_enable_x64", True)
    with tempfile.TemporaryDirectory() as folder:
        keep_programs(folder)
        counts = {name: count(name, given.draws) for name in given.names or ENTRIES}
    print(summary(counts))
    if not given.names:
        RESULTS.write_text(table(counts), "utf-8")


if __name__ == "__main__":
    main()
