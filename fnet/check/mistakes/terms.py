"""Mistakes in individual terms of a sum."""

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations
from fnet.check.mistakes.variations import Places, Variation, varied

PAIRED = 10  # terms that are tried in pairs
MOST = 60  # edges


class Term(NamedTuple):
    """A part of the gradient, in every sample, and the operation that it flows through."""

    values: list[np.ndarray]
    words: str


def terms(evidence: Evidence) -> Explanations:
    """One or two missing terms; a term with the wrong sign or factor, or summed wrongly."""
    found: list[Term] = []
    for term in _terms(evidence):
        if any(evidence.same(term.values[0], other.values[0]) for other in found):
            continue
        found.append(term)
        size = float((term.values[0] ** 2).sum())
        c = float(((evidence[0][0] - evidence[0][1]) * term.values[0]).sum() / size)
        if _fits(evidence, [(c, term)]):
            yield _one(evidence, c, term.words)
    for one, two in itertools.combinations(found[:PAIRED], 2):
        if _fits(evidence, [(-1.0, one), (-1.0, two)]):
            words = f"two terms of {evidence.leaf} are missing, those through {one.words} "
            yield Explanation("term missing", f"{words}and through {two.words}")
    for term in found:
        if _is_over_the_other_axis(evidence, term):
            through = f"in the term of {evidence.leaf} through {term.words}"
            yield Explanation("wrong axis", f"a sum is over the wrong axis: {through}")


def _edges(evidence: Evidence) -> Iterator[Variation]:
    """Operands to hold constant: first those of one line and operation together, then each."""
    alone: list[Variation] = []
    for found in evidence.steps:
        for operands in found[0].values():
            words = found[0].words(operands[0] if len(operands) == 1 else None)
            each: list[Places] = [{step.place: (operands, None)} for step in found]
            together: Places = {}
            for one in each:
                together |= one
            yield Variation("term missing", words, together)
            alone += [Variation("term missing", words, one) for one in each if len(each) > 1]
    yield from alone


def _terms(evidence: Evidence) -> Iterator[Term]:
    """The nonzero terms, one for every use of a value.

    The terms through some edges cancel, such as the maximum that a softmax subtracts. With those
    constant from the start, the remaining terms are those that people write.
    """
    without = varied(evidence, "terms", _edges, MOST)
    gradient = functools.partial(without.gradient, evidence.place)
    first, constant, rest = evidence.samples[0], list[int](), list[int]()
    expected = first.expected[evidence.place]
    least = max(1e-9, 64 * evidence.probe.epsilon) * float(np.abs(expected).max(initial=0))
    for number in range(without.number):
        left = gradient(first, [*constant, number])
        nothing = np.abs(left - expected).max(initial=0) <= least
        (constant if nothing else rest).append(number)
    for number in rest:
        values = [
            sample.expected[evidence.place] - gradient(sample, [*constant, number])
            for sample in evidence.samples
        ]
        if np.abs(values[0]).max(initial=0) > least:
            yield Term(values, without.variations[number].words)


def _is_over_the_other_axis(evidence: Evidence, term: Term) -> bool:
    """Whether only this term is wrong, by a sum over the other axis: Σᵢ in place of Σⱼ, as a factor
    or a divisor, so that the term is off by one number per j over one per i."""
    for number, sample in enumerate(evidence.samples):
        value = term.values[number]
        found = sample.actual[evidence.place] - sample.expected[evidence.place] + value
        if value.ndim != 2 or min(value.shape) < 2:
            return False
        with np.errstate(all="ignore"):
            off = found / value
        row, column = np.unravel_index(np.minimum(np.abs(found), np.abs(value)).argmax(), off.shape)
        by_row, by_column = off[:, column, None], off[row] / off[row, column]
        varies = np.ptp(by_row) > 1e-6 and np.ptp(by_column) > 1e-6
        if not (varies and evidence.same(value * by_row * by_column, found)):
            return False
    return True


def _fits(evidence: Evidence, parts: list[tuple[float, Term]]) -> bool:
    """Whether the actual gradient is the expected one plus these multiples of terms."""
    return all(
        evidence.same(
            sample.expected[evidence.place] + sum(c * term.values[number] for c, term in parts),
            sample.actual[evidence.place],
        )
        for number, sample in enumerate(evidence.samples)
    )


def _one(evidence: Evidence, c: float, words: str) -> Explanation:
    through = f"the term of {evidence.leaf} through {words}"
    if abs(c + 1) < 1e-4:
        return Explanation("term missing", f"a term is missing: {through}")
    if abs(c + 2) < 1e-4:
        return Explanation("sign of a term", f"a term has the wrong sign: {through}")
    if abs(c - 1) < 1e-4:
        return Explanation("factor of a term", f"a term is counted twice: {through}")
    meaning = ""
    for number, name in evidence.constants.items():
        if number > 0 and np.isclose([1 + c, 1 / (1 + c)], number, rtol=1e-4).any():
            meaning = f" ({number:.6g} is {name})"
    words = f"a term is {1 + c:.6g} × its correct value{meaning}: {through}"
    return Explanation("factor of a term", words)
