"""Entry by entry: gradients by hand against autodiff, and against differences.

Where the two kinds of truth disagree, differences decide: a custom rule is often written because
autodiff overflows, or takes another side of a kink.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fnet.check.compare import Difference, compare
from fnet.check.points import Floats, cotangent, cotangents, near, points, scale_of
from fnet.check.workbench import Workbench

ASKED = 6  # entries for which differences are asked, of those where autodiff disagrees
SAMPLED = 8  # entries of an array that differences look at where autodiff agreed
BUDGET = 2000  # entries that differences look at where there is no autodiff
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
        for route, actual in by_route.items():
            for place, (a, e) in enumerate(zip(actual, expected, strict=True)):
                difference = compare(a, e, bench.epsilon)
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
    leaf = f"d{bench.form.names[found.place]}"
    if kink:
        return f"{found.where}: {leaf} is within the two slopes of a kink, by another convention"
    return f"{found.where}: {leaf} differs from autodiff by less than differences can tell"


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
            if told is not None:
                break
            floats = near(floats, rng)
            told = _along(bench, route, floats, dout, place, rng)
        if told is None:
            notes.append(f"d{name}: differences could not tell; is the function rough here?")
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
    direction[place] = sizes * rng.choice([-1.0, 1.0], sizes.shape)
    weight = float(np.abs(gradient * direction[place]).sum())
    found = float((gradient * direction[place]).sum())
    lies = bench.along(floats, dout, direction, found)
    if lies.has(found, 1e-11 * weight):
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
        lies = bench.entry(floats, dout, place, index, float(gradient[index]))
        if np.isfinite(lies.low + lies.high) and not lies.has(float(gradient[index])):
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
