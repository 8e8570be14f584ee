"""Masks that are multiplied in: arrays of 0 and one other number, of which dropout draws one."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.formulas import Mistake, done, exchanged
from fnet.check.truth.eager import at_once
from fnet.check.truth.plain import Place, Step, plainly

INVERTED = "the mask is inverted: it passes what must be blocked, and the reverse"


def masked(evidence: Evidence) -> dict[Place, list[int]]:
    """Of every product, the operands that are masks: outside of loops that are not unrolled."""
    found: dict[Place, list[int]] = {}

    def through(step: Step, values: list[Any]) -> list[Any]:
        if step.eqn.primitive.name == "mul":
            masks = [number for number, value in enumerate(values) if is_mask(value)]
            found[step.place] = masks if len(masks) < len(values) else []
        return at_once(step, values)

    if evidence.probe.autodiff:
        plainly(evidence.probe.plain, through)(*evidence.samples[0].floats)
    return found


def is_mask(value: Any) -> bool:
    """Whether it is an array of 0 and one other number."""
    if isinstance(value, jax.core.Tracer) or np.size(value) < 3:
        return False
    kept = np.asarray(value)[np.asarray(value) != 0]
    return 0 < kept.size < np.size(value) and bool(np.ptp(kept) == 0)


def of_mask(step: Step, mask: int) -> Iterator[Mistake]:
    """The mask inverted, or forgotten."""

    def inverted(*values: Any) -> Any:
        return done(step, *exchanged(values, mask, values[mask].max() - values[mask]))

    def forgotten(*values: Any) -> Any:
        return done(step, *exchanged(values, mask, jnp.full_like(values[mask], values[mask].max())))

    yield Mistake("mask inverted", INVERTED, (1 - mask,), inverted)
    words = "the mask is missing: what is dropped gets a gradient too"
    yield Mistake("derivative missing", words, (1 - mask,), forgotten)


def another(evidence: Evidence) -> Explanations:
    """dout times a mask, and the other pass has another one."""
    pairs = []
    for sample in evidence.samples:
        dout = evidence.dout(sample)
        if dout is None or dout.shape != evidence.shape:
            return
        pairs.append(_masks(sample, evidence.place, dout))
    found, wanted = pairs[0]
    for one, other in pairs:
        if not (is_mask(one) and is_mask(other)):
            return
        if not (evidence.same(one, found) and evidence.same(other, wanted)):
            return
    leaf, off = evidence.leaf, (found != 0) != (wanted != 0)
    if off.all():
        yield Explanation("mask inverted", f"{leaf}: {INVERTED}")
    elif off.any():
        words = (
            f"{leaf} is dout times a mask that differs from the forward pass's in {off.sum()} of"
        )
        question = f"{off.size} entries: is it drawn anew, or made of another array?"
        yield Explanation("mask of another array", f"{words} {question}")


def _masks(sample: Sample, place: int, dout: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What dout is multiplied by, and must be, to so many digits that equal ones are equal."""
    with np.errstate(all="ignore"):
        pair = (sample.actual[place] / dout, sample.expected[place] / dout)
    actual, expected = (np.round(each, 6) for each in pair)
    return actual, expected
