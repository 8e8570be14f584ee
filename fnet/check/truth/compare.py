"""Comparison of two arrays, entry by entry."""

from typing import Any, NamedTuple

import numpy as np

RTOL = 1e-7  # of the entry itself
ATOL = 1e-12  # of the largest entry of its array: rounding, where terms cancel
TINY = 2.0**-1022  # XLA flushes smaller numbers to zero, NumPy does not


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
    atol = max(ATOL, min(0.1, 64 * epsilon), 1e-3 * rtol)
    rtol = max(RTOL, min(0.1, 2e3 * epsilon), rtol)
    with np.errstate(all="ignore"):
        equal = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        distance = np.where(equal, 0, np.abs(actual - expected))
        # Finite entries only: any number is within a tolerance of infinity.
        away = rtol * np.abs(expected) + atol * size + slack + TINY
        near = np.isfinite(expected) & (distance <= away)
        wrong = ~(equal | near)
        # Slack is ATOL of a reference size: rounding is not large just because entries are small.
        share = distance / np.maximum(size, slack / ATOL)
        error = share.max(initial=0, where=np.isfinite(share))
    return Difference(wrong, distance, float(error))
