"""The probable mistake: explanations, each tested against the numbers."""

from fnet.check.mistakes import amounts, chain, constants, others, places, steps, terms
from fnet.check.mistakes.evidence import Evidence, Explanation

EXPLANATIONS = (  # in this order: those that may fit by accident come later
    amounts.not_finite,
    places.one_entry,
    amounts.zeros,
    chain.swapped,
    amounts.factor,
    amounts.imprecise,
    chain.upstream,
    chain.unmoved,
    chain.mask,
    places.transposed,
    places.shifted,
    places.examples,
    chain.at_another_place,
    amounts.penalty,
    terms.terms,
    constants.constants,
    steps.step,
    others.other_value,
    chain.instead,
    places.wrong_axis,
    places.one_slice,
    amounts.ratio,
    amounts.slope,
    amounts.constant,
    chain.not_linear,
    chain.own_effect,
    places.influence,
    chain.derivative,
    amounts.partly,
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
