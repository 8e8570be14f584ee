"""The slopes of a function of one number, by extrapolated differences, from either side.

They know nothing of how `fnet.check` differentiates. Central and one-sided differences at halved
steps are extrapolated (Richardson, 1911); the error is the change that the last extrapolation made,
plus the noise of the function, which third differences at a far smaller step show, over the step.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

STEPS = 14  # from 0.05 down to 6e-6
COLUMNS = 6  # extrapolations beyond that magnify noise
NOISE_STEP = 2e-5  # of the widest step
TRUSTED = 1e-3  # relative error from which on a one-sided slope says nothing


class Slope(NamedTuple):
    """The least and greatest of the slopes from both sides; equal but at a kink. `error` is inf
    where the function has no slope or none could be found."""

    low: float
    high: float
    error: float


UNKNOWN = Slope(math.nan, math.nan, math.inf)


def slope(function: Callable[[float], float], x: float) -> Slope:
    """The slope at x. A small x may be near a pole at 0 or not: the finer steps are tried first."""
    widths = [0.05 * max(abs(x), 1.0)]
    if abs(x) < 1:
        widths = [*([0.2 * abs(x)] if x else []), 0.05]
    found = [_slope(function, x, width) for width in widths]
    return next((one for one in found if math.isfinite(one.error)), UNKNOWN)


def _slope(function: Callable[[float], float], x: float, width: float) -> Slope:
    here = function(x)
    if not math.isfinite(here):
        return UNKNOWN
    steps = [width / 2**number for number in range(STEPS)]
    noise = _noise(function, x, NOISE_STEP * width) + 1e-16 * abs(here)
    right = [(_at(function, x + step) - here) / ((x + step) - x) for step in steps]
    left = [(here - _at(function, x - step)) / (x - (x - step)) for step in steps]
    central = [(a + b) / 2 for a, b in zip(left, right, strict=True)]
    sides = [_extrapolated(side, steps, noise, 2) for side in (left, right)]
    trusted = [side for side in sides if _trusted(*side, floor=100 * noise / width)]
    return _judged(_extrapolated(central, steps, noise, 4), trusted)


def _at(function: Callable[[float], float], x: float) -> float:
    value = function(x)
    return value if math.isfinite(value) else math.nan


def _judged(central: tuple[float, float], sides: list[tuple[float, float]]) -> Slope:
    """Smooth, a kink, the end of a domain, or nothing that can be told."""
    if not sides:
        return UNKNOWN
    low, high = min(sides), max(sides)
    error = low[1] + high[1]
    if len(sides) == 2 and high[0] - low[0] > 10 * error + 1e-5 * max(abs(low[0]), abs(high[0])):
        return Slope(low[0], high[0], error)
    if math.isnan(central[0]) or (len(sides) == 2 and error < central[1]):
        return Slope(low[0], high[0], error)  # it ends here, or its second derivative jumps
    return Slope(central[0], central[0], central[1]) if len(sides) == 2 else UNKNOWN


def _trusted(value: float, error: float, floor: float) -> bool:
    return error <= max(TRUSTED * abs(value), TRUSTED**2, floor)


def _extrapolated(
    values: list[float], steps: list[float], noise: float, factor: int
) -> tuple[float, float]:
    """The best entry of the tableau, with its error, of the steps small enough to be finite."""
    bad = [number for number, value in enumerate(values) if not math.isfinite(value)]
    begin = bad[-1] + 1 if bad else 0
    best, last = (math.nan, math.inf), [math.nan]
    for number in range(begin, len(values)):
        row = [values[number]]
        floor = 2 * noise / steps[number]
        for column in range(1, min(number - begin, COLUMNS) + 1):
            change = (row[-1] - last[column - 1]) / (factor**column - 1)
            row.append(row[-1] + change)
            error = max(abs(change), abs(row[-1] - last[column - 1])) + floor
            best = min(best, (row[-1], error), key=lambda pair: pair[1])
        last = row
    return best


def _noise(function: Callable[[float], float], x: float, step: float) -> float:
    """The scatter of the values around a parabola: third differences of noise are √20 of it.

    The two sides have different steps: values that are rounded may rise by equal amounts at one.
    """
    found = [0.0]
    for each in (step, -0.618 * step):
        values = np.array([function(x + each * number) for number in range(1, 8)])
        if np.isfinite(values).all():
            found.append(float(np.abs(np.diff(values, 3)).max()) / math.sqrt(20))
    return max(found)
