"""The independent truth about a gradient, by mpmath if the function is known there, or differences.

What it says holds at the arguments of the case and nowhere else. An entry disagrees if it is
further from the truth than ten times the truth's own error and `RTOL` of the entry; at a kink any
slope between those of both sides agrees. It is unclear where there is no truth to that accuracy.
"""

import math
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from tests.wild.case import Case
from tests.wild.differences import UNKNOWN, Slope, slope
from tests.wild.gradients import Weighted, weighted

RTOL = 1e-8
FLOOR = 1e-3  # times RTOL, of the largest entry of an array
KNOWN = 1e-4  # relative error of a truth that says something
LEAST = 1e-14  # below that a slope is 0
SLIGHT = 1e-4  # relative difference up to which the function may be meant as an approximation
ENTRIES = 24  # of each array; of a larger one some are drawn
SECONDS = 60.0
DIGITS = 12, 20  # of the step; numbers have twice as many


class Truth(NamedTuple):
    """How many entries were looked at, how many disagree, how many do so by less than `SLIGHT`, and
    of how many nothing can be said."""

    entries: int
    wrong: int
    slight: int
    unclear: int
    by: str
    example: str = ""

    @property
    def verdict(self) -> str:
        """`agrees`, `disagrees`, `nearly` or `unclear`: one entry is enough to disagree; to agree,
        none may, and at most a quarter be unclear."""
        if self.wrong:
            return "nearly" if self.wrong == self.slight else "disagrees"
        return "unclear" if not self.entries or 4 * self.unclear > self.entries else "agrees"

    def __str__(self) -> str:
        at = f" at {self.wrong} of {self.entries} entries" if self.wrong else ""
        left = f", {self.unclear} of {self.entries} unclear" if self.unclear else ""
        example = f": {self.example}" if self.example else ""
        return f"{self.verdict}{at}{left} ({self.by}){example}"


def truth(case: Case, dtype: Any = np.float64) -> Truth:
    """What is so about the gradient of the case, computed in this dtype."""
    rtol = max(RTOL, 100 * float(np.finfo(dtype).eps), case.options.get("rtol") or 0.0)
    with jax.enable_x64(True), np.errstate(all="ignore"):
        try:
            subject = weighted(case, dtype)
        except Exception as error:
            return Truth(0, 0, 0, 0, f"it raises {type(error).__name__}: {error}"[:200])
        if case.exact is not None:
            found = _by_mpmath(case, subject, rtol)
            if not found.unclear or found.wrong:
                return found
        return _by_differences(subject, rtol)  # also where the values are not mpmath's


def _by_differences(subject: Weighted, rtol: float) -> Truth:
    until = time.monotonic() + SECONDS
    found = Truth(0, 0, 0, 0, "differences")
    for place, gradient in zip(subject.places, subject.gradients, strict=True):
        x = np.asarray(subject.leaves[place], np.float64)
        if gradient.shape != x.shape:
            return found._replace(wrong=1, entries=1, example="another shape")
        picked = np.random.default_rng(0).permutation(x.size)[:ENTRIES]
        slopes = []
        for index in picked:
            late = time.monotonic() > until
            slopes.append(UNKNOWN if late else _slope_of(subject, place, x, int(index)))
        found = _counted(found, slopes, gradient.ravel()[picked], rtol, picked)
    return found


def _slope_of(subject: Weighted, place: int, x: np.ndarray, index: int) -> Slope:
    def total(value: float) -> float:
        moved = x.copy()
        moved.flat[index] = value
        leaves = list(subject.leaves)
        leaves[place] = moved
        return subject.total(leaves)

    try:
        return slope(total, float(x.flat[index]))
    except Exception:  # a function may refuse what lies beside the arguments
        return UNKNOWN


def _counted(
    found: Truth, slopes: list[Slope], gradient: np.ndarray, rtol: float, picked: Any
) -> Truth:
    known = [abs(one.high) for one in slopes if math.isfinite(one.error + abs(one.high))]
    known += [abs(float(one)) for one in gradient if math.isfinite(one)]
    floor = FLOOR * rtol * max(known, default=0.0) + LEAST
    for one, actual, index in zip(slopes, gradient, picked, strict=True):
        wrong, slight, unclear = _judged(one, float(actual), rtol, floor)
        example = found.example
        if wrong and not example:
            expected = f"{one.low:.9g}" + (f" to {one.high:.9g}" if one.high != one.low else "")
            example = f"entry {index} is {actual:.9g} and must be {expected}"
        counts = (found.entries + 1, found.wrong + wrong, found.slight + slight)
        found = Truth(*counts, found.unclear + unclear, found.by, example)
    return found


def _judged(one: Slope, actual: float, rtol: float, floor: float) -> tuple[bool, bool, bool]:
    """Whether the entry is wrong, whether only slightly, and whether that cannot be told."""
    if math.isinf(one.high):
        return False, False, actual != one.high
    size = max(abs(one.low), abs(one.high))
    if not one.error <= max(KNOWN, rtol) * size + KNOWN / rtol * floor:
        return False, False, True
    room = 10 * one.error + rtol * size + floor
    if one.low - room <= actual <= one.high + room:
        return False, False, False
    room += SLIGHT * (size + floor / rtol)
    return True, one.low - room <= actual <= one.high + room, False


def _by_mpmath(case: Case, subject: Weighted, rtol: float) -> Truth:
    """Of a function of one entry at a time, whose arguments broadcast."""
    arrays = [np.asarray(leaf, np.float64) for leaf in subject.leaves]
    weights, out = np.asarray(subject.weights[0]), np.asarray(subject.outputs[0])
    found = Truth(0, 0, 0, 0, "mpmath")
    for place, gradient in zip(subject.places, subject.gradients, strict=True):
        slopes: dict[tuple[int, ...], list[Slope]] = {}
        for index in np.ndindex(out.shape):
            values = [float(np.broadcast_to(array, out.shape)[index]) for array in arrays]
            one = _exact(case.exact, values, place, float(out[index]))
            low, high = sorted(float(weights[index]) * end for end in one[:2])
            own = _own(index, arrays[place].shape)
            slopes.setdefault(own, []).append(Slope(low, high, abs(weights[index]) * one.error))
        summed = [Slope(*map(math.fsum, zip(*each, strict=True))) for each in slopes.values()]
        actual = np.array([gradient[own] for own in slopes])
        found = _counted(found, summed, actual, rtol, list(slopes))
    return found


def _own(index: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index into an array of this shape that was broadcast."""
    last = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else at for at, size in zip(last, shape, strict=True))


def _exact(exact: Any, values: list[float], place: int, out: float) -> Slope:
    """The slopes from both sides at two precisions, whose difference is the error."""
    ends = [
        [_rise(exact, values, place, out, sign, digits) for digits in DIGITS] for sign in (1, -1)
    ]
    ends = [side for side in ends if None not in side]
    if not ends:
        return UNKNOWN
    if any(abs(fine) > 1.2 * abs(coarse) + 1 for coarse, fine in ends):
        signs = {math.copysign(math.inf, fine) for _, fine in ends}
        return Slope(*2 * tuple(signs), 0.0) if len(signs) == 1 else UNKNOWN
    found = [float(fine) for _, fine in ends]
    return Slope(min(found), max(found), max(abs(float(fine - coarse)) for coarse, fine in ends))


def _rise(exact: Any, values: list[float], place: int, out: float, sign: int, digits: int) -> Any:
    """The slope from one side; None beyond the domain, or if `exact` is not the function."""
    import mpmath

    x = values[place]
    size = abs(x) or 1e-6
    with mpmath.workdps(2 * digits + max(0, -math.floor(math.log10(size)))):
        step = sign * mpmath.mpf(10) ** -digits * size
        point = [mpmath.mpf(value) for value in values]
        try:
            here = mpmath.mpmathify(exact(*point))
            rises = []
            for times in (1, 2):  # combined, they have no term of second order
                point[place] = mpmath.mpf(x) + times * step
                rises.append((mpmath.mpmathify(exact(*point)) - here) / (times * step))
        except (ArithmeticError, ValueError):
            return None
        rise = 2 * rises[0] - rises[1]
        differs = abs(here - out) > 1e-6 * abs(here) + 1e-12
        return None if differs or mpmath.im(rise) != 0 else mpmath.re(rise)
