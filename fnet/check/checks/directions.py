"""Hand-written gradients against differences: along random directions, and entry by entry."""

from typing import Any

import numpy as np

from fnet.check.checks.parity import CANCELLED, Outcome, Wrong, drawn
from fnet.check.checks.points import PLAIN, Floats, cotangent, near, points, scale_of
from fnet.check.checks.probe import Probe
from fnet.check.truth.compare import compare

SAMPLED = 8  # entries of an array that are compared where autodiff agrees
ALONE = 200  # where there is no autodiff
BUDGET = 2000  # where something is wrong
COARSE = 1e-2  # of an entry: far from its domain, a function itself may be off by less
TRIES = 3  # points tried until differences decide


def against_differences(probe: Probe, rng: np.random.Generator) -> Outcome:
    """Along a random direction of each array, and at some of its entries."""
    route = next(iter(probe.subject.routes))
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    notes: list[str] = []
    entries, error = 0, 0.0
    for place, name in enumerate(probe.form.names):
        floats = probe.start
        right = _along(probe, route, floats, dout, place, rng)
        for _ in range(TRIES):
            # Where autodiff agrees with it, a mistake must persist when the point moves.
            if right or (right is False and not probe.autodiff):
                break
            try:
                moved = near(floats, rng)
                right = _along(probe, route, moved, dout, place, rng)
            except Exception:  # the function may reject neighbouring points
                break
            floats = moved
        if right is None:
            notes.append(f"d{name}: differences cannot decide; is the function rough here?")
            if probe.autodiff:
                continue
        size = probe.start[place].size
        budget = BUDGET if right is False else SAMPLED if probe.autodiff else ALONE
        chosen = rng.permutation(size)[:budget]
        if right is False and size > BUDGET:
            chosen = np.append(chosen, _halved(probe, route, floats, dout, place, rng))
        wrong = _by_entry(probe, route, floats, dout, place, chosen)
        entries += len(chosen)
        if not wrong.difference.wrong.any():
            error = max(error, wrong.difference.error)
        elif not (probe.autodiff and _is_right_nearby(probe, wrong, rng)):
            return Outcome(entries, max(error, wrong.difference.error), [wrong], notes)
    return Outcome(entries, error, [], notes)


def in_one_direction(probe: Probe, rng: np.random.Generator) -> Outcome:
    """Along one random direction of all arrays at once; if that fails, of each array."""
    route = next(iter(probe.subject.routes))
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    if _all_along(probe, route, probe.start, dout, rng) is False:
        return against_differences(probe, rng)
    return Outcome(1, 0.0, [], [])


def _all_along(
    probe: Probe, route: str, floats: Floats, dout: Any, rng: np.random.Generator
) -> bool | None:
    gradients = probe.gradients(route, floats, dout)
    direction = [_moved(array, rng) for array in floats]
    return _lies_along(probe, floats, dout, direction, gradients)


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A step for each entry, all different, so that tied entries part and show a kink."""
    sizes = np.maximum(np.abs(array), scale_of(array))
    moved: np.ndarray = (
        sizes * rng.uniform(0.5, 1.5, sizes.shape) * rng.choice([-1, 1], sizes.shape)
    )
    return moved


def _is_right_nearby(probe: Probe, wrong: Wrong, rng: np.random.Generator) -> bool:
    """Whether it is right nearby: at ties autodiff selects entries, differences do not."""
    moved, chosen = near(wrong.floats, rng), np.flatnonzero(wrong.difference.wrong)
    try:
        again = _by_entry(probe, wrong.route, moved, wrong.dout, wrong.place, chosen)
    except Exception:  # the function may reject neighbouring points
        return False
    return not again.difference.wrong.any()


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
    return left[:ALONE]


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
    slack = max(1e-11 * weight, CANCELLED * probe.reach(dout, direction) * probe.autodiff)
    if lies.has(found, slack):
        size = weight + lies.size + 1e-6 * probe.reach(dout, direction)
        return True if lies.high - lies.low <= 1e-4 * size else None
    return None if lies.kink else False


def _by_entry(
    probe: Probe,
    route: str,
    floats: Floats,
    dout: Any,
    place: int,
    chosen: np.ndarray,
) -> Wrong:
    """Some entries against differences; the others are assumed right."""
    gradient = probe.gradients(route, floats, dout)[place]
    expected, slack = gradient.astype(np.float64), np.zeros(gradient.shape)
    for number in chosen:
        index = tuple(int(i) for i in np.unravel_index(int(number), gradient.shape))
        value = float(gradient[index])
        lies = probe.entry(floats, dout, place, index, value)
        direction, scale = probe.one(floats, place, index)
        least = CANCELLED * probe.reach(dout, direction) / scale * probe.autodiff
        if np.isfinite(lies.low + lies.high) and not lies.has(value, least):
            expected[index], slack[index] = (lies.low + lies.high) / 2, (lies.high - lies.low) / 2
    difference = compare(gradient, expected, probe.epsilon, slack)
    return Wrong("differences", PLAIN, route, place, floats, dout, difference, gradient, expected)


def _is_coarse(wrong: Wrong) -> bool:
    """Whether an entry is wrong by more than an unconverged iteration would explain."""
    away = np.abs(wrong.actual - wrong.expected)
    size = np.maximum(np.abs(wrong.actual), np.abs(wrong.expected))
    return bool((wrong.difference.wrong & ~(away <= COARSE * size)).any())


def unkind_by_differences(probe: Probe, rng: np.random.Generator) -> Outcome:
    """Without autodiff: one direction of each array at each extreme point."""
    route = next(iter(probe.subject.routes))
    notes: list[str] = []
    for where, floats in points(probe.form, probe.start, rng):
        try:
            dout = drawn(probe, floats, rng)
            for place in range(len(floats)):
                if _along(probe, route, floats, dout, place, rng) is not False:
                    continue
                half = _halved(probe, route, floats, dout, place, rng)
                chosen = np.append(rng.permutation(floats[place].size)[:BUDGET], half)
                wrong = _by_entry(probe, route, floats, dout, place, chosen)
                if _is_coarse(wrong) and _is_coarse(
                    _by_entry(probe, route, near(floats, rng), dout, place, chosen)
                ):
                    found = [wrong._replace(where=where)]
                    return Outcome(wrong.actual.size, wrong.difference.error, found, notes)
        except Exception as failure:  # the function may reject an input
            notes.append(f"{where}: skipped, {type(failure).__name__} is raised there")
    return Outcome(0, 0.0, [], notes)
