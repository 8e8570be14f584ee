"""Mistakes of size: signs, factors, constants, precision."""

import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations


def not_finite(evidence: Evidence) -> Explanations:
    """NaN or infinity, which no other explanation may call by another name."""
    actual, expected = evidence[0]
    for found, wanted, must in ((actual, expected, ""), (expected, actual, "must be ")):
        other = ~np.isfinite(found) & ~((found == wanted) | np.isnan(wanted))
        if other.any():
            tests = (("NaN", np.isnan), ("infinite", np.isinf))
            kinds = " or ".join(name for name, test in tests if test(found[other]).any())
            words = f"{other.sum()} entries of {evidence.leaf} {must or 'are '}{kinds}"
            seek = "" if must else ": is it an overflow, a division by 0, a log or root of 0?"
            yield Explanation("not finite", f"{words} where it is otherwise{seek}")


def zeros(evidence: Evidence) -> Explanations:
    """Zero everywhere, or nonzero where it must be zero."""
    if all(not sample.actual[evidence.place].any() for sample in evidence.samples):
        yield Explanation("zeros", f"{evidence.leaf} is 0 everywhere: it was never computed")
    if all(not sample.expected[evidence.place].any() for sample in evidence.samples):
        words = f"{evidence.leaf} must be 0 everywhere: the output does not change with it"
        yield Explanation("not zero", words)


def partly(evidence: Evidence) -> Explanations:
    """Some entries are 0 and must not be, or the reverse, and all others are right."""
    actual, expected = evidence[0]
    for side, other, kind, must, question in (
        (actual, expected, "term missing", "are", "is a part of it never filled in"),
        (expected, actual, "not zero", "must be", "is a mask missing"),
    ):
        left = (side == 0) & evidence.wrong()
        if left.sum() > 1 and not left.all() and evidence.same(np.where(left, 0, other), side):
            words = f"{left.sum()} entries of {evidence.leaf} {must} 0, and all others are right"
            yield Explanation(kind, f"{words}: {question}?")


def factor(evidence: Evidence) -> Explanations:
    """The gradient times a constant."""
    actual, expected = evidence[0]
    worst = np.unravel_index(np.abs(expected).argmax(), expected.shape) if expected.size else None
    if worst is None or expected[worst] == 0:
        return
    c = float(actual[worst] / expected[worst])
    if abs(c - 1) < evidence.rtol:
        return  # indistinguishable from 1
    if not evidence.fits(lambda sample: c * sample.expected[evidence.place]):
        return
    leaf = evidence.leaf
    if abs(c + 1) < 1e-6:
        yield Explanation("sign", f"{leaf} has the wrong sign everywhere: minus what it must be")
        return
    minus = ", and its sign is flipped" if c < 0 else ""
    size = abs(c)
    large = f"{size:.6g} × too large" if size > 1 else f"{1 / size:.6g} × too small"
    kind, meaning = _meaning(evidence, size)
    yield Explanation(kind, f"{leaf} is {large} everywhere{minus}{meaning}")


def _meaning(evidence: Evidence, size: float) -> tuple[str, str]:
    """The kind of a wrong factor, and a question: a number may be equal to another by chance."""
    for number, words in evidence.constants.items():
        if number < 0 or not np.isclose([size, 1 / size], number, rtol=1e-5).any():
            continue
        over = np.isclose(size, number, rtol=1e-5)
        if number > 1 and float(number).is_integer():
            question = "is a mean over it missing" if over else "is it divided by once too often"
            kind = "mean or sum"
        else:
            question = "is it multiplied in once too often" if over else "is it missing"
            kind = "factor"
        also = ", or is it the 2 of d(x²) = 2x" if number == 2 else ""
        return kind, f"; {number:.6g} is {words}: {question}{also}?"
    two = {2.0: "extra", 0.5: "missing"}
    found = next((words for number, words in two.items() if np.isclose(size, number)), "")
    return "factor", f": is a factor of 2 {found}, as of d(x²) = 2x?" if found else ""


def signs(evidence: Evidence) -> Explanations:
    """Right but for the signs of some entries."""
    if evidence.fits(lambda s: np.copysign(s.expected[evidence.place], s.actual[evidence.place])):
        count = int(evidence.wrong().sum())
        yield Explanation("sign", f"{count} entries of {evidence.leaf} have the wrong sign")


def imprecise(evidence: Evidence) -> Explanations:
    """Right except for rounding, or an approximation."""
    actual, expected = evidence[0]
    size = float(np.abs(expected).max(initial=0)) or 1.0
    error = float(np.abs(actual - expected).max(initial=0)) / size
    if error < 2e-6:
        words = f"it is only accurate to {error:.0e} of its size"
        yield Explanation("imprecise", f"{words}: is it float32, or a truncated constant?")


def nearly(evidence: Evidence) -> Explanations:
    """Right but for an approximation: whatever else fits, to that accuracy, fits because of it."""
    actual, expected = (side[evidence.wrong()] for side in evidence[0])
    with np.errstate(all="ignore"):
        error = float((np.abs(actual - expected) / np.abs(expected)).max(initial=0))
    if error < 10 * evidence.rtol and evidence.is_expected(np.asarray):
        words = f"{evidence.leaf} is nearly right, to {error:.0e} of an entry"
        yield Explanation("imprecise", f"{words}: is it, or the function, an approximation?")


def undefined(evidence: Evidence) -> Explanations:
    """NaN, as autodiff has it, which counts as wrong where the function is finite."""
    actual, expected = evidence[0]
    count = int((np.isnan(actual) & np.isnan(expected)).sum())
    if count:
        words = f"{count} entries of {evidence.leaf} are NaN, as by autodiff, where the function"
        yield Explanation("not finite", f"{words} is finite: is it a division by 0, or 0 · inf?")
