"""Two arrays, entry by entry."""

from typing import Any, NamedTuple

import numpy as np

RTOL = 1e-7  # of the entry itself
ATOL = 1e-12  # of the largest entry of its array: what rounding leaves where terms cancel
TINY = 2.0**-1022  # numbers below it are zeros to XLA, and not to NumPy


class Difference(NamedTuple):
    """What differs: a mask of the entries, how far each is off, and the largest error by size."""

    wrong: np.ndarray
    distance: np.ndarray
    error: float

    def worst(self) -> tuple[int, ...]:
        """The index of the entry that is furthest off."""
        place = np.where(self.wrong, np.nan_to_num(self.distance, nan=np.inf), -1).argmax()
        return tuple(int(i) for i in np.unravel_index(place, self.wrong.shape))

    def first(self, number: int) -> list[tuple[int, ...]]:
        """The indices of the entries that are furthest off."""
        distance = np.where(self.wrong, np.nan_to_num(self.distance, nan=np.inf), -1).ravel()
        order = np.argsort(-distance, kind="stable")[: min(number, int(self.wrong.sum()))]
        return [tuple(int(i) for i in np.unravel_index(place, self.wrong.shape)) for place in order]


def compare(
    actual: np.ndarray, expected: np.ndarray, epsilon: float = 0.0, slack: Any = 0.0
) -> Difference:
    """Where `actual` is not `expected`: beyond 1e-7 of the entry and 1e-12 of the largest.

    `epsilon` is that of a narrower dtype that was computed with; `slack` is further off, in the
    units of the entries. A number is never near infinity; two that are no numbers are the same.
    """
    size = np.abs(expected).max(initial=0, where=np.isfinite(expected))
    rtol, atol = max(RTOL, min(0.1, 2e3 * epsilon)), max(ATOL, min(0.1, 64 * epsilon))
    with np.errstate(all="ignore"):
        equal = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        distance = np.where(equal, 0, np.abs(actual - expected))
        # Only of finite entries: any number at all is within a tolerance of infinity.
        away = rtol * np.abs(expected) + atol * size + slack + TINY
        near = np.isfinite(expected) & (distance <= away)
        wrong = ~(equal | near)
        # Slack is what ATOL is of some size: rounding is not large because all entries are small.
        share = distance / np.maximum(size, slack / ATOL)
        error = share.max(initial=0, where=np.isfinite(share))
    return Difference(wrong, distance, float(error))
