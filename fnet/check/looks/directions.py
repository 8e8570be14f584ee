"""Gradients by hand against differences: along random directions, and entry by entry."""

from typing import Any

import numpy as np

from fnet.check.looks.parity import CANCELLED, Outcome, Wrong, drawn
from fnet.check.looks.points import PLAIN, Floats, cotangent, near, points, scale_of
from fnet.check.looks.workbench import Workbench
from fnet.check.truth.compare import compare

SAMPLED = 8  # entries of an array that are looked at where autodiff agreed
ALONE = 200  # and where there is no autodiff
BUDGET = 2000  # and where something is wrong
COARSE = 1e-2  # of an entry: wrong by less may be the function's doing, where it is not at home
TRIES = 3  # points, until differences can tell


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
            try:
                moved = near(floats, rng)
                told = _along(bench, route, moved, dout, place, rng)
            except Exception:  # a function need not take what is beside its arguments
                break
            floats = moved
        if told is None:
            notes.append(f"d{name}: differences could not tell; is the function rough here?")
            if bench.autodiff:
                continue
        size = bench.start[place].size
        budget = BUDGET if told is False else SAMPLED if bench.autodiff else ALONE
        chosen = rng.permutation(size)[:budget]
        if told is False and size > BUDGET:
            chosen = np.append(chosen, _halved(bench, route, floats, dout, place, rng))
        wrong = _by_entry(bench, route, floats, dout, place, chosen)
        entries += len(chosen)
        if not wrong.difference.wrong.any():
            error = max(error, wrong.difference.error)
        elif not (bench.autodiff and _is_right_nearby(bench, wrong, rng)):
            return Outcome(entries, max(error, wrong.difference.error), [wrong], notes)
    return Outcome(entries, error, [], notes)


def in_one_direction(bench: Workbench, rng: np.random.Generator) -> Outcome:
    """Along one random direction of all arrays together; where it is wrong, of each array."""
    route = next(iter(bench.subject.routes))
    dout = cotangent(bench.out, lambda shape: rng.normal(size=shape))
    if _all_along(bench, route, bench.start, dout, rng) is False:
        return against_differences(bench, rng)
    return Outcome(1, 0.0, [], [])


def _all_along(
    bench: Workbench, route: str, floats: Floats, dout: Any, rng: np.random.Generator
) -> bool | None:
    gradients = bench.gradients(route, floats, dout)
    direction = [_moved(array, rng) for array in floats]
    return _lies_along(bench, floats, dout, direction, gradients)


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A way for each entry: three of one value are a kink only for who parts them."""
    sizes = np.maximum(np.abs(array), scale_of(array))
    moved: np.ndarray = (
        sizes * rng.uniform(0.5, 1.5, sizes.shape) * rng.choice([-1, 1], sizes.shape)
    )
    return moved


def _is_right_nearby(bench: Workbench, wrong: Wrong, rng: np.random.Generator) -> bool:
    """Whether it is right near by: of tied entries autodiff chooses some, and differences none."""
    moved, chosen = near(wrong.floats, rng), np.flatnonzero(wrong.difference.wrong)
    try:
        again = _by_entry(bench, wrong.route, moved, wrong.dout, wrong.place, chosen)
    except Exception:  # a function need not take what is beside its arguments
        return False
    return not again.difference.wrong.any()


def _halved(
    bench: Workbench, route: str, floats: Floats, dout: Any, place: int, rng: np.random.Generator
) -> np.ndarray:
    """An entry that is wrong, of an array that is: the half that is wrong, and of it the half."""
    left = np.arange(floats[place].size)
    while len(left) > 1:
        halves = np.array_split(left, 2)
        told = [_along(bench, route, floats, dout, place, rng, half) for half in halves]
        if False not in told:
            break
        left = halves[told.index(False)]
    return left[:ALONE]


def _along(
    bench: Workbench,
    route: str,
    floats: Floats,
    dout: Any,
    place: int,
    rng: np.random.Generator,
    only: Any = slice(None),
) -> bool | None:
    """Whether the gradient is right along a direction of these entries; None: it cannot be told."""
    gradients = bench.gradients(route, floats, dout)
    direction = [np.zeros(array.shape) for array in floats]
    direction[place].flat[only] = _moved(floats[place], rng).flat[only]
    return _lies_along(bench, floats, dout, direction, gradients)


def _lies_along(
    bench: Workbench, floats: Floats, dout: Any, direction: Any, gradients: Any
) -> bool | None:
    """Whether these gradients are right along a direction; None: it cannot be told."""
    each = [g * d for g, d in zip(gradients, direction, strict=True) if d.any()]
    weight = float(sum(np.abs(moved).sum() for moved in each))
    found = float(sum(moved.sum() for moved in each))
    lies = bench.along(floats, dout, direction, found)
    # Where autodiff says the same, what may be rounding is taken for it.
    slack = max(1e-11 * weight, CANCELLED * bench.reach(dout, direction) * bench.autodiff)
    if lies.has(found, slack):
        size = weight + lies.size + 1e-6 * bench.reach(dout, direction)
        return True if lies.high - lies.low <= 1e-4 * size else None
    return None if lies.kink else False


def _by_entry(
    bench: Workbench,
    route: str,
    floats: Floats,
    dout: Any,
    place: int,
    chosen: np.ndarray,
) -> Wrong:
    """Some entries against differences; the others are taken to be right."""
    gradient = bench.gradients(route, floats, dout)[place]
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


def _is_coarse(wrong: Wrong) -> bool:
    """Whether an entry is wrong by more than an iteration leaves that was stopped too early."""
    away = np.abs(wrong.actual - wrong.expected)
    size = np.maximum(np.abs(wrong.actual), np.abs(wrong.expected))
    return bool((wrong.difference.wrong & ~(away <= COARSE * size)).any())


def unkind_by_differences(bench: Workbench, rng: np.random.Generator) -> Outcome:
    """Where there is no autodiff: one direction of each array at each unkind point."""
    route = next(iter(bench.subject.routes))
    notes: list[str] = []
    for where, floats in points(bench.form, bench.start, rng):
        try:
            dout = drawn(bench, floats, rng)
            for place in range(len(floats)):
                if _along(bench, route, floats, dout, place, rng) is not False:
                    continue
                half = _halved(bench, route, floats, dout, place, rng)
                chosen = np.append(rng.permutation(floats[place].size)[:BUDGET], half)
                wrong = _by_entry(bench, route, floats, dout, place, chosen)
                if _is_coarse(wrong) and _is_coarse(
                    _by_entry(bench, route, near(floats, rng), dout, place, chosen)
                ):
                    found = [wrong._replace(where=where)]
                    return Outcome(wrong.actual.size, wrong.difference.error, found, notes)
        except Exception as failure:  # a function need not take every input
            notes.append(f"{where}: not looked at, {type(failure).__name__} is raised there")
    return Outcome(0, 0.0, [], notes)
