"""`python -m tests.correct [--draws N] [--table] [NAME ...]`: count false alarms, write RESULTS.md.

It takes hours, and resumes where it was stopped. What was counted before the checker changed is
counted again; until then RESULTS.md says so, which `--table` brings up to date in a second.
"""

import argparse
import functools
import multiprocessing
import re
import tempfile
from pathlib import Path

from tests import certificates
from tests.compilation import compile_quickly, keep_programs
from tests.correct.certificate import CERTIFICATE, stale, today
from tests.correct.counts import Count, counted
from tests.correct.functions import ENTRIES

RESULTS = Path(__file__).parent / "RESULTS.md"
NOT_YET, BEFORE, NOW = "not yet", "before", "as it is"


def summary(counts: dict[str, Count]) -> str:
    draws, alarms = (
        sum(getattr(one, field) for one in counts.values()) for field in Count._fields[:2]
    )
    return f"{alarms} false alarms in {draws} draws of {len(counts)} correct gradients."


def table(counts: dict[str, Count], old: list[str]) -> str:
    """RESULTS.md; `old` are those that were counted before something changed."""
    rows = []
    for name in ENTRIES:
        draws, alarms, notes = counts.get(name, Count(0, 0, 0))
        when = NOT_YET if draws == 0 else BEFORE if name in old else NOW
        rows.append(f"| `{name}` | {draws} | {alarms} | {notes} | {when} |")
    lines = [
        "# False alarms",
        "",
        summary(counts),
        "",
        "Written by `python -m tests.correct`. A draw is one call of `fnet.check.explain` at a",
        "shape, a scale and a seed of its own; a note accepts a convention, or tells of what could",
        "not be told. `certificate.json` has for each function the SHA-256 of all sources that it",
        f"was counted with, and the versions of JAX and NumPy. What was counted {BEFORE} the last",
        "change to the checker, or to the function, is drawn from again at each run of the tests.",
        "",
        "| function | draws | false alarms | with notes | counted |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def kept() -> dict[str, Count]:
    """What was counted before, of entries that there still are."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    rows = re.findall(r"^\| `(.+)` \| (\d+) \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    counts = {name: Count(*map(int, counts)) for name, *counts in rows if name in ENTRIES}
    return {name: count for name, count in counts.items() if count.draws}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.correct", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="(default all that RESULTS.md has fewer draws of)"
    )
    parser.add_argument("--draws", type=int, default=1000, help="(default 1000)")
    parser.add_argument("--table", action="store_true", help="only say what was counted before")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    unknown = set(given.names) - set(ENTRIES)
    if unknown or given.draws < 1:
        parser.error(f"draws are 1 or more; names are {', '.join(ENTRIES)}")
    if given.table:
        RESULTS.write_text(table(kept(), stale()), "utf-8")
        return
    proved, old = today(), stale()  # before anything else: who edits meanwhile proves nothing
    done = {name for name, count in kept().items() if count.draws >= given.draws} - set(old)
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
            in_order = {one: counts[one] for one in ENTRIES if one in counts}
            certified = certificates.read(CERTIFICATE) | {name: proved[name]}
            certified = {one: certified[one] for one in ENTRIES if one in certified}
            certificates.write(CERTIFICATE, certified)  # each: a long run may be cut short
            RESULTS.write_text(table(in_order, stale()), "utf-8")
    print(summary(kept()))


if __name__ == "__main__":
    main()
