"""Mistakes of the chain rule: the factor of dout, and where it is evaluated."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations, Sample
from fnet.check.mistakes.formulas import named_axes

OWN = 512  # most outputs that are examined one by one


def swapped(evidence: Evidence) -> Explanations:
    """The gradient of another argument."""
    for place, name in enumerate(evidence.probe.form.names):
        other = evidence.samples[0]
        wrong = not evidence.same(other.actual[place], other.expected[place])
        if place != evidence.place and wrong and evidence.is_expected(np.asarray, place):
            words = f"{evidence.leaf} is what d{name} must be: two gradients have changed places"
            yield Explanation("swapped", words)


def upstream(evidence: Evidence) -> Explanations:
    """dout forgotten, or used twice."""
    leaf = evidence.leaf
    if evidence.is_for_dout(np.ones_like):
        words = f"{leaf} is what it must be for dout = 1: dout is ignored"
        yield Explanation("upstream ignored", words)
    if evidence.is_for_dout(np.square):
        yield Explanation("upstream twice", f"{leaf} is multiplied by dout once too often")


def untouched(evidence: Evidence) -> Explanations:
    """dout itself."""
    if evidence.is_of_dout(np.asarray):
        yield from own_effect(evidence)
        words = f"{evidence.leaf} is dout itself: is a derivative, or a mask, not multiplied in?"
        yield Explanation("derivative missing", words)


def unmoved(evidence: Evidence) -> Explanations:
    """Independent of dout."""
    one, two = evidence.samples[:2]  # one point, two cotangents
    moved = not evidence.same(two.expected[evidence.place], one.expected[evidence.place])
    if moved and evidence.same(two.actual[evidence.place], one.actual[evidence.place]):
        words = f"{evidence.leaf} does not depend on dout: dout is not multiplied in"
        yield Explanation("upstream ignored", words)


def instead(evidence: Evidence) -> Explanations:
    """An argument omitted or changed."""
    for name in evidence.probe.form.names:
        for kind, words, change in INSTEAD:
            if evidence.fits(functools.partial(_changed, evidence, name, change)):
                yield Explanation(kind, f"{evidence.leaf}: {words.format(name)}")
    for name, array in zip(evidence.probe.form.names, evidence.samples[0].floats, strict=True):
        for kind, words, change in _turns(array.shape):
            if evidence.fits(functools.partial(_changed, evidence, name, change)):
                yield Explanation(kind, f"{evidence.leaf}: {words.format(name)}")


def _turns(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Change]]:
    """A kernel flipped along some axes; axes of equal sizes exchanged."""
    if not 1 < len(shape) < 6:
        return
    pairs = [(0, 1), (-2, -1)] if len(shape) > 2 else []  # where frameworks have the window's axes
    for axes in [*((axis,) for axis in range(len(shape))), *pairs]:
        if all(shape[axis] > 1 for axis in axes):
            along = named_axes(axis % len(shape) for axis in axes)
            words = f"{{0}} is not flipped along {along}"
            yield "shifted", f"{words}, or must not be", functools.partial(np.flip, axis=axes)
    for one, two in itertools.combinations(range(len(shape)), 2):
        if shape[one] == shape[two] > 1:
            words = f"axes {one} and {two} of {{0}} must be exchanged (or must not be)"
            yield "input transposed", words, functools.partial(np.swapaxes, axis1=one, axis2=two)


INSTEAD: tuple[tuple[str, str, Change], ...] = (  # replacements of an argument
    ("factor missing", "{0} is not multiplied in: it is the gradient for {0} = 1", np.ones_like),
    ("squared", "{0}² is used instead of {0}", np.square),
    ("sign of an input", "−{0} is used instead of {0}", np.negative),
    ("absolute", "|{0}| is used instead of {0}", np.abs),
    ("input transposed", "{0} must be transposed (or must not be)", np.transpose),
    ("shifted", "{0} is reversed", np.flip),
)


def not_linear(evidence: Evidence) -> Explanations:
    """dout used other than as a factor."""
    probe = evidence.probe
    one, two = evidence.samples[:2]  # one point, two cotangents
    if not probe.subject.linear:
        return

    def of(dout: Any) -> np.ndarray:
        return probe.gradients(evidence.route, one.floats, dout)[evidence.place]

    if evidence.same(
        2 * evidence[0][0] - evidence[1][0],
        of(jax.tree.map(lambda a, b: 2 * a - b, one.dout, two.dout)),
    ):
        return
    if evidence.same(2 * evidence[0][0], of(jax.tree.map(lambda a: 2 * a, one.dout))):
        words = (
            f"{evidence.leaf} doubles with dout and is not linear in it: is a mask made of dout?"
        )
        yield Explanation("mask of another array", words)
    yield Explanation("not linear", f"{evidence.leaf} is not linear in dout: is it a factor twice?")


def own_effect(evidence: Evidence) -> Explanations:
    """Only the effect of each entry on its own output."""
    dout = evidence.dout(evidence.samples[0])
    small = dout is not None and dout.shape == evidence.shape and dout.size <= OWN
    if small and evidence.fits(functools.partial(_of_own_output, evidence)):
        words = f"{evidence.leaf} includes the effect of each entry on its own output alone"
        yield Explanation("term missing", f"{words}: is a sum over the others missing?")


def derivative(evidence: Evidence) -> Explanations:
    """The right form with a wrong derivative: dout times a function of the entry's own input."""
    pairs = []
    for sample in evidence.samples[:2]:  # one point, two cotangents
        dout = evidence.dout(sample)
        if dout is None or dout.shape not in (evidence.shape, ()):
            return
        with np.errstate(all="ignore"):
            pairs.append(
                (sample.actual[evidence.place] / dout, sample.expected[evidence.place] / dout)
            )
    (found, right), (again, right_again) = pairs
    if not (evidence.same(found, again) and evidence.same(right, right_again)):
        return
    worst = np.unravel_index(np.nan_to_num(np.abs(found - right)).argmax(), found.shape)
    if _stays(evidence, worst):
        own = evidence.probe.form.names[evidence.place]
        at = evidence.samples[0].floats[evidence.place][worst]
        yield Explanation(
            "derivative",
            f"the formula of the derivative is wrong: at {own} = "
            f"{at:.6g} it must be {right[worst]:.6g}, and {found[worst]:.6g} is used",
        )


def _stays(evidence: Evidence, index: tuple[Any, ...]) -> bool:
    """Whether this entry, actual and expected, is independent of the other entries."""
    sample, place, probe = evidence.samples[0], evidence.place, evidence.probe
    for scale in (1.25, -2.0, 0.1):
        moved = scale * sample.floats[place]
        moved[index] = sample.floats[place][index]
        floats = (*sample.floats[:place], moved, *sample.floats[place + 1 :])
        actual = probe.gradients(evidence.route, floats, sample.dout)[place][index]
        expected = probe.expected(floats, sample.dout)[place][index]
        pairs = ((actual, evidence[0][0][index]), (expected, evidence[0][1][index]))
        if not all(evidence.same(np.asarray(a), np.asarray(b)) for a, b in pairs):
            return False
    return True


def _of_own_output(evidence: Evidence, sample: Sample) -> np.ndarray | None:
    dout = evidence.dout(sample)
    assert dout is not None
    found = np.zeros(evidence.shape)
    for index in np.ndindex(dout.shape):
        one = np.zeros(dout.shape)
        one[index] = dout[index]
        there = evidence.elsewhere(sample, evidence.like(sample, one))
        if there is None:
            return None
        found[index] = there[index]
    return found


def _changed(evidence: Evidence, name: str, change: Change, sample: Sample) -> np.ndarray | None:
    array = sample.floats[evidence.probe.form.names.index(name)]
    moved = change(array)
    return evidence.elsewhere(sample, **{name: moved}) if moved.shape == array.shape else None
