"""Where autodiff and a hand-written gradient disagree: whether differences support the latter.

Custom rules are often written because autodiff overflows, or to choose another convention at a
kink.
"""

import itertools
from typing import Any

import numpy as np

from fnet.check import thresholds
from fnet.check.checks.outcome import Wrong
from fnet.check.checks.points import PLAIN, parts, scale_of
from fnet.check.checks.probe import Probe
from fnet.check.truth.differences import Interval


def borne_out(probe: Probe, found: Wrong) -> str:
    """Why differences support the hand-written gradient, or cannot speak against it; empty where
    they do."""
    kinks: dict[float, tuple[int, ...]] = {}  # one entry per value: equal values are tied
    beyond = not probe.finite(found.floats) and found.where != PLAIN
    for index in found.difference.first(thresholds.ASKED):
        value, expected = float(found.actual[index]), float(found.expected[index])
        lies = probe.entry(found.floats, found.dout, found.place, index, value)
        if not np.isfinite(value) and np.isfinite(expected):
            # Where the function is infinite on either side, its gradient may be NaN; and overflow
            # at extreme points, far from the given arguments, is tolerated.
            if not beyond and probe.finite_beside(found.floats, found.dout, found.place, index):
                return ""
        elif not lies.has(value, (thresholds.SLACK + probe.rtol) * lies.size) and (
            lies.has(expected, thresholds.SLACK * lies.size) or lies.rules_out(value)
        ):
            return ""
        direction, scale = probe.one(found.floats, found.place, index)
        least = thresholds.ROUNDING * thresholds.EPSILON * probe.reach(found.dout, direction)
        lost = max(abs(value), abs(expected)) <= least / scale  # in rounding the values
        each = [lies]
        if not lies.kink and not lost and _is_blind(lies, value, expected):
            each = _of_each(probe, found, index)
            if not each:
                return ""
        if any(one.kink for one in each):
            kinks.setdefault(float(found.floats[found.place][index]), index)
    if not all(moves_together(probe, found, index) for index in kinks.values()):
        return ""
    if kinks:
        return "is within the two slopes of a kink, by another convention"
    return "differs from autodiff by less than differences can resolve"


def _is_blind(lies: Interval, value: float, expected: float) -> bool:
    """Whether differences cannot resolve a large disagreement, as on the staircase of a narrow
    dtype; then autodiff decides."""
    away = abs(value - expected)
    large = away > thresholds.LARGE * max(abs(value), abs(expected))
    return large and lies.has(expected) and away < lies.high - lies.low < np.inf


def _of_each(probe: Probe, found: Wrong, index: tuple[int, ...]) -> list[Interval]:
    """The interval for each output in which the two disagree; empty where differences do not
    support the hand-written gradient, or there are too many."""
    each = list(itertools.islice(parts(found.dout), thresholds.PARTS + 1))
    if len(each) > thresholds.PARTS:
        return []
    apart, values = [], []
    for part in each:
        value = float(probe.gradients(found.route, found.floats, part)[found.place][index])
        expected = float(probe.expected(found.floats, part)[found.place][index])
        if abs(value - expected) > thresholds.RTOL * abs(expected):
            apart.append(part)
            values.append((value, expected))
    determined = probe.sharpest(found.floats, apart, found.place, index)
    for lies, (value, expected) in zip(determined, values, strict=True):
        blind = not lies.kink and _is_blind(lies, value, expected)
        if blind or not lies.has(value, thresholds.SLACK * lies.size):
            return []
    return determined


def moves_together(probe: Probe, found: Wrong, index: tuple[int, ...]) -> bool:
    """Whether the gradients of tied entries add up, for each output, to the derivative when they
    move together; undecided, and so true, where that is a kink too."""
    array = found.floats[found.place]
    tied = array == array[index]
    direction: list[Any] = [np.zeros(a.shape) for a in found.floats]
    direction[found.place] = max(abs(float(array[index])), scale_of(array)) * tied
    for part in itertools.islice(parts(found.dout), thresholds.TIED):
        gradient = probe.gradients(found.route, found.floats, part)[found.place]
        moved = gradient * direction[found.place]
        total, size = float(moved.sum()), float(np.abs(moved).sum())
        lies = probe.along(found.floats, part, direction, total)
        apart = lies.decides(total) and not lies.has(total, thresholds.SLACK * (size + lies.size))
        if apart and probe.stays(lies, found.floats, part, direction):
            return False
    return True
