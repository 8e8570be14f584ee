"""Mistakes of size: signs, factors, constants, precision."""

import functools
import itertools

import numpy as np

from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations, Sample


def not_finite(evidence: Evidence) -> Explanations:
    """Overflow and similar."""
    actual, expected = evidence[0]
    broken = ~np.isfinite(actual) & np.isfinite(expected)
    if broken.any():
        kinds = " and ".join(
            name for name, test in (("NaN", np.isnan), ("infinity", np.isinf)) if test(actual).any()
        )
        yield Explanation(
            "not finite",
            f"{kinds} in {broken.sum()} entries where the gradient is finite: look for an overflow "
            "of exp, a division by 0, a logarithm or root of 0",
        )


def zeros(evidence: Evidence) -> Explanations:
    """Zero everywhere, or nonzero where it must be zero."""
    if all(not sample.actual[evidence.place].any() for sample in evidence.samples):
        yield Explanation("zeros", f"{evidence.leaf} is 0 everywhere: it was never computed")
    if all(not sample.expected[evidence.place].any() for sample in evidence.samples):
        words = f"{evidence.leaf} must be 0 everywhere: the output does not change with it"
        yield Explanation("not zero", words)


def partly(evidence: Evidence) -> Explanations:
    """Some entries are right, and all others are 0."""
    actual, expected = evidence[0]
    left = (actual == 0) & evidence.wrong()
    if left.sum() > 1 and not left.all() and evidence.same(np.where(left, 0, expected), actual):
        words = f"{left.sum()} entries of {evidence.leaf} are 0, and all others are right"
        yield Explanation("term missing", f"{words}: a part of it is never filled in")


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
        yield Explanation(
            "sign", f"{leaf} has the wrong sign everywhere: it is minus what it must be"
        )
        return
    minus = ", and its sign is flipped" if c < 0 else ""
    size = abs(c)
    large = f"{size:.6g} × too large" if size > 1 else f"{1 / size:.6g} × too small"
    names = evidence.constants
    known = {number: words for number, words in names.items() if number > 0}
    for number, words in known.items():
        if np.isclose(size, number, rtol=1e-5) and number > 1:
            why = "the mean over it is missing: divide by it, once"
        elif np.isclose(size, 1 / number, rtol=1e-5) and number > 1:
            why = "a mean was taken where a sum belongs, or it was divided by twice"
        elif np.isclose(size, number, rtol=1e-5):
            why = f"it is multiplied by {words} once too often"
        elif np.isclose(size, 1 / number, rtol=1e-5):
            why = f"the factor {words} is missing"
        else:
            continue
        batch = words == "the batch size"
        kind = "factor" if number < 1 or not float(number).is_integer() else "mean or sum"
        why = why.replace("over it", "over the batch") if batch else why
        also = " (or a factor of 2, as of d(x²) = 2x, forgotten or extra)" if number == 2 else ""
        meaning = f"{number:.6g} is {words}: {why}{also}"
        yield Explanation(kind, f"{leaf} is {large} everywhere{minus}; {meaning}")
        return
    two = {2.0: "a factor of 2 is extra", 0.5: "a factor of 2 is missing, as of d(x²) = 2x"}
    meaning = next((words for number, words in two.items() if np.isclose(size, number)), "")
    yield Explanation(
        "factor", f"{leaf} is {large} everywhere{minus}" + (f"; {meaning}" if meaning else "")
    )


def ratio(evidence: Evidence) -> Explanations:
    """Each entry multiplied or divided by an available array."""
    leaf = evidence.leaf
    for name in evidence.arrays(evidence.samples[0]):
        for kind, words, power in (
            ("factor extra", "multiplied by {} once too often", 1),
            ("factor missing", "not multiplied by {}", -1),
        ):
            if evidence.fits(functools.partial(_times, evidence, name, power)):
                yield Explanation(kind, f"{leaf} is {words.format(name)}")
    if evidence.fits(functools.partial(_again, evidence)):
        yield Explanation("factor extra", f"the derivative is multiplied into {leaf} twice")
    if len(evidence.shape) > 1 and evidence.fits(functools.partial(_by_row, evidence)):
        words = f"each row of {leaf} is off by its own factor: one number per row is missing"
        yield Explanation("factor missing", f"{words}, or applied twice")


def slope(evidence: Evidence) -> Explanations:
    """Each entry times the derivative of an activation that is absent or already applied."""
    for name, (words, of) in itertools.product(evidence.probe.form.names, SLOPES.items()):
        if evidence.fits(functools.partial(_times_slope, evidence, name, of)):
            what = f"multiplied by {words.format(name)} once too often"
            yield Explanation("factor extra", f"{evidence.leaf} is {what}")


SLOPES: dict[str, Change] = {
    "σ({0})(1 − σ({0})), the derivative of a sigmoid,": lambda x: 0.25 / np.cosh(x / 2) ** 2,
    "1 − tanh²({0}), the derivative of a tanh,": lambda x: 1 / np.cosh(x) ** 2,
}


def constant(evidence: Evidence) -> Explanations:
    """A constant added everywhere."""
    actual, expected = evidence[0]
    if actual.size < 2:
        return
    added = float((actual - expected).mean())
    if abs(added) > 1e-9 and evidence.fits(lambda s: s.expected[evidence.place] + added):
        yield Explanation("constant", f"{added:.6g} is added to every entry of {evidence.leaf}")


def penalty(evidence: Evidence) -> Explanations:
    """The gradient of a penalty on the array, c Σ x², missing or with a wrong factor."""
    own, place = evidence.probe.form.names[evidence.place], evidence.place
    actual, expected = evidence[0]
    x = evidence.samples[0].floats[place]
    dout = evidence.dout(evidence.samples[0])
    if x.size < 2 or not x.any() or dout is None or dout.ndim:
        return
    c = float(((actual - expected) * x).sum() / (x * x).sum() / dout)

    def with_penalty(sample: Sample) -> np.ndarray:
        scale = c * np.asarray(evidence.dout(sample))
        return np.asarray(sample.expected[place] + scale * sample.floats[place])

    if evidence.fits(with_penalty):
        words = f"it is off by {c:.6g} × {own} everywhere: the gradient of the penalty on {own}"
        yield Explanation("term missing", f"{words} is missing, or has a wrong factor")


def imprecise(evidence: Evidence) -> Explanations:
    """Right except for rounding, or an approximation."""
    actual, expected = evidence[0]
    size = float(np.abs(expected).max(initial=0)) or 1.0
    error = float(np.abs(actual - expected).max(initial=0)) / size
    if error < 2e-6:
        words = f"it is only accurate to {error:.0e} of its size"
        yield Explanation("imprecise", f"{words}: arithmetic in float32, or a truncated constant")


def _times(evidence: Evidence, name: str, power: int, sample: Sample) -> np.ndarray:
    array, e = evidence.arrays(sample)[name], sample.expected[evidence.place]
    if array.ndim < e.ndim and array.shape == e.shape[: array.ndim]:  # one number per row
        array = array.reshape(array.shape + (1,) * (e.ndim - array.ndim))
    with np.errstate(all="ignore"):
        return np.asarray(e * array ** float(power))


def _times_slope(evidence: Evidence, name: str, of: Change, sample: Sample) -> np.ndarray:
    return np.asarray(sample.expected[evidence.place] * of(evidence.arrays(sample)[name]))


def _again(evidence: Evidence, sample: Sample) -> np.ndarray | None:
    dout, e = evidence.dout(sample), sample.expected[evidence.place]
    return None if dout is None or dout.shape != e.shape else np.asarray(e * (e / dout))


def _by_row(evidence: Evidence, sample: Sample) -> np.ndarray | None:
    actual, e = sample.actual[evidence.place], sample.expected[evidence.place]
    if e.shape[-1] < 3:  # two numbers are in some proportion always
        return None
    with np.errstate(all="ignore"):
        factors = (actual * e).sum(-1, keepdims=True) / (e * e).sum(-1, keepdims=True)
    return np.asarray(e * factors)
