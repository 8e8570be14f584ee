"""Hand-written gradients against autodiff, entry by entry.

Where the two disagree, differences decide: custom rules are often written because autodiff
overflows, or to choose another convention at a kink.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.check.checks.points import (
    PLAIN,
    Floats,
    cotangent,
    cotangents,
    few,
    largest,
    parts,
    points,
    rounded,
    scale_of,
)
from fnet.check.checks.probe import PARTS, ROUNDED, ROUNDING, Probe
from fnet.check.truth.arguments import copied
from fnet.check.truth.compare import RTOL, TINY, Difference, compare
from fnet.check.truth.differences import Interval

SAMPLED = 6  # entries compared with differences, of those where autodiff disagrees
LARGE = 0.1  # of an entry: more than rounding error, unless all digits are lost
SLACK = 1e-9  # of its size, by which an interval is widened
TIED = 20  # outputs for which tied entries are moved together
SHARP = 1e-6  # of its size: the width of an interval that is trusted against two NaN
EXACT = 1e-10  # of its size: an error that needs no further analysis
CANCELLED = 1e-13  # of its natural size: rounding error of a gradient that cancels
SMALL = 1e-9  # of its natural size: more is never rounding error
ANY = float(np.finfo(np.float64).max)  # any finite number is within this slack
UNDETERMINED = 1e-3  # of its size, by which rounding of the input moves an output


class Wrong(NamedTuple):
    """A wrong gradient: the point, the route, which gradient, and the difference."""

    check: str
    where: str
    route: str
    place: int
    floats: Floats
    dout: Any
    difference: Difference
    actual: np.ndarray
    expected: np.ndarray


class Outcome(NamedTuple):
    """The number of entries compared, and what is wrong."""

    entries: int
    error: float
    wrong: list[Wrong]
    notes: list[str]


def against_autodiff(probe: Probe, rng: np.random.Generator, quick: bool = False) -> Outcome:
    """At the given point with several cotangents, and at extreme points; if quick, at three.

    Stops at the first point with a wrong gradient, and returns all that are wrong there.
    """
    entries, error, notes = 0, 0.0, list[str]()
    for where, floats, draw in _points(probe, rng, quick):
        try:
            dout = draw()
            expected = probe.expected(floats, dout)
            by_route = {
                route: probe.gradients(route, floats, dout) for route in probe.subject.routes
            }
        except Exception as failure:
            if where == PLAIN:
                raise
            notes.append(f"{where}: skipped, {type(failure).__name__} is raised there")
            continue
        wrong: list[Wrong] = []
        for route, actual in by_route.items():
            for place, (a, e) in enumerate(zip(actual, expected, strict=True)):
                e = _known(probe, floats, dout, place, a, e)
                difference = compare(a, e, probe.epsilon)
                if difference.wrong.any() or difference.error > EXACT:
                    slack = CANCELLED * probe.natural(floats, dout)[place]
                    slack += ROUNDING * TINY * largest(dout)
                    difference = compare(a, e, probe.epsilon, slack)
                entries += a.size
                if not difference.wrong.any():
                    error = max(error, difference.error)
                elif not any(one.place == place for one in wrong):
                    found = Wrong("parity", where, route, place, floats, dout, difference, a, e)
                    note = _accepted(probe, found)
                    if note:
                        notes.append(note)
                    else:
                        wrong.append(found)
        if wrong:
            return Outcome(entries, error, wrong, notes)
    return Outcome(entries, error, [], notes)


def _points(
    probe: Probe, rng: np.random.Generator, quick: bool
) -> Iterator[tuple[str, Floats, Callable[[], Any]]]:
    several = cotangents(probe.out, rng)
    for dout in itertools.islice(several, 1) if quick else several:
        yield PLAIN, probe.start, functools.partial(copied, dout)
    for where, floats in (few if quick else points)(probe.form, probe.start, rng):
        yield where, floats, functools.partial(drawn, probe, floats, rng)


def drawn(probe: Probe, floats: Floats, rng: np.random.Generator) -> Any:
    """A random cotangent for this point."""
    return cotangent(probe.output(floats), lambda shape: rng.normal(size=shape))


def _known(
    probe: Probe, floats: Floats, dout: Any, place: int, a: np.ndarray, e: np.ndarray
) -> np.ndarray:
    """The expected gradient; by differences in entries that are NaN on both sides."""
    neither = np.argwhere(np.isnan(a) & np.isnan(e))
    if not len(neither) or not probe.finite(floats):
        return e
    determined, size = e.copy(), probe.natural(floats, dout)[place]
    for index in map(tuple, neither[:SAMPLED]):
        lies = probe.entry(floats, dout, place, index, np.nan)
        sharp = lies.high - lies.low <= SHARP * max(lies.size, size)
        if sharp and probe.finite_beside(floats, dout, place, index):
            determined[index] = (lies.low + lies.high) / 2
    return determined


def _accepted(probe: Probe, found: Wrong) -> str:
    """Why a difference from autodiff is not a mistake; empty where it is one."""
    if not any(jax.tree.leaves(jax.tree.map(np.any, found.dout))):
        return f"{found.where}: the function itself is not finite there"
    size, moved = probe.noise(found.floats, found.dout)
    if moved > UNDETERMINED * size:
        return f"{found.where}: rounding of the input changes the output there"
    words = _borne_out(probe, found)
    if not words and _cancels(probe, found):  # last, since it takes longest
        words = "cancels, and what is left is rounding error"
    return f"{found.where}: d{probe.form.names[found.place]} {words}" if words else ""


def _borne_out(probe: Probe, found: Wrong) -> str:
    """Why differences support the hand-written gradient; empty where they do not."""
    kinks: dict[float, tuple[int, ...]] = {}  # one entry per value: equal values are tied
    beyond = not probe.finite(found.floats) and found.where != PLAIN
    for index in found.difference.first(SAMPLED):
        value, expected = float(found.actual[index]), float(found.expected[index])
        lies = probe.entry(found.floats, found.dout, found.place, index, value)
        if not np.isfinite(value) and np.isfinite(expected):
            # Where the function is infinite on either side, its gradient may be NaN; and overflow
            # at extreme points, far from the given arguments, is tolerated.
            if not beyond and probe.finite_beside(found.floats, found.dout, found.place, index):
                return ""
        elif not lies.has(value, SLACK * lies.size):
            return ""
        each = [lies]
        if not lies.kink and _is_blind(lies, value, expected):
            each = _of_each(probe, found, index)
            if not each:
                return ""
        if any(one.kink for one in each):
            kinks.setdefault(float(found.floats[found.place][index]), index)
    if not all(_moves_together(probe, found, index) for index in kinks.values()):
        return ""
    if kinks:
        return "is within the two slopes of a kink, by another convention"
    return "differs from autodiff by less than differences can resolve"


def _is_blind(lies: Interval, value: float, expected: float) -> bool:
    """Whether differences cannot resolve a large disagreement, as on the staircase of a narrow
    dtype; then autodiff decides."""
    away = abs(value - expected)
    large = away > LARGE * max(abs(value), abs(expected))
    return large and lies.has(expected) and away < lies.high - lies.low < np.inf


def _of_each(probe: Probe, found: Wrong, index: tuple[int, ...]) -> list[Interval]:
    """The interval for each output in which the two disagree; empty where differences do not
    support the hand-written gradient, or there are too many."""
    each = list(itertools.islice(parts(found.dout), PARTS + 1))
    if len(each) > PARTS:
        return []
    apart, values = [], []
    for part in each:
        value = float(probe.gradients(found.route, found.floats, part)[found.place][index])
        expected = float(probe.expected(found.floats, part)[found.place][index])
        if abs(value - expected) > RTOL * abs(expected):
            apart.append(part)
            values.append((value, expected))
    determined = probe.sharpest(found.floats, apart, found.place, index)
    for lies, (value, expected) in zip(determined, values, strict=True):
        blind = not lies.kink and _is_blind(lies, value, expected)
        if blind or not lies.has(value, SLACK * lies.size):
            return []
    return determined


def _moves_together(probe: Probe, found: Wrong, index: tuple[int, ...]) -> bool:
    """Whether the gradients of tied entries add up, for each output, to the derivative when they
    move together; undecided, and so true, where that is a kink too."""
    array = found.floats[found.place]
    tied = array == array[index]
    direction = [np.zeros(a.shape) for a in found.floats]
    direction[found.place] = max(abs(float(array[index])), scale_of(array)) * tied
    for part in itertools.islice(parts(found.dout), TIED):
        gradient = probe.gradients(found.route, found.floats, part)[found.place]
        moved = gradient * direction[found.place]
        total, size = float(moved.sum()), float(np.abs(moved).sum())
        lies = probe.along(found.floats, part, direction, total)
        apart = lies.decides(total) and not lies.has(total, SLACK * (size + lies.size))
        if apart and probe.stays(lies, found.floats, part, direction):
            return False
    return True


def _cancels(probe: Probe, found: Wrong) -> bool:
    """Whether the difference is rounding error: no larger than the effect of rounding the
    arguments, or every operation, on the gradient or on autodiff's."""

    def within(slack: float) -> bool:
        difference = compare(found.actual, found.expected, probe.epsilon, slack)
        return not difference.wrong.any()

    if not within(ANY):
        return False
    rng = np.random.default_rng(0)
    moved = np.zeros(found.actual.shape)
    for _ in range(ROUNDED):
        floats = tuple(rounded(array, rng) for array in found.floats)
        dout = jax.tree.map(lambda leaf: rounded(leaf, rng), found.dout)
        with np.errstate(all="ignore"):
            away = np.abs(probe.gradients(found.route, floats, dout)[found.place] - found.actual)
        moved = np.maximum(moved, np.where(np.isfinite(away), away, 0))
    natural = probe.natural(found.floats, found.dout)[found.place]
    return within(min(ROUNDING * float(moved.max(initial=0)), SMALL * natural)) or any(
        within(ROUNDING * probe.moves(route, found.floats, found.dout)[found.place])
        for route in ("plain", found.route)
    )
