"""The probable mistake: explanations, each tested against the numbers."""

import dataclasses
from collections.abc import Iterable

from fnet.check.mistakes import (
    amounts,
    chain,
    constants,
    layouts,
    masks,
    others,
    places,
    ratios,
    steps,
    terms,
)
from fnet.check.mistakes.evidence import Evidence, Explanation
from fnet.check.report import Finding

EXPLANATIONS = (  # in this order: those that may fit by accident come later
    amounts.not_finite,
    amounts.nearly,
    places.one_entry,
    amounts.zeros,
    chain.swapped,
    amounts.factor,
    amounts.imprecise,
    chain.upstream,
    chain.unmoved,
    places.transposed,
    places.shifted,
    layouts.reread,
    places.examples,
    terms.terms,
    masks.another,
    chain.untouched,
    constants.constants,
    steps.step,
    others.other_value,
    chain.instead,
    layouts.inside,
    layouts.backwards,
    places.wrong_axis,
    places.one_slice,
    ratios.ratio,
    amounts.signs,
    ratios.constant_array,
    terms.scaled,
    terms.moved,
    amounts.partly,
    amounts.undefined,
    chain.not_linear,
    chain.own_effect,
    places.influence,
    chain.derivative,
)


def diagnose(evidence: Evidence) -> Explanation:
    """The first explanation that fits all samples."""
    for explain in EXPLANATIONS:
        try:
            for found in explain(evidence):
                return found
        except Exception:  # it does not apply here
            continue
    return Explanation("unknown", "no known mistake explains these numbers")


def once(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each sentence: a mistake that several gradients inherit is one mistake."""
    found: dict[tuple[str, str, str], list[Finding]] = {}
    for number, finding in enumerate(findings):
        known = finding.kind != "unknown"
        said = finding.why.replace(finding.leaf, "") if known else str(number)
        found.setdefault((finding.check, finding.kind, said), []).append(finding)
    return [_together(same) for same in found.values()]


def _together(same: list[Finding]) -> Finding:
    others = " and ".join(finding.leaf for finding in same[1:])
    return (
        dataclasses.replace(same[0], why=f"{same[0].why} (so with {others})") if others else same[0]
    )
