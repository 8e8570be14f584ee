"""What the checker says of a mistake, and whether that names it."""

import re
from typing import NamedTuple

from fnet.check import explain
from fnet.check.report import Finding
from tests.mutants.unseen.form import Mistake

NAMED, UNNAMED, MISLEADING, MISSED = "named", "not named", "misleading", "missed"
# What the checker says when it knows no mistake, and what is true of any wrong formula.
NOTHING = ("unknown: no known mistake", "the formula of the derivative is wrong: at")
LIMIT = 600.0  # seconds: on a busy machine a diagnosis is not cut short
FRAME = "a step of the chain is wrong, that "  # these words name nothing


class Said(NamedTuple):
    """The verdict, and every finding as "leaf: kind: sentence"."""

    verdict: str
    findings: list[str]


def said(mistake: Mistake) -> Said:
    """Named if one finding says it; misleading if none does, and one says something else."""
    report = explain(mistake.subject(mistake.wrong), *mistake.arguments, limit=LIMIT)
    texts = [_sentence(finding) for finding in report.findings]
    something = [text for text in texts if not any(words in text for words in NOTHING)]
    if not texts:
        verdict = MISSED
    elif any(re.search(mistake.words, text, re.IGNORECASE) for text in something):
        verdict = NAMED
    else:
        verdict = MISLEADING if something else UNNAMED
    return Said(verdict, texts)


def _sentence(finding: Finding) -> str:
    """Without the places of wrong entries, whose words say nothing of the mistake."""
    why = finding.why.split("; it is wrong where")[0].split(" (it is right")[0]
    return f"{finding.leaf}: {finding.kind}: {why.replace(FRAME, '')}"
