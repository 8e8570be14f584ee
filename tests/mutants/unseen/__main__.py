"""`python -m tests.mutants.unseen [WORD ...]`: how many of these mistakes the checker names.

WORD: a part of the names, or of the file, of the mistakes that are asked about. What is said of the
held-out half is counted, and printed with --all alone: who improves diagnoses reads the other half.
"""

import argparse
import collections
import gc
import time

import jax

from fnet.check import explain
from tests.compilation import compile_quickly
from tests.memory import FULL, resident
from tests.mutants.unseen.catalogue import MISTAKES, held_out
from tests.mutants.unseen.said import MISLEADING, MISSED, NAMED, UNNAMED, said

VERDICTS = (NAMED, UNNAMED, MISLEADING, MISSED)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.unseen", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--all", action="store_true", help="print the held-out half too")
    parser.add_argument("--half", choices=("open", "held out"), help="one half alone")
    options = parser.parse_args()
    compile_quickly()
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    seen = set()
    for mistake in MISTAKES:
        half = "held out" if held_out(mistake) else "open"
        name = f"{mistake.right.__module__.rpartition('.')[2]}: {mistake.name}"
        asked = not options.words or any(word in name for word in options.words)
        if options.half not in (None, half) or not asked:
            continue
        begun = time.perf_counter()
        if mistake.right not in seen:
            seen.add(mistake.right)
            report = explain(mistake.subject(mistake.right), *mistake.arguments)
            if not report.right:
                counts[half]["false alarms"] += 1
                print(f"FALSE ALARM  {mistake.name}\n{report}")
        verdict, findings = said(mistake)
        counts[half][verdict] += 1
        if options.all or half == "open":
            print(f"{verdict:10} {time.perf_counter() - begun:4.1f} s  {mistake.name}", flush=True)
            print(*(f"    {finding}" for finding in findings), sep="\n", flush=True)
        if resident() > FULL:
            jax.clear_caches()
            gc.collect()
    for half, count in counts.items():
        total = sum(count[verdict] for verdict in VERDICTS)
        figures = ", ".join(f"{count[verdict]} {verdict}" for verdict in VERDICTS)
        print(f"{half}: {total} mistakes, {figures}; {count['false alarms']} false alarms")


if __name__ == "__main__":
    main()
