"""Mistakes in one step: autodiff of the function, with one operation differentiated wrongly."""

import functools
from collections.abc import Iterator

import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.operations import mistakes
from fnet.check.mistakes.variations import Variation, varied

MOST = 150  # mistakes


def step(evidence: Evidence) -> Explanations:
    """The gradient with one operation, or one line of a loop, differentiated wrongly."""
    wrongly = varied(evidence, "steps", _variations, MOST)

    def predict(number: int, sample: Sample) -> np.ndarray:
        return wrongly.gradient(evidence.place, sample, [number])

    for number, variation in enumerate(wrongly.variations):
        if evidence.fits(functools.partial(predict, number)):
            yield Explanation(variation.kind, f"{evidence.leaf}: {variation.words}")


def _variations(evidence: Evidence) -> Iterator[Variation]:
    for found in evidence.steps:
        for same in zip(*map(mistakes, found), strict=False):
            places = {
                step.place: (one.operands, one.instead)
                for step, one in zip(found, same, strict=True)
            }
            where = found[0].words()
            words = f"a step of the chain is wrong, that through {where}: {same[0].words}"
            yield Variation(same[0].kind, words, places)
