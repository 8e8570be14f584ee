"""Mistakes of the chain rule: the factor of dout, and where it is evaluated."""

import functools
from typing import Any

import jax
import numpy as np

from fnet.check.mistakes.evidence import Change, Evidence, Explanation, Explanations, Sample

OWN = 512  # most outputs that are examined one by one


def swapped(evidence: Evidence) -> Explanations:
    """The gradient of another argument."""
    for place, name in enumerate(evidence.probe.form.names):
        if place == evidence.place:
            continue
        other = evidence.samples[0]
        both = not evidence.same(other.actual[place], other.expected[place])
        if both and evidence.is_expected(np.asarray, place):
            words = f"{evidence.leaf} is what d{name} must be: two gradients have changed places"
            yield Explanation("swapped", words)


def upstream(evidence: Evidence) -> Explanations:
    """dout forgotten, used twice, or passed on unchanged."""
    leaf = evidence.leaf
    if evidence.is_for_dout(np.ones_like):
        words = f"{leaf} is what it must be for dout = 1: dout is ignored"
        yield Explanation("upstream ignored", words)
    if evidence.is_for_dout(np.square):
        yield Explanation("upstream twice", f"{leaf} is multiplied by dout once too often")
    if evidence.is_of_dout(np.asarray):
        words = f"{leaf} is dout itself: the derivative is not multiplied in"
        yield Explanation("derivative missing", words)
    for name in [*evidence.probe.form.names, "out"]:
        if evidence.fits(functools.partial(_itself, evidence, name)):
            yield Explanation("upstream ignored", f"{leaf} is {name} itself: dout is ignored")


def unmoved(evidence: Evidence) -> Explanations:
    """Independent of dout."""
    one, two = evidence.samples[:2]  # one point, two cotangents
    moved = not evidence.same(two.expected[evidence.place], one.expected[evidence.place])
    if moved and evidence.same(two.actual[evidence.place], one.actual[evidence.place]):
        words = f"{evidence.leaf} does not depend on dout: dout is not multiplied in"
        yield Explanation("upstream ignored", words)


def mask(evidence: Evidence) -> Explanations:
    """A derivative with two values, selected for the wrong entries."""
    dout = evidence.dout(evidence.samples[0])
    if dout is None or dout.shape != evidence.shape:
        return
    with np.errstate(all="ignore"):
        right = evidence[0][1] / dout
    levels = np.unique(right[np.isfinite(right)].round(9))
    if len(levels) != 2:
        return
    low, high = (float(level) for level in levels)

    def inverted(sample: Sample) -> np.ndarray:
        given = evidence.dout(sample)
        assert given is not None
        return (low + high) * given - sample.expected[evidence.place]

    if evidence.fits(inverted):
        words = "the mask is inverted: dout passes where it must be blocked, and the reverse"
        yield Explanation("mask inverted", words)
    own = evidence.probe.form.names[evidence.place]
    for name in evidence.arrays(evidence.samples[0]):
        for sign, side in ((1, "above"), (-1, "below")):
            masked = functools.partial(_masked, evidence, name, sign, (low, high))
            if evidence.fits(masked):
                words = f"the mask is where {name} is {side} 0"
                words += (
                    f"; it belongs where {own} is" if name != own else ", and must be different"
                )
                yield Explanation("mask of another array", words)


def at_another_place(evidence: Evidence) -> Explanations:
    """The derivative evaluated at the output or the input instead."""
    own = evidence.probe.form.names[evidence.place]

    if evidence.fits(functools.partial(_at_output, evidence)):
        yield Explanation(
            "evaluated at the output",
            f"the derivative is evaluated at the output, and must be at {own}",
        )
    if evidence.fits(functools.partial(_at_input, evidence)):
        yield Explanation(
            "evaluated at the input",
            f"the formula takes the output, and is given {own}, from before the activation",
        )


def instead(evidence: Evidence) -> Explanations:
    """An argument omitted or changed."""
    for name in evidence.probe.form.names:
        for kind, words, change in INSTEAD:
            if evidence.fits(functools.partial(_changed, evidence, name, change)):
                yield Explanation(kind, f"{evidence.leaf}: {words.format(name)}")


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
    mixed = jax.tree.map(lambda a, b: 2 * a - b, one.dout, two.dout)
    found = probe.gradients(evidence.route, one.floats, mixed)[evidence.place]
    if not evidence.same(2 * evidence[0][0] - evidence[1][0], found):
        words = f"{evidence.leaf} is not linear in dout: dout may only be a factor"
        yield Explanation("not linear", words)


def own_effect(evidence: Evidence) -> Explanations:
    """Only the effect of each entry on its own output."""
    dout = evidence.dout(evidence.samples[0])
    small = dout is not None and dout.shape == evidence.shape and dout.size <= OWN
    if small and evidence.fits(functools.partial(_of_own_output, evidence)):
        words = f"{evidence.leaf} includes the effect of each entry on its own output alone"
        missing = "the terms through all other outputs are missing"
        yield Explanation("term missing", f"{words}; {missing}")


def derivative(evidence: Evidence) -> Explanations:
    """The right form with a wrong derivative: dout times a function of the entry's own input."""
    one, two = evidence.samples[:2]  # one point, two cotangents
    pairs = []
    for sample in (one, two):
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
        yield Explanation(
            "derivative",
            f"the formula of the derivative is wrong: at {own} = "
            f"{one.floats[evidence.place][worst]:.6g} it must be {right[worst]:.6g}, and "
            f"{found[worst]:.6g} is used",
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


def _itself(evidence: Evidence, name: str, sample: Sample) -> np.ndarray:
    return evidence.arrays(sample)[name]


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


def _at_input(evidence: Evidence, sample: Sample) -> np.ndarray | None:
    """dout h(x) where h, a polynomial of the output, is the derivative: dout h(y)."""
    out, dout, e = evidence.out(sample), evidence.dout(sample), sample.expected[evidence.place]
    if out is None or dout is None or not out.shape == dout.shape == e.shape or e.size < 6:
        return None
    with np.errstate(all="ignore"):
        derivative = (e / dout).ravel()
    if not np.isfinite(derivative).all():
        return None
    # In full, so that it does not warn where there are too few different outputs.
    coefficients = np.polynomial.polynomial.polyfit(out.ravel(), derivative, 3, full=True)[0]
    fitted = np.polynomial.polynomial.polyval(out.ravel(), coefficients)
    if np.abs(fitted - derivative).max() > 1e-9 * np.abs(derivative).max():
        return None
    x = sample.floats[evidence.place]
    return dout * np.polynomial.polynomial.polyval(x, coefficients)


def _masked(
    evidence: Evidence, name: str, sign: int, levels: tuple[float, float], sample: Sample
) -> np.ndarray | None:
    array, dout = evidence.arrays(sample)[name], evidence.dout(sample)
    if dout is None or array.shape != dout.shape:
        return None
    passes = sign * array > 0
    if passes.all() or not passes.any():  # it masks nothing
        return None
    masked: np.ndarray = np.where(passes, levels[1], levels[0]) * dout
    return masked


def _changed(evidence: Evidence, name: str, change: Change, sample: Sample) -> np.ndarray | None:
    array = sample.floats[evidence.probe.form.names.index(name)]
    moved = change(array)
    return evidence.elsewhere(sample, **{name: moved}) if moved.shape == array.shape else None


def _at_output(evidence: Evidence, sample: Sample) -> np.ndarray | None:
    out, own = evidence.out(sample), evidence.probe.form.names[evidence.place]
    if out is None or out.shape != evidence.shape:
        return None
    return evidence.elsewhere(sample, **{own: out})
