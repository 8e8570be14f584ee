"""A value of the forward pass that is multiplied in, or not: the gradient is off by it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations

DERIVED: tuple[tuple[str, Change], ...] = (
    ("{}", np.asarray),
    ("the sign of {}", np.sign),
    ("the derivative of a sigmoid at {}", lambda v: 0.25 / np.cosh(v / 2) ** 2),
    ("the derivative of a tanh at {}", lambda v: 1 / np.cosh(v) ** 2),
)
MOST = 60  # values


class Factor(NamedTuple):
    """The kind of a mistake, words for it, and the factor in each sample."""

    kind: str
    words: str
    of_samples: list[np.ndarray]


def ratio(evidence: Evidence) -> Explanations:
    """The gradient is off by a factor that the forward pass computes."""
    wanted = [sample.expected[evidence.place] for sample in evidence.samples]
    for factor in factors(evidence):
        if off_by(evidence, wanted, factor):
            yield Explanation(factor.kind, f"{evidence.leaf} is {factor.words}")


def constant_array(evidence: Evidence) -> Explanations:
    """Each entry is off by a factor of its own, the same at every point."""
    actual, expected = evidence[0]
    with np.errstate(all="ignore"):
        each = np.where(expected == 0, 1, actual / expected)
    if each.size > 2 and evidence.fits(lambda sample: each * sample.expected[evidence.place]):
        words = f"each entry of {evidence.leaf} is off by a constant factor of its own"
        yield Explanation("factor missing", f"{words}: are weights or a mask not multiplied in?")


def off_by(evidence: Evidence, parts: list[np.ndarray], factor: Factor) -> bool:
    """Whether the actual gradient has these parts of the expected one times the factor."""
    for number, (part, scale) in enumerate(zip(parts, factor.of_samples, strict=True)):
        actual, expected = evidence[number]
        with np.errstate(all="ignore"):
            if not evidence.same(expected + part * (scale - 1), actual):
                return False
    return True


def factors(evidence: Evidence) -> Iterator[Factor]:
    """Values that the gradient's shape allows, functions of them, and one over each."""
    for words, of_samples in _values(evidence):
        fitting = [_broadcast(value, evidence.shape) for value in of_samples]
        arrays = [value for value in fitting if value is not None]
        if len(arrays) < len(fitting):
            continue
        for template, change in DERIVED:
            name = template.format(words)
            with np.errstate(all="ignore"):
                changed = [change(array) for array in arrays]
                inverse = [1 / array for array in changed]
            extra = f"multiplied by {name} once too often, or not divided by it"
            missing = f"not multiplied by {name}, or divided by it once too often"
            yield Factor("factor extra", extra, changed)
            yield Factor("factor missing", missing, inverse)


def _values(evidence: Evidence) -> Iterator[tuple[str, list[np.ndarray]]]:
    at_hand = [evidence.arrays(sample) for sample in evidence.samples]
    for known in at_hand[0]:
        yield known, [arrays[known] for arrays in at_hand]
    computed = evidence.values
    for name, (words, _) in list(evidence.names.items())[:MOST]:
        if name[0] == "step" and all(name in found for found in computed):
            yield words, [found[name] for found in computed]


def _broadcast(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The value where it has this shape, one number, one per row, or axes of 1."""
    value = np.asarray(value)
    if value.ndim < len(shape) and value.shape == shape[: value.ndim]:
        return value.reshape(value.shape + (1,) * (len(shape) - value.ndim))
    if value.ndim > len(shape):
        return None
    fits = all(a in (1, b) for a, b in zip(value.shape[::-1], shape[::-1], strict=False))
    return value if fits else None
