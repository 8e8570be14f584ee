"""What `explain` says of a mutant."""

from typing import NamedTuple

from fnet.check import explain
from tests.mutants.planted import Mutant


class Said(NamedTuple):
    """Whether anything, the kind of the first finding, and all of it."""

    caught: bool
    kind: str
    words: str


def examined(mutant: Mutant) -> Said:
    subject, arguments = mutant.build()
    report = explain(subject, *arguments, limit=600)
    return Said(not report.right, report.findings[0].kind if report.findings else "", str(report))
