"""A product with the wrong value of the forward pass."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.formulas import done, exchanged
from fnet.check.mistakes.variations import Variation, varied
from fnet.check.truth.plain import Place, Step, bound, plainly

MOST = 150  # pairs of values
PRODUCTS = ("mul", "dot_general")

Name = tuple[str, Any]  # the number of an argument, or the place of an operation


def other_value(evidence: Evidence) -> Explanations:
    """A factor of a product differs between the passes: a layer's output in place of its input, the
    value before a step in place of the one after it."""
    wrongly = varied(evidence, "others", _variations, MOST)
    at_hand = [_values(evidence, sample) for sample in evidence.samples]

    def predict(number: int, sample: Sample) -> np.ndarray:
        values = at_hand[_place_of(evidence, sample)]
        return wrongly.gradient(evidence.place, sample, [number], values)

    for number, variation in enumerate(wrongly.variations):
        if evidence.fits(functools.partial(predict, number)):
            yield Explanation(variation.kind, f"{evidence.leaf}: {variation.words}")


def _place_of(evidence: Evidence, sample: Sample) -> int:
    return next(n for n, one in enumerate(evidence.samples) if one is sample)


def _variations(evidence: Evidence) -> Iterator[Variation]:
    names = _names(evidence)
    for same in evidence.steps:
        step = same[0]
        if step.eqn.primitive.name not in PRODUCTS or len(step.eqn.invars) != 2 or len(same) > 1:
            continue
        for operand in step.operands():
            other = 1 - operand
            shape = tuple(step.eqn.invars[other].aval.shape)
            for name, (words, of_shape) in names.items():
                if of_shape == shape and shape:
                    instead = functools.partial(_instead, step, other, name)
                    what = f"{words} is used instead of operand {other + 1} of {step.words()}"
                    yield Variation("another value", what, {step.place: ((operand,), instead)})


def _instead(step: Step, other: int, name: Name, at_hand: Any, *values: Any) -> Any:
    return done(step, *exchanged(values, other, at_hand[name]))


def _names(evidence: Evidence) -> dict[Name, tuple[str, tuple[int, ...]]]:
    """Every value of the forward pass: its description and its shape."""
    found: dict[Name, tuple[str, tuple[int, ...]]] = {}
    for number, name in enumerate(evidence.probe.form.names):
        found["argument", number] = name, evidence.samples[0].floats[number].shape
    for same in evidence.steps:
        out = same[0].eqn.outvars[0].aval
        real = jnp.issubdtype(getattr(out, "dtype", jnp.int32), jnp.floating)
        if len(same) == 1 and same[0].source and real:
            found["step", same[0].place] = same[0].source, tuple(out.shape)
    return found


def _values(evidence: Evidence, sample: Sample) -> dict[Name, Any]:
    """These values at a sample."""
    found: dict[Name, Any] = {("argument", n): array for n, array in enumerate(sample.floats)}
    places: set[Place] = {same[0].place for same in evidence.steps if len(same) == 1}

    def through(step: Step, values: list[Any]) -> list[Any]:
        made = bound(step, values)
        if step.place in places and not isinstance(made[0], jax.core.Tracer):
            found["step", step.place] = made[0]
        return made

    plainly(evidence.probe.plain, through)(*map(jnp.asarray, sample.floats))
    return found
