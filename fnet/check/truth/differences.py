"""Derivatives by differences, each with an error bar of its own.

Central differences at steps that halve are extrapolated to a step of nothing (Richardson); what the
extrapolation still moves, and what rounding adds, is the error bar (Ridders 1982). It is done from
two different first steps, and they must agree within the bar: one lucky tableau is not believed.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

HALVINGS = 13
FIRST = 0.125  # the first step, of the scale that the caller moves by
SECOND = 0.61  # of it, where the second tableau begins
SAFETY = 8.0
NARROW, FAR = 1e-6, 1e3  # of its size; times its width: an interval that leaves no doubt


# All steps that are asked for, first those that mostly suffice.
STEPS = [
    [side * first / 2**halving for first in (FIRST, FIRST * SECOND) for side in (-1, 1)]
    for halving in range(HALVINGS)
]
NONE = [0.0] * 4
BLOCKS = [np.ravel([NONE, *STEPS[:7]]), np.ravel([*STEPS[7:], NONE, NONE])]  # one program for both


class Slope(NamedTuple):
    """A derivative, and how far from it the truth may be."""

    value: float
    bar: float


class Interval(NamedTuple):
    """Where a derivative lies; at a kink, what lies between its two sides."""

    low: float
    high: float
    kink: bool

    def has(self, value: float, slack: float = 0.0) -> bool:
        """Whether this may be the derivative. Where nothing could be told, any number may."""
        return self.low - slack <= value <= self.high + slack

    def decides(self, value: float) -> bool:
        """Whether this is so narrow, and so far from the value, that there is no doubt."""
        width = self.high - self.low
        away = max(self.low - value, value - self.high)
        return not self.kink and width <= NARROW * self.size and away > FAR * width

    def scaled(self, factor: float) -> "Interval":
        """The interval of a multiple of it."""
        return Interval(self.low * factor, self.high * factor, self.kink)

    @property
    def size(self) -> float:
        """Of what lies in it; 0 where nothing could be told."""
        return max(abs(self.low), abs(self.high)) if np.isfinite(self.low + self.high) else 0.0


def slope(phi: Callable[[float], float], rounding: float, side: int = 0) -> Slope:
    """The derivative of phi at 0, from both sides, or from the one of this sign.

    `rounding` is how far off a value of phi may be. The bar is infinite where phi is no number.
    """
    one, two = (_tableau(phi, rounding, first, side) for first in (FIRST, FIRST * SECOND))
    best = min(one, two, key=lambda found: found.bar)
    apart = abs(one.value - two.value) if np.isfinite(best.bar) else 0.0
    if not np.isfinite(apart):  # one of them found nothing
        return Slope(best.value, np.inf)
    return Slope(best.value, SAFETY * best.bar + 2 * apart)


def interval(phi: Callable[[float], float], rounding: float, value: float) -> Interval:
    """Where the derivative of phi at 0 lies; a kink is looked for if `value` is not there."""
    both = slope(phi, rounding)
    found = Interval(both.value - both.bar, both.value + both.bar, False)
    known = bool(np.isfinite(both.value + both.bar))
    if known and found.has(value):
        return found
    left, right = slope(phi, rounding, -1), slope(phi, rounding, 1)
    if not np.isfinite(left.value + left.bar + right.value + right.bar):
        return found if known else ANYTHING
    if not abs(left.value - right.value) > left.bar + right.bar:
        return found if known else ANYTHING
    low, high = sorted((left, right))
    return Interval(low.value - low.bar, high.value + high.bar, True)


def tabulated(phi: Callable[[np.ndarray], np.ndarray]) -> Callable[[float], float]:
    """The line that is asked for a step, of one that is asked for many at a time."""
    known: dict[float, float] = {}

    def of_one(step: float) -> float:
        if step not in known:
            block = next(block for block in BLOCKS if step in block)
            known.update(zip(block.tolist(), phi(block).tolist(), strict=True))
        return known[step]

    return of_one


ANYTHING = Interval(-np.inf, np.inf, False)


def _tableau(phi: Callable[[float], float], rounding: float, first: float, side: int) -> Slope:
    best = Slope(np.nan, np.inf)
    row: list[float] = []
    middle = phi(0.0) if side else 0.0
    for halving in range(HALVINGS):
        step = first / 2**halving
        noise = (2 if side else 1) * rounding / step
        if noise >= best.bar:
            break  # smaller steps have larger errors from here on
        if side:
            found = side * (phi(side * step) - middle) / step
        else:
            found = (phi(step) - phi(-step)) / (2 * step)
        before, row = row, [found]
        for order, earlier in enumerate(before, 1):
            # A central difference has even powers of the step alone; a sided one has all.
            power = 2.0**order if side else 4.0**order
            row.append((power * row[-1] - earlier) / (power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - earlier)) + noise
            if error < best.bar:
                best = Slope(row[-1], error)
    return best
