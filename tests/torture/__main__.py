"""`python -m tests.torture [--all] [--quick] [--seed N] [NAME ...]`: writes RESULTS.md.

Without names, those hazards are met that were not since something changed that they depend on;
RESULTS.md says which these are, and `--table` brings that up to date in a second.
"""

import argparse
import re
import time
from pathlib import Path

from tests import certificates
from tests.torture.certificate import CERTIFICATE, stale, today
from tests.torture.hazards import HAZARDS

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """# Torture

Written by `python -m tests.torture`; a failing case is kept, and met again by each later run.
`certificate.json` has for each hazard the SHA-256 of all that it was met with. What was met before
the last change to that is met again, in a short form, at each run of the tests.

| hazard | what must hold | cases | failures | measured | met |
|---|---|---|---|---|---|
"""
BEFORE, NOW = "before", "as it is"


def rows() -> dict[str, str]:
    """The committed table by hazard, without the last column."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    found = re.finditer(r"^(\| `(.+?)` \|(?:[^|]+\|){4}).*$", text, re.M)
    return {match[2]: match[1] for match in found}


def table(found: dict[str, str]) -> str:
    """RESULTS.md; the last column says what was met before something changed."""
    old = stale()
    when = {name: BEFORE if name in old else NOW for name in HAZARDS}
    return HEAD + "".join(f"{found[name]} {when[name]} |\n" for name in HAZARDS if name in found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default: what changed)")
    parser.add_argument("--all", action="store_true", help="also what has not changed")
    parser.add_argument("--table", action="store_true", help="only say what was met before")
    parser.add_argument("--quick", action="store_true", help="as in CI; RESULTS.md is left alone")
    parser.add_argument("--cases", type=int, help="(default: those of the full form)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(HAZARDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; names are {', '.join(HAZARDS)}")
    if given.table:
        RESULTS.write_text(table(rows()), "utf-8")
        return 0
    proved, failed = today(), 0  # before anything else: who edits meanwhile proves nothing
    everything = given.all or given.quick
    for name in given.names or (HAZARDS if everything else stale()):
        hazard = HAZARDS[name]
        begun = time.monotonic()
        cases = given.cases or (hazard.quick if given.quick else hazard.full)
        outcome = hazard.run(cases, given.seed)
        failed += len(outcome.failures)
        seconds = time.monotonic() - begun
        print(
            f"{name}: {len(outcome.failures)} failures in {outcome.cases} cases of seed "
            f"{given.seed}; {outcome.measured} ({seconds:.0f} s)",
            *outcome.failures[:20],
            sep="\n    ",
            flush=True,
        )
        if not given.quick:
            fewer = f" of {hazard.full:,}" if outcome.cases < hazard.full else ""
            row = (
                f"| `{name}` | {hazard.promise} | {outcome.cases:,}{fewer} | "
                f"{len(outcome.failures)} | {outcome.measured} |"
            )
            if not fewer and not outcome.failures:
                certified = certificates.read(CERTIFICATE) | {name: proved[name]}
                in_order = {one: certified[one] for one in HAZARDS if one in certified}
                certificates.write(CERTIFICATE, in_order)
            RESULTS.write_text(table(rows() | {name: row}), "utf-8")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
