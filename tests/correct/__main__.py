"""`python -m tests.correct [--draws N] [NAME ...]`: count false alarms, write RESULTS.md.

It takes hours, and goes on where it was stopped. A verdict that changed is another checker's: then
delete RESULTS.md first.
"""

import argparse
import functools
import multiprocessing
import re
import tempfile
from pathlib import Path

from tests.compilation import compile_quickly, keep_programs
from tests.correct.counts import Count, counted
from tests.correct.functions import ENTRIES

RESULTS = Path(__file__).parent / "RESULTS.md"


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
        "not be told. Some functions were compiled with XLA's own flags, others as the tests are.",
        "After an alarm the checker was mended, and that function alone counted again.",
        "",
        "| function | draws | false alarms | with notes |",
        "|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def kept() -> dict[str, Count]:
    """What was counted before, of entries that there still are."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    rows = re.findall(r"^\| `(.+)` \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    return {name: Count(*map(int, counts)) for name, *counts in rows if name in ENTRIES}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.correct", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="(default all that RESULTS.md has fewer draws of)"
    )
    parser.add_argument("--draws", type=int, default=1000, help="(default 1000)")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    unknown = set(given.names) - set(ENTRIES)
    if unknown or given.draws < 1:
        parser.error(f"draws are 1 or more; names are {', '.join(ENTRIES)}")
    done = {name for name, count in kept().items() if count.draws >= given.draws}
    names = given.names or [name for name in ENTRIES if name not in done]
    compile_quickly()
    # A process an entry: compiled programs pile up, and so those on disk halve the time.
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as programs,
        spawn.Pool(given.processes, keep_programs, (programs,), maxtasksperchild=1) as pool,
    ):
        work = functools.partial(counted, draws=given.draws)
        for name, found in pool.imap_unordered(work, names):
            counts = kept() | {name: found}
            kept_in_order = {one: counts[one] for one in ENTRIES if one in counts}
            RESULTS.write_text(table(kept_in_order), "utf-8")  # each: a long run may be cut short
    print(summary(kept()))


if __name__ == "__main__":
    main()
