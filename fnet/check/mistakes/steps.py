"""Mistakes in one step: autodiff of the function, with one operation differentiated wrongly."""

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from fnet.check.evidence import Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.operations import mistakes
from fnet.check.mistakes.variations import Variation, Varied

ASKED = 150  # mistakes, at most


def step(evidence: Evidence) -> Explanations:
    """What would be found if one operation, or one line of a loop, were differentiated wrongly."""
    variations = list(itertools.islice(_variations(evidence), ASKED))
    varied = Varied(evidence, variations)

    def predict(number: int, sample: Sample) -> np.ndarray:
        return varied.gradient(sample, [number])

    for number, variation in enumerate(variations):
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
