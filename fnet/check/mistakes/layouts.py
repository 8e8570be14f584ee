"""Mistakes of layout: axes in another order, edges cut off at the wrong end, a direction."""

import functools
import itertools

import numpy as np

from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.formulas import named_axes

MOST = 4  # axes


def reread(evidence: Evidence) -> Explanations:
    """Reshaped where axes must be transposed: the gradient, or dout."""
    leaf, dout = evidence.leaf, evidence.dout(evidence.samples[0])
    for order in _orders(len(evidence.shape)):
        if evidence.is_expected(functools.partial(_read, order=order)):
            words = f"{leaf}: it was reshaped where its axes should be transposed"
            yield Explanation("transposed", words)
    for order in _orders(dout.ndim if dout is not None else 0):
        if evidence.is_for_dout(functools.partial(_read, order=order)):
            words = f"{leaf}: dout is reshaped where its axes must be transposed, or the reverse"
            yield Explanation("transposed", words)


def _orders(axes: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(axes)))[1:] if 2 < axes <= MOST else []


def _read(array: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Its entries, in their order, as if its axes were in another one."""
    return array.reshape([array.shape[axis] for axis in order]).transpose(np.argsort(order))


def inside(evidence: Evidence) -> Explanations:
    """Off by one except at the edges, where what comes from beyond them is unknown."""
    axes = range(len(evidence.shape))
    for number in range(1, min(len(axes), MOST) + 1):
        for some in itertools.combinations(axes, number):
            if any(_is_shifted_inside(evidence, some, step) for step in (1, -1)):
                along = named_axes(some)
                words = f"{evidence.leaf} is off by one along {along}, except at its edges"
                yield Explanation("shifted", f"{words}: is padding cut off at the wrong end?")


def _is_shifted_inside(evidence: Evidence, axes: tuple[int, ...], step: int) -> bool:
    here = slice(max(step, 0), min(step, 0) or None)
    there = slice(max(-step, 0), min(-step, 0) or None)
    within, moved = (
        tuple(at if axis in axes else slice(None) for axis in range(len(evidence.shape)))
        for at in (here, there)
    )
    first = evidence[0][1]
    if 3 * first[within].size < first.size or evidence.same(first[within], first[moved]):
        return False
    pairs = [evidence[number] for number in range(len(evidence.samples))]
    return all(evidence.same(expected[moved], actual[within]) for actual, expected in pairs)


def backwards(evidence: Evidence) -> Explanations:
    """A sum over what comes after that is taken over what comes before, or the reverse."""
    dout = evidence.dout(evidence.samples[0])
    sizes = dout.shape if dout is not None else ()
    for axis, (size, other) in enumerate(zip(evidence.shape, sizes, strict=False)):
        flip = functools.partial(np.flip, axis=axis)
        if size == other > 1 and evidence.fits(functools.partial(_reversed, evidence, flip)):
            words = f"{evidence.leaf} looks in the wrong direction along axis {axis}"
            yield Explanation("shifted", f"{words}: before in place of after, or the reverse")


def _reversed(evidence: Evidence, flip: Change, sample: Sample) -> np.ndarray | None:
    dout = evidence.dout(sample)
    assert dout is not None
    own = evidence.probe.form.names[evidence.place]
    there = {own: flip(sample.floats[evidence.place])}
    found = evidence.elsewhere(sample, evidence.like(sample, flip(dout)), **there)
    return None if found is None else flip(found)
