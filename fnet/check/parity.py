"""Entry by entry: gradients by hand against autodiff, and against differences.

Where the two kinds of truth disagree, differences decide: a custom rule is often written because
autodiff overflows, or takes another side of a kink.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.check.compare import Difference, compare
from fnet.check.points import Floats, cotangent, cotangents, near, points, rounded, scale_of
from fnet.check.workbench import ROUNDED, ROUNDING, Workbench

ASKED = 6  # entries for which differences are asked, of those where autodiff disagrees
SAMPLED = 8  # entries of an array that differences look at where autodiff agreed
BUDGET = 2000  # entries that differences look at where there is no autodiff
CANCELLED = 1e-13  # of its natural size: what rounding leaves of a gradient that cancels
SMALL = 1e-9  # of its natural size: more is never taken for rounding
UNDETERMINED = 1e-3  # of its size, by which a value moves where its input is rounded otherwise
TRIES = 3  # points, until differences can tell


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


def against_autodiff(bench: Workbench, rng: np.random.Generator) -> Outcome:
    """At the point given with several cotangents, and at unkind points.

    It stops at the first point where something is wrong, with everything that is wrong there.
    """
    entries, error, notes = 0, 0.0, list[str]()
    for where, floats, dout in _asked(bench, rng):
        try:
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
        natural = bench.natural(floats, dout)
        for route, actual in by_route.items():
            for place, (a, e) in enumerate(zip(actual, expected, strict=True)):
                difference = compare(a, e, bench.epsilon, CANCELLED * natural[place])
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


PLAIN = "plain input"


def _asked(bench: Workbench, rng: np.random.Generator) -> Iterator[tuple[str, Floats, Any]]:
    for dout in cotangents(bench.out, rng):
        yield PLAIN, bench.start, dout
    for where, floats in points(bench.form, bench.start):
        yield where, floats, cotangent(bench.out, lambda shape: rng.normal(size=shape))


def _accepted(bench: Workbench, found: Wrong) -> str:
    """Why autodiff's disagreement is no mistake; empty where it is one."""
    kink = False
    if not bench.finite(found.floats):
        return f"{found.where}: the function itself is not finite there"
    size, moved = bench.noise(found.floats, found.dout)
    if moved > UNDETERMINED * size:
        return f"{found.where}: a rounding of the input changes what the function gives there"
    leaf = f"d{bench.form.names[found.place]}"
    if _cancels(bench, found):
        return f"{found.where}: {leaf} cancels, and what is left is rounding"
    for index in found.difference.first(ASKED):
        value = float(found.actual[index])
        lies = bench.entry(found.floats, found.dout, found.place, index, value)
        if not np.isfinite(value) and np.isfinite(found.expected[index]):
            # Where the function is infinite on either side, its gradient may be no number.
            if bench.finite_beside(found.floats, found.dout, found.place, index):
                return ""
        elif not lies.has(value, 1e-9 * lies.size):
            return ""
        kink = kink or lies.kink
    if kink:
        return f"{found.where}: {leaf} is within the two slopes of a kink, by another convention"
    return f"{found.where}: {leaf} differs from autodiff by less than differences can tell"


def _cancels(bench: Workbench, found: Wrong) -> bool:
    """Whether it differs by no more than rounding does: of its arguments to it, or of each
    operation to what autodiff says, which may lose in the value what differences look for."""
    rng = np.random.default_rng(0)
    moved = np.zeros(found.actual.shape)
    for _ in range(ROUNDED):
        floats = tuple(rounded(array, rng) for array in found.floats)
        dout = jax.tree.map(lambda leaf: rounded(leaf, rng), found.dout)
        with np.errstate(all="ignore"):
            away = np.abs(bench.gradients(found.route, floats, dout)[found.place] - found.actual)
        moved = np.maximum(moved, np.where(np.isfinite(away), away, 0))
    natural = bench.natural(found.floats, found.dout)[found.place]
    own = np.minimum(ROUNDING * moved.max(initial=0), SMALL * natural)
    slack = max(own, ROUNDING * bench.moves("plain", found.floats, found.dout)[found.place])
    return not compare(found.actual, found.expected, bench.epsilon, slack).wrong.any()


def against_differences(bench: Workbench, rng: np.random.Generator) -> Outcome:
    """Along a random direction of each array, and at some of its entries."""
    route = next(iter(bench.subject.routes))
    dout = cotangent(bench.out, lambda shape: rng.normal(size=shape))
    notes: list[str] = []
    entries, error = 0, 0.0
    for place, name in enumerate(bench.form.names):
        floats = bench.start
        told = _along(bench, route, floats, dout, place, rng)
        for _ in range(TRIES):
            # Where autodiff says the same, a mistake is one that stays when the point is moved.
            if told or (told is False and not bench.autodiff):
                break
            floats = near(floats, rng)
            told = _along(bench, route, floats, dout, place, rng)
        if told is None:
            notes.append(f"d{name}: differences could not tell; is the function rough here?")
            if bench.autodiff:
                continue
        budget = SAMPLED if bench.autodiff and told is not False else BUDGET
        wrong = _by_entry(bench, route, floats, dout, place, rng, budget)
        entries, error = (
            entries + min(budget, wrong.actual.size),
            max(error, wrong.difference.error),
        )
        if wrong.difference.wrong.any():
            return Outcome(entries, error, [wrong], notes)
    return Outcome(entries, error, [], notes)


def _along(
    bench: Workbench, route: str, floats: Floats, dout: Any, place: int, rng: np.random.Generator
) -> bool | None:
    """Whether the gradient is right along a direction of this array; None: it cannot be told."""
    gradient = bench.gradients(route, floats, dout)[place]
    direction = [np.zeros(array.shape) for array in floats]
    sizes = np.maximum(np.abs(floats[place]), scale_of(floats[place]))
    # Each entry goes its own way: three of one value are a kink only for who parts them.
    direction[place] = sizes * rng.uniform(0.5, 1.5, sizes.shape) * rng.choice([-1, 1], sizes.shape)
    weight = float(np.abs(gradient * direction[place]).sum())
    found = float((gradient * direction[place]).sum())
    lies = bench.along(floats, dout, direction, found)
    # Where autodiff says the same, what may be rounding is taken for it.
    slack = max(1e-11 * weight, CANCELLED * bench.reach(dout, direction) * bench.autodiff)
    if lies.has(found, slack):
        return True if lies.high - lies.low <= 1e-4 * (weight + lies.size) else None
    return None if lies.kink else False


def _by_entry(
    bench: Workbench,
    route: str,
    floats: Floats,
    dout: Any,
    place: int,
    rng: np.random.Generator,
    budget: int,
) -> Wrong:
    """Some entries against differences; the others are taken to be right."""
    gradient = bench.gradients(route, floats, dout)[place]
    chosen = rng.permutation(gradient.size)[:budget]
    expected, slack = gradient.astype(np.float64), np.zeros(gradient.shape)
    for number in chosen:
        index = tuple(int(i) for i in np.unravel_index(int(number), gradient.shape))
        value = float(gradient[index])
        lies = bench.entry(floats, dout, place, index, value)
        direction, scale = bench.one(floats, place, index)
        least = CANCELLED * bench.reach(dout, direction) / scale * bench.autodiff
        if np.isfinite(lies.low + lies.high) and not lies.has(value, least):
            expected[index], slack[index] = (lies.low + lies.high) / 2, (lies.high - lies.low) / 2
    difference = compare(gradient, expected, bench.epsilon, slack)
    return Wrong("differences", PLAIN, route, place, floats, dout, difference, gradient, expected)


def unkind_by_differences(bench: Workbench, rng: np.random.Generator) -> Outcome:
    """Where there is no autodiff: one direction of each array at each unkind point."""
    route = next(iter(bench.subject.routes))
    for where, floats in points(bench.form, bench.start):
        dout = cotangent(bench.out, lambda shape: rng.normal(size=shape))
        for place in range(len(floats)):
            try:
                told = _along(bench, route, floats, dout, place, rng)
            except Exception:  # a function need not take every input
                continue
            if told is False:
                wrong = _by_entry(bench, route, floats, dout, place, rng, BUDGET)
                if wrong.difference.wrong.any():
                    found = [wrong._replace(where=where)]
                    return Outcome(wrong.actual.size, wrong.difference.error, found, [])
    return Outcome(0, 0.0, [], [])
