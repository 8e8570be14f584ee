"""Whether a wrong gradient at a point that nobody gave is certain.

Far from the given point a function may be outside of its domain, an approximation out of its range,
a solver not converged: then its derivative is not what its author differentiated. So there two
independent truths must agree with each other far better than with the gradient, and the gradient
must become wrong abruptly on the way from the given point: a branch, a tie, an overflow, where what
is approximate becomes wrong little by little.
"""

from collections.abc import Callable

import numpy as np

from fnet.check.checks.kinks import moves_together
from fnet.check.checks.outcome import Wrong
from fnet.check.checks.probe import Probe
from fnet.check.truth.differences import Interval

SAMPLED = 4  # entries of which one must be certain
SHARP = 1e-3  # of the disagreement: the width of an interval that settles it
COARSE = 1e-3  # of an entry: far from the given point, a function itself may be off by less
FINE = 1e-4  # the same, of the largest entry
OUTSIDE = 0.1  # of the distance between the two slopes of a kink: how far outside is wrong
AGREES = 1e-2  # of the disagreement: how close autodiff must be to the interval
RIGHT, WRONG = 1e-10, 1e-7  # of the size of a gradient: on the way, before it is wrong and after
ALONE = 1e-3  # the same where differences alone tell
STEPS, STEPS_ALONE = 30, 8  # halvings of the way
JUMP = 10.0  # times that of the function's derivative: a jump of the gradient alone
BEFORE, BEFORE_ALONE = 1e-3, 0.05  # how much earlier on the way it must still be right


def is_certain(probe: Probe, wrong: Wrong) -> bool:
    """Whether differences rule the gradient out, and agree with autodiff where there is one."""
    if _leaves_the_domain(probe, wrong) or not is_coarse(wrong):
        return False
    for index in wrong.difference.first(SAMPLED):
        value = float(wrong.actual[index])
        lies = probe.entry(wrong.floats, wrong.dout, wrong.place, index, value)
        overflows = np.isfinite(wrong.expected[index]) and not np.isfinite(value)
        if (
            overflows
            and probe.subject.anywhere
            and probe.finite_beside(wrong.floats, wrong.dout, wrong.place, index)
        ):
            return True
        if lies.kink and not moves_together(probe, wrong, index):
            return True
        if _settles(lies, value, float(wrong.expected[index]), probe.autodiff):
            return True
    return False


def is_coarse(wrong: Wrong) -> bool:
    """Whether an entry is wrong by more than an approximation would explain."""
    away = np.abs(wrong.actual - wrong.expected)
    size = np.maximum(np.abs(wrong.actual), np.abs(wrong.expected))
    typical = float(np.abs(wrong.expected).max(initial=0, where=np.isfinite(wrong.expected)))
    small = (away <= np.maximum(COARSE * size, FINE * typical)) & np.isfinite(size)
    return bool((wrong.difference.wrong & ~small).any())


def _leaves_the_domain(probe: Probe, wrong: Wrong) -> bool:
    """Whether an output that is finite at the given point is not finite here."""
    return probe.finite(probe.start) and not probe.finite(wrong.floats)


def _settles(lies: Interval, value: float, expected: float, autodiff: bool) -> bool:
    width = lies.high - lies.low
    if not np.isfinite(width):
        return False
    if lies.kink:  # only what is far outside of both slopes
        outside = not lies.has(value, OUTSIDE * width)
        return outside and (lies.has(expected) or not autodiff)
    middle = (lies.low + lies.high) / 2
    away = abs(value - middle) if np.isfinite(value) else np.inf
    if not lies.rules_out(value) or width > SHARP * min(away, max(lies.size, abs(expected))):
        return False
    return not autodiff or abs(expected - middle) <= AGREES * min(away, lies.size) + width


def is_abrupt(probe: Probe, wrong: Wrong) -> bool:
    """Whether the gradient is right until some place on the way from the given point to this one,
    and wrong from there on: since it jumps there itself, or is not finite, or at the very end.

    Where the function jumps or bends and its gradient does not, the function is clipped: that is
    for its author to judge."""
    off = _off_by_autodiff(probe, wrong) if probe.autodiff else _off_by_differences(probe, wrong)
    least = WRONG if probe.autodiff else ALONE
    before = BEFORE if probe.autodiff else BEFORE_ALONE
    right, end = 0.0, 1.0
    for _ in range(STEPS if probe.autodiff else STEPS_ALONE):
        middle = right + 0.487 * (end - right)  # not at the zero between x and −x
        found = off(middle)
        if np.isnan(found):
            return False
        if found > least:
            end = middle
        else:
            right = middle
    if off((1 - before) * end) > (RIGHT if probe.autodiff else least / 10):
        return False
    return end == 1.0 or _jumps(probe, wrong, (1 - before) * end, (1 + before) * end)


def _jumps(probe: Probe, wrong: Wrong, before: float, after: float) -> bool:
    """Whether the gradient changes on this piece of the way by far more than it must, or is no
    longer finite."""
    ways = [_between(probe, wrong, way) for way in (before, after)]
    actual = [probe.gradients(wrong.route, way, wrong.dout)[wrong.place] for way in ways]
    if not np.isfinite(actual[1]).all():
        return True
    if not probe.autodiff:
        return False
    expected = [probe.expected(way, wrong.dout)[wrong.place] for way in ways]
    jump, wanted = (np.abs(b - a) for a, b in (actual, expected))
    off = np.abs(actual[1] - expected[1])
    return bool((wrong.difference.wrong & (jump > JUMP * wanted) & (off > jump / 2)).any())


def _off_by_autodiff(probe: Probe, wrong: Wrong) -> Callable[[float], float]:
    """How far the gradient is off on the way, by autodiff."""

    def off(way: float) -> float:
        floats = _between(probe, wrong, way)
        expected = probe.expected(floats, wrong.dout)[wrong.place]
        actual = probe.gradients(wrong.route, floats, wrong.dout)[wrong.place]
        if not np.isfinite(expected).all():
            return np.nan
        size = max(float(np.abs(expected).max(initial=0)), float(np.abs(wrong.expected).max()))
        away = np.abs(actual - expected)
        return float(np.nan_to_num(away / (size or 1.0), nan=np.inf).max(initial=0))

    return off


def _off_by_differences(probe: Probe, wrong: Wrong) -> Callable[[float], float]:
    """How far the gradient of its worst entry is off on the way, by differences."""
    index = wrong.difference.worst()

    def off(way: float) -> float:
        floats = _between(probe, wrong, way)
        value = float(probe.gradients(wrong.route, floats, wrong.dout)[wrong.place][index])
        lies = probe.entry(floats, wrong.dout, wrong.place, index, value)
        if lies.has(value):
            return 0.0 if np.isfinite(lies.high - lies.low) else np.nan
        away = max(lies.low - value, value - lies.high)
        return np.inf if np.isnan(away) else away / (lies.size or 1.0)

    return off


def _between(probe: Probe, wrong: Wrong, way: float) -> tuple[np.ndarray, ...]:
    pairs = zip(probe.start, wrong.floats, strict=True)
    return tuple(a + way * (b - a) for a, b in pairs)
