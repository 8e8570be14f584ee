"""The outcome of a check, as data and as text."""

import dataclasses
from typing import NamedTuple

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """One mistake.

    `check` is the check that failed: "parity", "differences", "structure" or "precision"; `leaf` is
    the gradient (dparams.w) and `index` its worst entry, with the values there; `wrong` of `total`
    entries differ; `where` names the point and the route. `kind` names the mistake that explains
    it ("sign", "not summed", "term missing", …; or "unknown"), and `why` describes it in a
    sentence. `errors` is actual minus expected where it is wrong, else 0; None where there is no
    such array. `point` holds the arrays at which it is wrong, None where these are the given ones;
    `right_where_asked` says that at the given ones the gradient was compared and is right.

    >>> print(Finding("parity", "sign", "its sign is wrong", leaf="dx"))
    dx: its sign is wrong
    """

    check: str
    kind: str
    why: str
    leaf: str = ""
    where: str = ""
    index: tuple[int, ...] = ()
    actual: float = float("nan")
    expected: float = float("nan")
    wrong: int = 0
    total: int = 0
    errors: np.ndarray | None = None
    point: dict[str, np.ndarray] | None = None
    right_where_asked: bool = False

    def __str__(self) -> str:
        if self.errors is None:
            return f"{self.leaf}: {self.why}" if self.leaf else self.why
        index = list(self.index) if self.index else ""
        lines = [
            f"{self.leaf}{index} is {self.actual:.9g} and must be {self.expected:.9g}; "
            f"{_count(self.wrong, self.total)} ({self.where})",
            self.why,
        ]
        if self.right_where_asked:
            lines[0] = f"right where you asked; wrong at {self.where}: {lines[0]}"
        lines += [f"at {name} = {_array(value)}" for name, value in (self.point or {}).items()]
        return "\n  ".join(lines)


def _array(value: np.ndarray) -> str:
    """The array as it can be typed in, shortened if it is long."""
    text = np.array2string(value, separator=", ", threshold=24, prefix="  at ")
    return text.replace("\n", "\n  ")


def _count(wrong: int, total: int) -> str:
    if total == 1:
        return "its only entry"
    return f"{wrong} of {total} entries are wrong, this one most"


class Report(NamedTuple):
    """Entries compared, the largest error relative to its array, and the findings.

    `notes` say where nothing could be decided, or which convention was accepted.

    >>> print(Report("backward", entries=12, error=3e-16))
    backward: right, 12 entries within 3.0e-16
    """

    subject: str
    entries: int
    error: float
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __str__(self) -> str:
        lines = [f"{self.subject}: {finding}" for finding in self.findings] or [
            f"{self.subject}: right, {self.entries} entries within {self.error:.1e}"
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def merge(reports: list[Report]) -> Report:
    """One report of several, named after the first with a finding."""
    return Report(
        next((report for report in reports if report.findings), reports[0]).subject,
        sum(report.entries for report in reports),
        max(report.error for report in reports),
        tuple(finding for report in reports for finding in report.findings),
        tuple(dict.fromkeys(note for report in reports for note in report.notes)),
    )
