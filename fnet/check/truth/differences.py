"""Derivatives by finite differences, each with an error bar.

Central differences at halving steps are extrapolated to step zero (Richardson); the last change of
the extrapolation plus the rounding error is the error bar (Ridders 1982). Two tableaus with
different first steps must agree within the bar, so that one lucky tableau is not trusted.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

HALVINGS = 13
FIRST = 0.125  # the first step, relative to the caller's direction
SECOND = 0.61  # the first step of the second tableau, relative to FIRST
SAFETY = 8.0
OUTSIDE = 10.0  # times its width: how far from an interval a value is ruled out
NARROW, FAR = 1e-6, 1e3  # an interval is decisive: its width by its size; distance by its width


# All steps, beginning with those that usually suffice.
STEPS = [
    [side * first / 2**halving for first in (FIRST, FIRST * SECOND) for side in (-1, 1)]
    for halving in range(HALVINGS)
]
NONE = [0.0] * 4
BLOCKS = [
    np.ravel([NONE, *STEPS[:7]]),
    np.ravel([*STEPS[7:], NONE, NONE]),
]  # of equal length: one program


class Slope(NamedTuple):
    """A derivative and its error bar."""

    value: float
    bar: float


class Interval(NamedTuple):
    """Bounds of a derivative; at a kink, between its two one-sided derivatives."""

    low: float
    high: float
    kink: bool

    def has(self, value: float, slack: float = 0.0) -> bool:
        """Whether this may be the derivative; any number may where nothing was determined."""
        return self.low - slack <= value <= self.high + slack

    def decides(self, value: float) -> bool:
        """Whether it is narrow, and far enough from the value, to rule it out."""
        width = self.high - self.low
        away = max(self.low - value, value - self.high)
        return not self.kink and width <= NARROW * self.size and away > FAR * width

    def rules_out(self, value: float) -> bool:
        """Whether the value is outside by many times the width; NaN and infinity are outside of any
        bounds."""
        width = self.high - self.low
        if not np.isfinite(width) or not np.isfinite(value):
            return bool(np.isfinite(width))
        return max(self.low - value, value - self.high) > OUTSIDE * width

    def scaled(self, factor: float) -> "Interval":
        """The interval times a factor."""
        return Interval(self.low * factor, self.high * factor, self.kink)

    @property
    def size(self) -> float:
        """The largest magnitude in it; 0 where nothing was determined."""
        return max(abs(self.low), abs(self.high)) if np.isfinite(self.low + self.high) else 0.0


def slope(phi: Callable[[float], float], rounding: float, side: int = 0) -> Slope:
    """The derivative of phi at 0: central, or one-sided on the given side.

    `rounding` is the error of a value of phi. The bar is infinite where phi is not a number.
    """
    one, two = (_tableau(phi, rounding, first, side) for first in (FIRST, FIRST * SECOND))
    best = min(one, two, key=lambda found: found.bar)
    apart = abs(one.value - two.value) if np.isfinite(best.bar) else 0.0
    if not np.isfinite(apart):  # one of the two failed
        return Slope(best.value, np.inf)
    return Slope(best.value, SAFETY * best.bar + 2 * apart)


def interval(phi: Callable[[float], float], rounding: float, value: float) -> Interval:
    """Bounds of the derivative of phi at 0; looks for a kink if `value` is outside of them."""
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
    """phi of one step, evaluated in blocks of many steps."""
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
            break  # smaller steps only have larger errors
        if side:
            found = side * (phi(side * step) - middle) / step
        else:
            found = (phi(step) - phi(-step)) / (2 * step)
        before, row = row, [found]
        for order, earlier in enumerate(before, 1):
            # A central difference has only even powers of the step; a one-sided one has all.
            power = 2.0**order if side else 4.0**order
            row.append((power * row[-1] - earlier) / (power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - earlier)) + noise
            if error < best.bar:
                best = Slope(row[-1], error)
    return best
