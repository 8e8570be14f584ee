"""Mistakes in individual terms of a sum."""

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnet.check.mistakes import places, ratios
from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations
from fnet.check.mistakes.variations import Variation, varied

PAIRED = 10  # terms that are tried in pairs, or with every value
MOST = 60  # edges
TIMES = {-1.0: "is missing", -0.5: "is halved", 1.0: "counts twice"}


class Term(NamedTuple):
    """A part of the gradient, in every sample, and the operation that it flows through."""

    values: list[np.ndarray]
    words: str


def terms(evidence: Evidence) -> Explanations:
    """A term, or two, missing or with the wrong sign or factor; or a term summed wrongly."""
    found = _different(evidence)
    for term in found:
        size = float((term.values[0] ** 2).sum())
        c = float(((evidence[0][0] - evidence[0][1]) * term.values[0]).sum() / size)
        if _fits(evidence, [(c, term)]):
            yield _one(evidence, c, term.words)
    for one, two in itertools.combinations(found[:PAIRED], 2):
        yield from _pair(evidence, one, two)
    for term in found:
        if _is_over_the_other_axis(evidence, term):
            through = f"in the term of {evidence.leaf} through {term.words}"
            yield Explanation("wrong axis", f"a sum is over the wrong axis: {through}")


def scaled(evidence: Evidence) -> Explanations:
    """A term that is off by a value of the forward pass."""
    found = _different(evidence)[:PAIRED]
    for factor in ratios.factors(evidence):  # large: one at a time
        for term in found:
            if ratios.off_by(evidence, term.values, factor):
                words = f"the term of {evidence.leaf} through {term.words} is {factor.words}"
                yield Explanation("factor of a term", words)


def moved(evidence: Evidence) -> Explanations:
    """A term whose entries stand in the wrong places."""
    for term, (words, move) in itertools.product(_different(evidence), _moves(evidence.shape)):
        parts = [
            sample.expected[evidence.place] - value + move(value)
            for sample, value in zip(evidence.samples, term.values, strict=True)
        ]
        if all(evidence.same(part, evidence[n][0]) for n, part in enumerate(parts)):
            kind = "transposed" if words == "transposed" else "shifted"
            text = f"a term is {words}, or must be: the term of {evidence.leaf} through"
            yield Explanation(kind, f"{text} {term.words}")


def _moves(shape: tuple[int, ...]) -> Iterator[tuple[str, Change]]:
    if len(shape) > 1 and shape[-1] == shape[-2]:
        yield "transposed", lambda array: array.swapaxes(-1, -2)
    for axis in range(len(shape)):
        yield f"reversed along axis {axis}", functools.partial(np.flip, axis=axis)
        for step in (1, -1, 2, -2):
            words = f"shifted by {step} along axis {axis}"
            yield words, functools.partial(np.roll, shift=step, axis=axis)
            yield words, functools.partial(places.shift, step=step, axis=axis)


@functools.lru_cache(maxsize=1)  # for both explanations of one gradient
def _different(evidence: Evidence) -> list[Term]:
    found: list[Term] = []
    for term in _terms(evidence):
        if not any(evidence.same(term.values[0], other.values[0]) for other in found):
            found.append(term)
    return found


def _edges(evidence: Evidence) -> Iterator[Variation]:
    """Operands to hold constant: first those of one line and operation together, then by rounds."""
    of_loops: list[Variation] = []
    for found in evidence.steps:
        grouped = found[0].values()
        apart = [(operand,) for operands in grouped if len(operands) > 1 for operand in operands]
        places = [step.place for step in found]
        for operands in [*grouped, *apart]:
            words = found[0].words(operands[0] if len(operands) == 1 else None)
            yield Variation("term missing", words, dict.fromkeys(places, (operands, None)))
            for part, rounds in (("last", places[:-1]), ("first", places[1:])):
                if rounds:  # of a loop: what is set in each round in place of added
                    held = dict.fromkeys(rounds, (operands, None))
                    rest = f"{words}, in all rounds but the {part}"
                    of_loops.append(Variation("term missing", rest, held))
    yield from of_loops


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


def _pair(evidence: Evidence, one: Term, two: Term) -> Explanations:
    """Two terms with wrong factors, each a simple one: missing, halved, doubled, negative."""
    off = (evidence[0][0] - evidence[0][1]).ravel()
    columns = np.stack([one.values[0].ravel(), two.values[0].ravel()], axis=1)
    if len(off) < 3 or not np.isfinite(off).all():  # two numbers are always such a sum
        return
    factors = np.linalg.lstsq(columns, off)[0]
    simple = [min(TIMES, key=lambda c: abs(c - factor)) for factor in factors]
    parts = list(zip(simple, (one, two), strict=True))
    if np.allclose(simple, factors, atol=1e-4) and _fits(evidence, parts):
        words = " and ".join(f"that through {term.words} {TIMES[c]}" for c, term in parts)
        kind = "term missing" if -1.0 in simple else "factor of a term"
        yield Explanation(kind, f"two terms of {evidence.leaf} are wrong: {words}")


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
    words = f"a term is {1 + c:.6g} × its correct value: {through}"
    return Explanation("factor of a term", words)
