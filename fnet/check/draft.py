"""A report in the making: what was examined so far, should the time be over."""

from collections.abc import Iterable

from fnet.check.checks.outcome import Note, Outcome, in_words
from fnet.check.report import Finding, Report


class Draft:
    """The report of one case, to which every check adds."""

    def __init__(self, subject: str, note: str = "") -> None:
        self.subject, self.entries, self.error = subject, 0, 0.0
        self.findings: list[Finding] = []
        self.notes: list[Note] = []
        self.sentences = [note] if note else []
        self.left: list[str] = []  # what is still to be examined

    def found(self, findings: Iterable[Finding]) -> list[Finding]:
        """Add findings, and return them."""
        made = list(findings)
        self.findings += made
        return made

    def add(self, outcome: Outcome) -> None:
        """Add what a check compared."""
        self.entries += outcome.entries
        self.error = max(self.error, outcome.error)
        self.notes += outcome.notes

    def report(self) -> Report:
        """The report of what was examined."""
        notes = (*self.sentences, *in_words(self.notes))
        return Report(self.subject, self.entries, self.error, tuple(self.findings), notes)
