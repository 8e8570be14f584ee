"""Hand-written gradients against differences: along random directions, and entry by entry."""

from typing import Any

import numpy as np

from fnet.check import thresholds
from fnet.check.checks.certainty import is_abrupt, is_certain, is_coarse
from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.outcome import FEW_DIGITS, UNDECIDED, Note, Outcome, Wrong
from fnet.check.checks.parity import NOT_FINITE, drawn, within_domain
from fnet.check.checks.points import PLAIN, Floats, cotangent, scale_of
from fnet.check.checks.probe import Probe
from fnet.check.truth.compare import compare


def against_differences(probe: Probe, rng: np.random.Generator) -> Outcome:
    """Along a random direction of each array, and at some of its entries."""
    route = next(iter(probe.subject.routes))
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    notes: list[Note] = []
    entries, error = 0, 0.0
    for place, name in enumerate(probe.form.names):
        floats = probe.start
        right = at_given = _along(probe, route, floats, dout, place, rng)
        for _ in range(thresholds.TRIES):
            # Where autodiff agrees with it, a mistake must persist when the point moves.
            if right or (right is False and not probe.autodiff):
                break
            moved = neighbour(probe, rng, floats)
            if moved is None:
                break
            right, floats = _along(probe, route, moved, dout, place, rng), moved
        if right and at_given is False:  # autodiff may select a branch at the given point alone
            chosen = rng.permutation(probe.start[place].size)[: thresholds.SAMPLED_WRONG]
            here = _by_entry(probe, route, probe.start, dout, place, chosen)
            certain = is_certain(probe, here) and _adds_up(probe, here, rng)
            if certain and not within_domain(probe, here):
                return Outcome(entries, here.difference.error, (here,), tuple(notes))
        if right is None:
            notes.append((PLAIN, f"d{name}: {UNDECIDED}"))
            if probe.autodiff:
                continue
        size, sure = probe.start[place].size, probe.autodiff or right
        if not (probe.autodiff or right is False or floats is probe.start):
            floats, sure = probe.start, False  # a point near by does not speak for the given one
        # A direction that is right leaves little room for a wrong entry.
        enough = thresholds.SAMPLED if sure else thresholds.SAMPLED_ALONE
        budget = thresholds.SAMPLED_WRONG if right is False else enough
        chosen = rng.permutation(size)[:budget]
        if right is False and size > thresholds.SAMPLED_WRONG:
            chosen = np.append(chosen, _halved(probe, route, floats, dout, place, rng))
        wrong = _by_entry(probe, route, floats, dout, place, chosen)
        entries += size if right else len(chosen)  # a direction moves every entry
        if not wrong.difference.wrong.any():
            error = max(error, wrong.difference.error)
            if right is False:  # no entry is off by enough
                words = f" {FEW_DIGITS}" if wrong.difference.error else f": {UNDECIDED}"
                notes.append((PLAIN, f"d{name}{words}"))
        elif not (probe.autodiff or floats is probe.start or is_coarse(wrong)):
            notes.append((PLAIN, f"d{name}: {UNDECIDED}"))  # near by it is an approximation
        elif words := within_domain(probe, wrong) or _is_noisy(probe, wrong):
            notes.append((PLAIN, f"d{name} {words}"))
        elif not (probe.autodiff and _is_right_nearby(probe, wrong, rng)):
            error = max(error, wrong.difference.error)
            return Outcome(entries, error, (wrong,), tuple(notes))
    return Outcome(entries, error, (), tuple(notes))


def in_one_direction(probe: Probe, rng: np.random.Generator) -> Outcome:
    """Along one random direction of all arrays at once; if that fails, of each array."""
    route = next(iter(probe.subject.routes))
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    gradients = probe.gradients(route, probe.start, dout)
    direction = [_moved(array, rng) for array in probe.start]
    if _lies_along(probe, probe.start, dout, direction, gradients) is False:
        return against_differences(probe, rng)
    return Outcome(1)


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A step for each entry, all different, so that tied entries part and show a kink."""
    sizes = np.maximum(np.abs(array), scale_of(array))
    moved: np.ndarray = (
        sizes * rng.uniform(0.5, 1.5, sizes.shape) * rng.choice([-1, 1], sizes.shape)
    )
    return moved


def _adds_up(probe: Probe, wrong: Wrong, rng: np.random.Generator) -> bool:
    """Whether what differences give entry by entry is right along a direction of all: the entries
    of a tie have slopes of their own, and no gradient."""
    direction = [_moved(a, rng) * (k == wrong.place) for k, a in enumerate(wrong.floats)]
    gradients = [wrong.expected] * len(direction)  # of arrays that do not move, none counts
    return bool(_lies_along(probe, wrong.floats, wrong.dout, direction, gradients))


def _is_right_nearby(probe: Probe, wrong: Wrong, rng: np.random.Generator) -> bool:
    """Whether it is right nearby: at ties autodiff selects entries, differences do not."""
    moved, chosen = neighbour(probe, rng, wrong.floats), np.flatnonzero(wrong.difference.wrong)
    if moved is None:
        return False
    again = _by_entry(probe, wrong.route, moved, wrong.dout, wrong.place, chosen)
    return not again.difference.wrong.any()


def _is_noisy(probe: Probe, wrong: Wrong) -> str:
    """Whether the gradient itself moves as far when its arguments hardly do: it may be made of
    differences, or of float32."""
    if probe.autodiff:
        return ""
    beside = tuple((1 + thresholds.BESIDE) * a for a in wrong.floats)
    here, there = (probe.noise(floats, wrong.dout)[0] for floats in (wrong.floats, beside))
    if there < thresholds.UNDETERMINED * here:
        return "is not compared: the function has a pole there"
    rng, moved = np.random.default_rng(0), np.zeros(wrong.actual.shape)
    for _ in range(thresholds.NOISY):
        aside = [thresholds.ASIDE * rng.uniform(-1, 1, a.shape) for a in wrong.floats]
        floats = tuple(a * (1 + share) for a, share in zip(wrong.floats, aside, strict=True))
        found = probe.gradients(wrong.route, floats, wrong.dout)[wrong.place]
        moved = np.maximum(moved, np.abs(found - wrong.actual))
    largest = float(moved.max(initial=0))
    away = np.abs(wrong.actual - wrong.expected)[wrong.difference.wrong]
    if not np.isfinite(largest) or float(away.max(initial=0)) > thresholds.NOISE * largest:
        return ""
    size = float(np.abs(wrong.expected).max(initial=0)) or 1.0
    if largest > thresholds.LARGE * size:
        return ""  # it jumps there
    return f"has few digits, {largest / size:.0e} of its size is noise, and differs by no more"


def _halved(
    probe: Probe, route: str, floats: Floats, dout: Any, place: int, rng: np.random.Generator
) -> np.ndarray:
    """Wrong entries of an array, located by bisection."""
    left = np.arange(floats[place].size)
    while len(left) > 1:
        halves = np.array_split(left, 2)
        right = [_along(probe, route, floats, dout, place, rng, half) for half in halves]
        if False not in right:
            break
        left = halves[right.index(False)]
    return left[: thresholds.SAMPLED_ALONE]


def _along(
    probe: Probe,
    route: str,
    floats: Floats,
    dout: Any,
    place: int,
    rng: np.random.Generator,
    only: Any = slice(None),
) -> bool | None:
    """Whether the gradient is right along a direction of these entries; None if undecided."""
    gradients = probe.gradients(route, floats, dout)
    direction = [np.zeros(array.shape) for array in floats]
    direction[place].flat[only] = _moved(floats[place], rng).flat[only]
    return _lies_along(probe, floats, dout, direction, gradients)


def _lies_along(
    probe: Probe, floats: Floats, dout: Any, direction: Any, gradients: Any
) -> bool | None:
    """Whether these gradients are right along a direction; None if undecided."""
    each = [g * d for g, d in zip(gradients, direction, strict=True) if d.any()]
    weight = float(sum(np.abs(moved).sum() for moved in each))
    found = float(sum(moved.sum() for moved in each))
    lies = probe.along(floats, dout, direction, found)
    # Where autodiff agrees with it, what may be rounding error counts as rounding error.
    reach = probe.reach(dout, direction)
    slack = max(thresholds.ALONG * weight, thresholds.CANCELLED * reach * probe.autodiff)
    slack = max(slack, probe.rtol * lies.size)
    if lies.has(found, slack):
        size = weight + lies.size + thresholds.ALONG_REACH * reach
        return True if lies.high - lies.low <= thresholds.ALONG_WIDTH * size else None
    return False if lies.rules_out(found) and not lies.kink else None


def _by_entry(
    probe: Probe, route: str, floats: Floats, dout: Any, place: int, chosen: np.ndarray
) -> Wrong:
    """Some entries against differences; the others are assumed right."""
    gradient = probe.gradients(route, floats, dout)[place]
    expected, slack = gradient.astype(np.float64), np.zeros(gradient.shape)
    for number in chosen:
        index = tuple(int(i) for i in np.unravel_index(int(number), gradient.shape))
        value = float(gradient[index])
        lies = probe.entry(floats, dout, place, index, value)
        direction, scale = probe.one(floats, place, index)
        least = thresholds.CANCELLED * probe.reach(dout, direction) / scale * probe.autodiff
        least = max(least, probe.rtol * lies.size)
        outside = lies.rules_out(value) or (lies.kink and np.isfinite(lies.low + lies.high))
        if not np.isfinite(value) and probe.steepens(floats, dout, place, index):
            continue  # the derivative is infinite, or there is none
        if outside and not lies.has(value, least):
            expected[index], slack[index] = (lies.low + lies.high) / 2, (lies.high - lies.low) / 2
    difference = compare(gradient, expected, probe.epsilon, slack, probe.rtol)
    return Wrong("differences", PLAIN, route, place, floats, dout, difference, gradient, expected)


def elsewhere(
    probe: Probe, where: str, floats: Floats, rng: np.random.Generator, meant: bool = False
) -> Outcome:
    """At a point that nobody gave, where only what is certain counts as wrong; `meant` is one of
    the domain."""
    try:
        if probe.finite(probe.start) and not probe.finite(floats):
            return Outcome(notes=((where, NOT_FINITE),))
        dout = drawn(probe, floats, rng)
        for place in range(len(floats)):
            wrong = _far(probe, where, floats, dout, place, rng, meant)
            if wrong is not None:
                return Outcome(wrong.actual.size, wrong.difference.error, (wrong,))
    except Exception as failure:  # the function may reject an input
        return Outcome(notes=((where, f"not examined: {type(failure).__name__} is raised there"),))
    return Outcome()


def _far(
    probe: Probe,
    where: str,
    floats: Floats,
    dout: Any,
    place: int,
    rng: np.random.Generator,
    meant: bool,
) -> Wrong | None:
    """What is certainly wrong with the gradient of one array at such a point."""
    route = next(iter(probe.subject.routes))
    if _along(probe, route, floats, dout, place, rng) is not False:
        return None
    half = _halved(probe, route, floats, dout, place, rng)
    chosen = np.append(rng.permutation(floats[place].size)[: thresholds.SAMPLED_WRONG], half)
    wrong = _by_entry(probe, route, floats, dout, place, chosen)._replace(where=where)
    if not wrong.difference.wrong.any() or not is_certain(probe, wrong):
        return None
    if within_domain(probe, wrong):
        return None
    if meant:
        return wrong
    beside = neighbour(probe, rng, floats)
    persists = beside is not None and is_coarse(
        _by_entry(probe, route, beside, dout, place, chosen)
    )
    return wrong if is_coarse(wrong) and persists and is_abrupt(probe, wrong) else None
