"""What a check returns: how much it compared, what is wrong, and what it could not decide."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from fnet.check.checks.points import Floats
from fnet.check.truth.compare import Difference

Note = tuple[str, str]  # where, and what about it
UNDECIDED = "differences cannot decide; is the function rough?"
FEW_DIGITS = "has few digits, and is right to these: is it computed in float32, or by differences?"


class Wrong(NamedTuple):
    """A wrong gradient: the point, the route, which gradient, and the difference."""

    check: str
    where: str
    route: str
    place: int
    floats: Floats
    dout: Any
    difference: Difference
    actual: np.ndarray
    expected: np.ndarray


class Outcome(NamedTuple):
    """The number of entries compared, the largest error, what is wrong, and notes."""

    entries: int = 0
    error: float = 0.0
    wrong: tuple[Wrong, ...] = ()
    notes: tuple[Note, ...] = ()

    def and_also(self, other: "Outcome") -> "Outcome":
        """Both outcomes as one."""
        return Outcome(
            self.entries + other.entries,
            max(self.error, other.error),
            self.wrong + other.wrong,
            self.notes + other.notes,
        )


def until_wrong(outcomes: Iterable[Outcome]) -> Outcome:
    """All of these as one, up to the first in which something is wrong."""
    together = Outcome()
    for outcome in outcomes:
        together = together.and_also(outcome)
        if outcome.wrong:
            break
    return together


def in_words(notes: Iterable[Note]) -> list[str]:
    """One line for each thing that is noted, with all the places that it is noted of."""
    places: dict[str, dict[str, None]] = {}
    for where, what in notes:
        places.setdefault(what, {})[where] = None
    return [f"{', '.join(wheres)}: {what}" for what, wheres in places.items()]
