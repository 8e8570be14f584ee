"""Mistakes in one step: autodiff of the function, with one operation differentiated wrongly."""

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from fnet.check.mistakes import masks, windows
from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.operations import mistakes
from fnet.check.mistakes.variations import Variation, varied

MOST = 150  # mistakes
ALSO = {1.0: "", 0.5: "; and halved", 2.0: "; and doubled", -1.0: "; and negative"}


def step(evidence: Evidence) -> Explanations:
    """The gradient with one operation, or one line of a loop, differentiated wrongly; perhaps with
    a factor besides, as where d(√u) = du stands for du / (2√u)."""
    wrongly = varied(evidence, "steps", _variations, MOST)
    known: dict[tuple[int, int], np.ndarray] = {}

    def predict(number: int, factor: float, sample: Sample) -> np.ndarray:
        key = number, id(sample)
        if key not in known:
            known[key] = wrongly.gradient(evidence.place, sample, [number])
        return factor * known[key]

    for (factor, also), (number, variation) in itertools.product(
        ALSO.items(), enumerate(wrongly.variations)
    ):
        if evidence.fits(functools.partial(predict, number, factor)):
            yield Explanation(variation.kind, f"{evidence.leaf}: {variation.words}{also}")
    for number, variation in enumerate(wrongly.variations):
        found, actual = predict(number, 1.0, evidence.samples[0]), evidence[0][0]
        size = float((found**2).sum())
        c = float((found * actual).sum() / size) if size else 0.0
        if c and evidence.fits(functools.partial(predict, number, c)):
            words = f"{evidence.leaf}: {variation.words}; and × {c:.6g}"
            yield Explanation(variation.kind, words)


def _variations(evidence: Evidence) -> Iterator[Variation]:
    masked = masks.masked(evidence)
    for found in evidence.steps:
        each = zip(*(mistakes(step, masked.get(step.place, ())) for step in found), strict=False)
        for same in itertools.chain(windows.strided(found), windows.overwritten(found), each):
            places = {
                step.place: (one.operands, one.instead)
                for step, one in zip(found, same, strict=True)
            }
            where = found[0].words()
            words = f"a step of the chain is wrong, that through {where}: {same[0].words}"
            yield Variation(same[0].kind, words, places)
