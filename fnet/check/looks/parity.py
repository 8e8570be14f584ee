"""Entry by entry: gradients by hand against autodiff.

Where the two kinds of truth disagree, differences decide: a custom rule is often written because
autodiff overflows, or takes another side of a kink.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.check.looks.points import (
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
from fnet.check.looks.workbench import PARTS, ROUNDED, ROUNDING, Workbench
from fnet.check.truth.arguments import copied
from fnet.check.truth.compare import RTOL, TINY, Difference, compare
from fnet.check.truth.differences import Interval

ASKED = 6  # entries for which differences are asked, of those where autodiff disagrees
LARGE = 0.1  # of an entry: no rounding is as large, but where all digits are lost
SLACK = 1e-9  # of its size: how far beside an interval is in it
TIED = 20  # outputs for which tied entries are moved together
SHARP = 1e-6  # of its size: how narrow an interval must be that is believed against two NaN
EXACT = 1e-10  # of its size: an error that needs no second look
CANCELLED = 1e-13  # of its natural size: what rounding leaves of a gradient that cancels
SMALL = 1e-9  # of its natural size: more is never taken for rounding
ANY = float(np.finfo(np.float64).max)  # further off than this is what is no number
UNDETERMINED = 1e-3  # of its size, by which a value moves where its input is rounded otherwise


class Wrong(NamedTuple):
    """A gradient that is wrong at a point: where, by which route, which, and how."""

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
    """What was compared, and what was found."""

    entries: int
    error: float
    wrong: list[Wrong]
    notes: list[str]


def against_autodiff(bench: Workbench, rng: np.random.Generator, quick: bool = False) -> Outcome:
    """At the point given with several cotangents, and at unkind points; if quick, at three.

    It stops at the first point where something is wrong, with everything that is wrong there.
    """
    entries, error, notes = 0, 0.0, list[str]()
    for where, floats, asked in _asked(bench, rng, quick):
        try:
            dout = asked()
            expected = bench.expected(floats, dout)
            by_route = {
                route: bench.gradients(route, floats, dout) for route in bench.subject.routes
            }
        except Exception as failure:
            if where == PLAIN:
                raise
            notes.append(f"{where}: not looked at, {type(failure).__name__} is raised there")
            continue
        wrong: list[Wrong] = []
        for route, actual in by_route.items():
            for place, (a, e) in enumerate(zip(actual, expected, strict=True)):
                e = _known(bench, floats, dout, place, a, e)
                difference = compare(a, e, bench.epsilon)
                if difference.wrong.any() or difference.error > EXACT:
                    slack = CANCELLED * bench.natural(floats, dout)[place]
                    slack += ROUNDING * TINY * largest(dout)
                    difference = compare(a, e, bench.epsilon, slack)
                entries += a.size
                if not difference.wrong.any():
                    error = max(error, difference.error)
                elif not any(one.place == place for one in wrong):
                    found = Wrong("parity", where, route, place, floats, dout, difference, a, e)
                    note = _accepted(bench, found)
                    if note:
                        notes.append(note)
                    else:
                        wrong.append(found)
        if wrong:
            return Outcome(entries, error, wrong, notes)
    return Outcome(entries, error, [], notes)


def _asked(
    bench: Workbench, rng: np.random.Generator, quick: bool
) -> Iterator[tuple[str, Floats, Callable[[], Any]]]:
    several = cotangents(bench.out, rng)
    for dout in itertools.islice(several, 1) if quick else several:
        yield PLAIN, bench.start, functools.partial(copied, dout)
    for where, floats in (few if quick else points)(bench.form, bench.start, rng):
        yield where, floats, functools.partial(drawn, bench, floats, rng)


def drawn(bench: Workbench, floats: Floats, rng: np.random.Generator) -> Any:
    """A random cotangent for this point."""
    return cotangent(bench.output(floats), lambda shape: rng.normal(size=shape))


def _known(
    bench: Workbench, floats: Floats, dout: Any, place: int, a: np.ndarray, e: np.ndarray
) -> np.ndarray:
    """What is expected; of entries that are no number here and there, what differences say."""
    neither = np.argwhere(np.isnan(a) & np.isnan(e))
    if not len(neither) or not bench.finite(floats):
        return e
    told, size = e.copy(), bench.natural(floats, dout)[place]
    for index in map(tuple, neither[:ASKED]):
        lies = bench.entry(floats, dout, place, index, np.nan)
        sharp = lies.high - lies.low <= SHARP * max(lies.size, size)
        if sharp and bench.finite_beside(floats, dout, place, index):
            told[index] = (lies.low + lies.high) / 2
    return told


def _accepted(bench: Workbench, found: Wrong) -> str:
    """Why autodiff's disagreement is no mistake; empty where it is one."""
    if not any(jax.tree.leaves(jax.tree.map(np.any, found.dout))):
        return f"{found.where}: the function itself is not finite there"
    size, moved = bench.noise(found.floats, found.dout)
    if moved > UNDETERMINED * size:
        return f"{found.where}: a rounding of the input changes what the function gives there"
    words = _borne_out(bench, found)
    if not words and _cancels(bench, found):  # which is asked last: it takes the longest
        words = "cancels, and what is left is rounding"
    return f"{found.where}: d{bench.form.names[found.place]} {words}" if words else ""


def _borne_out(bench: Workbench, found: Wrong) -> str:
    """Why differences take the side of what is by hand; empty where they do not."""
    kinks: dict[float, tuple[int, ...]] = {}  # an entry of each value: those of one are tied
    beyond = not bench.finite(found.floats) and found.where != PLAIN
    for index in found.difference.first(ASKED):
        value, expected = float(found.actual[index]), float(found.expected[index])
        lies = bench.entry(found.floats, found.dout, found.place, index, value)
        if not np.isfinite(value) and np.isfinite(expected):
            # Where the function is infinite on either side, its gradient may be no number; and
            # nobody computes with numbers that have overflowed, far from where he was asked.
            if not beyond and bench.finite_beside(found.floats, found.dout, found.place, index):
                return ""
        elif not lies.has(value, SLACK * lies.size):
            return ""
        each = [lies]
        if not lies.kink and _is_blind(lies, value, expected):
            each = _of_each(bench, found, index)
            if not each:
                return ""
        if any(one.kink for one in each):
            kinks.setdefault(float(found.floats[found.place][index]), index)
    if not all(_moves_together(bench, found, index) for index in kinks.values()):
        return ""
    if kinks:
        return "is within the two slopes of a kink, by another convention"
    return "differs from autodiff by less than differences can tell"


def _is_blind(lies: Interval, value: float, expected: float) -> bool:
    """Whether differences see no difference where there is a large one: at a staircase, as numbers
    of few digits make it. Then autodiff has the word."""
    away = abs(value - expected)
    large = away > LARGE * max(abs(value), abs(expected))
    return large and lies.has(expected) and away < lies.high - lies.low < np.inf


def _of_each(bench: Workbench, found: Wrong, index: tuple[int, ...]) -> list[Interval]:
    """Where it lies for each output, of those where the two differ; nothing where differences do
    not take the side of what is by hand, or there are too many."""
    each = list(itertools.islice(parts(found.dout), PARTS + 1))
    if len(each) > PARTS:
        return []
    apart, values = [], []
    for part in each:
        value = float(bench.gradients(found.route, found.floats, part)[found.place][index])
        expected = float(bench.expected(found.floats, part)[found.place][index])
        if abs(value - expected) > RTOL * abs(expected):
            apart.append(part)
            values.append((value, expected))
    told = bench.sharpest(found.floats, apart, found.place, index)
    for lies, (value, expected) in zip(told, values, strict=True):
        blind = not lies.kink and _is_blind(lies, value, expected)
        if blind or not lies.has(value, SLACK * lies.size):
            return []
    return told


def _moves_together(bench: Workbench, found: Wrong, index: tuple[int, ...]) -> bool:
    """Whether entries that are tied add up, output by output, to what they do when they move as
    one; where that is a kink too, it says nothing."""
    array = found.floats[found.place]
    tied = array == array[index]
    direction = [np.zeros(a.shape) for a in found.floats]
    direction[found.place] = max(abs(float(array[index])), scale_of(array)) * tied
    for part in itertools.islice(parts(found.dout), TIED):
        gradient = bench.gradients(found.route, found.floats, part)[found.place]
        moved = gradient * direction[found.place]
        total, size = float(moved.sum()), float(np.abs(moved).sum())
        lies = bench.along(found.floats, part, direction, total)
        apart = lies.decides(total) and not lies.has(total, SLACK * (size + lies.size))
        if apart and bench.stays(lies, found.floats, part, direction):
            return False
    return True


def _cancels(bench: Workbench, found: Wrong) -> bool:
    """Whether it differs by no more than rounding does: of its arguments to it, or of each
    operation to it and to what autodiff says: of 1 − 1 something may be left."""

    def within(slack: float) -> bool:
        difference = compare(found.actual, found.expected, bench.epsilon, slack)
        return not difference.wrong.any()

    if not within(ANY):
        return False
    rng = np.random.default_rng(0)
    moved = np.zeros(found.actual.shape)
    for _ in range(ROUNDED):
        floats = tuple(rounded(array, rng) for array in found.floats)
        dout = jax.tree.map(lambda leaf: rounded(leaf, rng), found.dout)
        with np.errstate(all="ignore"):
            away = np.abs(bench.gradients(found.route, floats, dout)[found.place] - found.actual)
        moved = np.maximum(moved, np.where(np.isfinite(away), away, 0))
    natural = bench.natural(found.floats, found.dout)[found.place]
    return within(min(ROUNDING * float(moved.max(initial=0)), SMALL * natural)) or any(
        within(ROUNDING * bench.moves(route, found.floats, found.dout)[found.place])
        for route in ("plain", found.route)
    )
