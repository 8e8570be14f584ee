"""Hand-written gradients against autodiff, entry by entry.

Where the two disagree, differences decide (`kinks`); and at points that nobody gave, only what is
certain counts (`certainty`).
"""

import itertools
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.certainty import is_abrupt, is_certain
from fnet.check.checks.evaluator import ones
from fnet.check.checks.kinks import borne_out
from fnet.check.checks.outcome import Note, Outcome, Wrong, until_wrong
from fnet.check.checks.points import PLAIN, Floats, cotangent, cotangents, largest, rounded
from fnet.check.checks.probe import Probe
from fnet.check.truth.compare import compare

ANY = float(np.finfo(np.float64).max)  # any finite number is within this slack

NOT_FINITE = "not examined: the function is not finite there"
IS_NAN = (
    "it is NaN where the function is finite, as autodiff's is, and differences do not settle it"
)
NO_DERIVATIVE = (
    "not compared where autodiff's derivative is not finite, and differences do not settle it"
)

OVERFLOWS = "not compared where it overflows for a cotangent far above 1, and for 1 does not"


def at_given(probe: Probe, rng: np.random.Generator, quick: bool = False) -> Outcome:
    """At the given point, with several cotangents, or with one if quick; stops at the first for
    which something is wrong."""
    several = itertools.islice(cotangents(probe.out, rng), 1 if quick else None)
    return until_wrong(_compared(probe, PLAIN, probe.start, dout) for dout in several)


def elsewhere(
    probe: Probe, where: str, floats: Floats, rng: np.random.Generator, meant: bool = False
) -> Outcome:
    """At a point that nobody gave, where only what is certain counts as wrong; `meant` is one of
    the domain."""
    try:
        dout = drawn(probe, floats, rng)
        if not any(map(np.any, jax.tree.leaves(dout))):
            return Outcome(notes=((where, NOT_FINITE),))
        outcome = _compared(probe, where, floats, dout)
        certain = [
            wrong
            for wrong in outcome.wrong
            if is_certain(probe, wrong) and (meant or is_abrupt(probe, wrong))
        ]
    except Exception as failure:
        return Outcome(notes=((where, f"not examined: {type(failure).__name__} is raised there"),))
    if outcome.wrong and not certain:
        doubt: Note = (where, "not decided: autodiff and differences do not settle it there")
        return outcome._replace(wrong=(), notes=(*outcome.notes, doubt))
    return outcome._replace(wrong=tuple(certain))


def drawn(probe: Probe, floats: Floats, rng: np.random.Generator) -> Any:
    """A random cotangent for this point."""
    return cotangent(probe.output(floats), lambda shape: rng.normal(size=shape))


def _compared(probe: Probe, where: str, floats: Floats, dout: Any) -> Outcome:
    """Every gradient by every route at one point, for one cotangent."""
    entries, error = 0, 0.0
    wrong: list[Wrong] = []
    notes: list[Note] = []
    expected = probe.expected(floats, dout)
    by_route = {route: probe.gradients(route, floats, dout) for route in probe.subject.routes}
    for route, actual in by_route.items():
        for place, (a, e) in enumerate(zip(actual, expected, strict=True)):
            e, unknown = _known(probe, where, floats, dout, place, a, e)
            if unknown:
                notes.append((where, _unknown(probe, floats, place, a)))
            beyond = _overflowing(probe, route, floats, dout, place, a, e)
            if beyond.any():
                e, unknown = np.where(beyond, a, e), unknown + int(beyond.sum())
                notes.append((where, f"d{probe.form.names[place]}: {OVERFLOWS}"))
            difference = compare(a, e, probe.epsilon, rtol=probe.rtol)
            if difference.wrong.any() or difference.error > thresholds.EXACT:
                slack = thresholds.CANCELLED * probe.natural(floats, dout)[place]
                slack += thresholds.ROUNDING * thresholds.TINY * largest(dout)
                difference = compare(a, e, probe.epsilon, slack, probe.rtol)
            entries += a.size - unknown
            if not difference.wrong.any():
                error = max(error, difference.error)
            elif not any(one.place == place for one in wrong):
                found = Wrong("parity", where, route, place, floats, dout, difference, a, e)
                note = _accepted(probe, found)
                if note:
                    notes.append((where, note))
                else:
                    wrong.append(found)
    return Outcome(entries, error, tuple(wrong), tuple(notes))


def _unknown(probe: Probe, floats: Floats, place: int, a: np.ndarray) -> str:
    """What is noted where autodiff's derivative is not finite."""
    if not probe.finite(floats):
        return NOT_FINITE
    return f"d{probe.form.names[place]}: {IS_NAN if np.isnan(a).any() else NO_DERIVATIVE}"


def _known(
    probe: Probe, where: str, floats: Floats, dout: Any, place: int, a: np.ndarray, e: np.ndarray
) -> tuple[np.ndarray, int]:
    """The expected gradient, by differences where autodiff's is not finite at the given point; and
    how many entries stay unknown, which are returned as they are."""
    odd = np.argwhere(~np.isfinite(e) & ~((a == e) & np.isinf(e)))
    if not len(odd):
        return e, 0
    determined, size = e.copy(), probe.natural(floats, dout)[place]
    determined[tuple(odd.T)] = a[tuple(odd.T)]
    unknown = len(odd)
    for index in map(tuple, odd[: thresholds.ASKED] if where == PLAIN else ()):
        lies = probe.entry(floats, dout, place, index, np.nan)
        if _is_infinite(probe, floats, place, index):
            continue  # and times a cotangent of 0 it is NaN
        # Of a derivative of 0, the size is that of the cotangent.
        least = thresholds.RESOLVED_OF_COTANGENT * largest(dout)
        sharp = lies.high - lies.low <= thresholds.RESOLVED_ALONE * max(lies.size, size, least)
        if lies.kink:  # any number between the two slopes would do, and NaN is none
            sharp = bool(np.isnan(a[index])) and np.isfinite(lies.high - lies.low)
        if sharp and probe.finite_beside(floats, dout, place, index):
            middle, slack = (lies.low + lies.high) / 2, lies.high - lies.low
            if not lies.has(float(a[index]), slack + thresholds.RESOLVED_ALONE * lies.size):
                determined[index] = middle
            unknown -= 1
    return determined, unknown


def _is_infinite(probe: Probe, floats: Floats, place: int, index: tuple[int, ...]) -> bool:
    """Whether the derivative is infinite, by hand or by autodiff."""
    dout = ones(probe.out)
    by_hand = probe.gradients(next(iter(probe.subject.routes)), floats, dout)[place][index]
    return bool(np.isinf(by_hand) or np.isinf(probe.expected(floats, dout)[place][index]))


def _overflowing(
    probe: Probe, route: str, floats: Floats, dout: Any, place: int, a: np.ndarray, e: np.ndarray
) -> np.ndarray:
    """The entries that are not finite for this large cotangent of the checker's own, and are for an
    ordinary one."""
    odd: np.ndarray = np.asarray(~np.isfinite(a) & np.isfinite(e))
    if not odd.any() or largest(dout) <= thresholds.LARGE_COTANGENT:
        return np.zeros(a.shape, bool)
    return odd & np.isfinite(probe.gradients(route, floats, ones(probe.out))[place])


def _accepted(probe: Probe, found: Wrong) -> str:
    """Why a difference from autodiff is not a mistake; empty where it is one."""
    if not any(jax.tree.leaves(jax.tree.map(np.any, found.dout))):
        return NOT_FINITE
    size, moved = probe.noise(found.floats, found.dout, found.place)
    if moved > thresholds.UNDETERMINED * size and not np.isnan(found.actual).any():
        return "rounding of the input changes the output"
    words = borne_out(probe, found) or within_domain(probe, found)
    if not words and _cancels(probe, found):  # last, since it takes longest
        words = "cancels, and what is left is rounding error"
    return f"d{probe.form.names[found.place]} {words}" if words else ""


def within_domain(probe: Probe, found: Wrong) -> str:
    """Whether the gradient is right for changes that keep what the given argument shows: symmetry,
    or rows that sum to one; empty where it is not."""
    domain = probe.domains[found.place]
    if not domain.linear:
        return ""
    for index in found.difference.first(thresholds.ASKED):
        direction, _ = probe.one(found.floats, found.place, index)
        direction[found.place] = domain.along(direction[found.place])
        value = float((found.actual * direction[found.place]).sum())
        lies = probe.along(found.floats, found.dout, direction, value)
        known = np.isfinite(lies.high - lies.low)
        if not known or not lies.has(value, thresholds.RESOLVED_ALONE * lies.size):
            return ""
    kept = "rows that sum to one" if domain.simplex else "a symmetric matrix"
    return f"is right for changes that keep {kept}, as the argument is, and only for these"


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
    for _ in range(thresholds.PERTURBED):
        floats = tuple(rounded(array, rng) for array in found.floats)
        dout = jax.tree.map(lambda leaf: rounded(leaf, rng), found.dout)
        with np.errstate(all="ignore"):
            away = np.abs(probe.gradients(found.route, floats, dout)[found.place] - found.actual)
        moved = np.maximum(moved, np.where(np.isfinite(away), away, 0))
    most = thresholds.NEVER_ROUNDING * probe.natural(found.floats, found.dout)[found.place]
    return within(min(thresholds.ROUNDING * float(moved.max(initial=0)), most)) or any(
        within(thresholds.ROUNDING * probe.moves(route, found.floats, found.dout)[found.place])
        for route in ("plain", found.route)
    )
