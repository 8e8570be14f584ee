"""`python -m tests.torture [--quick] [--seed N] [NAME ...]`: every hazard; writes RESULTS.md."""

import argparse
import re
import time
from pathlib import Path

from tests.torture.hazards import HAZARDS

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """# Torture

Written by `python -m tests.torture`; a failing case is kept, and met again by each later run.

| hazard | what must hold | cases | failures | measured |
|---|---|---|---|---|
"""


def rows() -> dict[str, str]:
    """The committed table by hazard."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    return {match[1]: match[0] for match in re.finditer(r"^\| `(.+?)` \|.*\|$", text, re.M)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default all)")
    parser.add_argument("--quick", action="store_true", help="as in CI; RESULTS.md is left alone")
    parser.add_argument("--cases", type=int, help="(default: those of the full form)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(HAZARDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; names are {', '.join(HAZARDS)}")
    failed = 0
    for name in given.names or HAZARDS:
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
            found = rows() | {name: row}
            lines = [found[one] for one in HAZARDS if one in found]
            RESULTS.write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
