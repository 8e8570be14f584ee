"""Draws of one entry, and how many of them were called wrong."""

import time
import traceback
from typing import NamedTuple

import jax

from tests.correct.functions import ENTRIES, examined


class Count(NamedTuple):
    """Of one entry: draws, how many were called wrong, how many had a note."""

    draws: int
    alarms: int
    notes: int


def count(name: str, draws: int) -> Count:
    """Examine an entry this many times; what is said of it wrongly is printed."""
    jax.config.update("jax_enable_x64", True)
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
    each = (time.perf_counter() - begun) / draws
    print(f"{name}: {alarms} false alarms in {draws} draws, {each:.2f} s each", flush=True)
    return Count(draws, alarms, notes)


def counted(name: str, draws: int) -> tuple[str, Count]:
    """The name with it: of many, the first to be done need not be the first to begin."""
    return name, count(name, draws)
