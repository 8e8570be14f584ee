"""Comparison of two arrays, entry by entry."""

from typing import Any, NamedTuple

import numpy as np

from fnet.check import thresholds


class Difference(NamedTuple):
    """The mask of wrong entries, the distance of each entry, and the largest relative error."""

    wrong: np.ndarray
    distance: np.ndarray
    error: float

    def worst(self) -> tuple[int, ...]:
        """The index of the entry with the largest distance."""
        place = np.where(self.wrong, np.nan_to_num(self.distance, nan=np.inf), -1).argmax()
        return tuple(int(i) for i in np.unravel_index(place, self.wrong.shape))

    def first(self, number: int) -> list[tuple[int, ...]]:
        """The indices of the entries with the largest distances."""
        distance = np.where(self.wrong, np.nan_to_num(self.distance, nan=np.inf), -1).ravel()
        order = np.argsort(-distance, kind="stable")[: min(number, int(self.wrong.sum()))]
        return [tuple(int(i) for i in np.unravel_index(place, self.wrong.shape)) for place in order]


def compare(
    actual: np.ndarray,
    expected: np.ndarray,
    epsilon: float = 0.0,
    slack: Any = 0.0,
    rtol: float = 0.0,
) -> Difference:
    """Where `actual` is not `expected`: beyond 1e-7 of the entry and 1e-12 of the largest.

    `epsilon` is that of a narrower dtype used in the computation; `slack` is an additional absolute
    tolerance, `rtol` a larger relative one. A finite number is never close to infinity; two NaN
    are equal.
    """
    size = np.abs(expected).max(initial=0, where=np.isfinite(expected))
    units = thresholds.NARROW_ATOL * epsilon, thresholds.NARROW_RTOL * epsilon
    of_largest, of_entry = (min(thresholds.NARROW_MOST, each) for each in units)
    atol = max(thresholds.ATOL, of_largest, thresholds.STATED_ATOL * rtol)
    rtol = max(thresholds.RTOL, of_entry, rtol)
    with np.errstate(all="ignore"):
        equal = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        distance = np.where(equal, 0, np.abs(actual - expected))
        # Finite entries only: any number is within a tolerance of infinity.
        away = rtol * np.abs(expected) + atol * size + slack + thresholds.TINY
        near = np.isfinite(expected) & (distance <= away)
        wrong = ~(equal | near)
        # Slack is ATOL of a reference size: rounding is not large just because entries are small.
        share = distance / np.maximum(size, slack / thresholds.ATOL)
        error = share.max(initial=0, where=np.isfinite(share))
    return Difference(wrong, distance, float(error))
