"""A product with the wrong value of the forward pass."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Name, Sample
from fnet.check.mistakes.formulas import done, exchanged
from fnet.check.mistakes.masks import is_mask
from fnet.check.mistakes.variations import Variation, varied
from fnet.check.truth.plain import Step

MOST = 150  # pairs of values
PRODUCTS = ("mul", "dot_general")


def other_value(evidence: Evidence) -> Explanations:
    """A factor of a product differs between the passes: a layer's output in place of its input, the
    value before a step in place of the one after it."""
    wrongly = varied(evidence, "others", _variations, MOST)

    def predict(number: int, sample: Sample) -> np.ndarray:
        place = next(n for n, one in enumerate(evidence.samples) if one is sample)
        return wrongly.gradient(evidence.place, sample, [number], evidence.values[place])

    for number, variation in enumerate(wrongly.variations):
        if evidence.fits(functools.partial(predict, number)):
            yield Explanation(variation.kind, f"{evidence.leaf}: {variation.words}")


def _variations(evidence: Evidence) -> Iterator[Variation]:
    for same in evidence.steps:
        step = same[0]
        if step.eqn.primitive.name not in PRODUCTS or len(step.eqn.invars) != 2:
            continue
        for operand in step.operands():
            other = 1 - operand
            shape = tuple(step.eqn.invars[other].aval.shape)
            for words, there in _candidates(evidence, len(same), shape):
                what = f"{words} is used instead of operand {other + 1} of {step.words()}"
                what += _left(evidence, step.eqn.invars[other], there)
                places = {
                    one.place: ((operand,), functools.partial(_instead, one, other, name))
                    for one, name in zip(same, there, strict=True)
                }
                yield Variation("another value", what, places)


def _candidates(
    evidence: Evidence, rounds: int, shape: tuple[int, ...]
) -> Iterator[tuple[str, list[Name]]]:
    """Values of this shape: one, or in a loop the one of the same round."""
    at_hand = evidence.values[0]
    if rounds == 1:
        for name, (words, of_shape) in evidence.names.items():
            if of_shape == shape and shape and name in at_hand:
                yield words, [name]
        return
    for same in evidence.steps:
        found: list[Name] = [("step", one.place) for one in same]
        fits = tuple(same[0].eqn.outvars[0].aval.shape) == shape and len(same) == rounds
        if fits and shape and all(name in at_hand for name in found):
            yield f"in each round {same[0].words()}", found


def _left(evidence: Evidence, whole: Any, there: list[Name]) -> str:
    """What is left out where a part is used instead of the whole."""
    every = [step for same in evidence.steps for step in same]
    made = next((step for step in every if step.eqn.outvars[0] is whole), None)
    at_hand = evidence.values[0]
    if made is None or ("step", made.place) not in at_hand:
        return ""
    with np.errstate(all="ignore"):
        if is_mask(np.round(at_hand["step", made.place] / at_hand[there[0]], 9)):
            return ": a mask is left out"
    part = next((step.eqn.outvars[0] for step in every if ("step", step.place) == there[0]), None)
    kinds = {"add": "a term", "sub": "a term", "mul": "a factor", "div": "a divisor"}
    name = made.eqn.primitive.name
    uses = name in kinds and any(atom is part for atom in made.eqn.invars)
    return f": {kinds[name]} is left out" if uses else ""


def _instead(step: Step, other: int, name: Name, at_hand: Any, *operands: Any) -> Any:
    return done(step, *exchanged(operands, other, at_hand[name]))
