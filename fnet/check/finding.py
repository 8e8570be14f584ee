"""A wrong gradient as a finding: where, how far, and why."""

from typing import Any

import numpy as np

from fnet.check.checks.clock import OutOfTime
from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.outcome import Wrong
from fnet.check.checks.parity import drawn
from fnet.check.checks.points import NEAR_BY, PLAIN
from fnet.check.checks.probe import Probe
from fnet.check.mistakes.diagnosis import diagnose
from fnet.check.mistakes.evidence import Evidence, Explanation, Sample
from fnet.check.pattern import pattern
from fnet.check.report import Finding
from fnet.check.subjects.subject import Case
from fnet.check.truth.compare import compare

HIDDEN = Explanation(
    "hidden from autodiff",
    "autodiff agrees with it, but the values of the function do not: stop_gradient, rounding, a "
    "custom rule, or a branch at this very point hides part of it",
)
UNEXPLAINED = Explanation("unknown", "the time was over before a reason was found")


def finding_of(
    probe: Probe, wrong: Wrong, case: Case, rng: np.random.Generator, compared: bool
) -> Finding:
    """The finding for a wrong gradient; `compared`: the given point was, and was found right."""
    index = wrong.difference.worst()
    try:
        explanation = _explanation(probe, wrong, rng)
    except OutOfTime:
        explanation = UNEXPLAINED
    why = explanation.words
    if explanation.kind == "unknown" and not wrong.difference.wrong.all():
        rows = "\n  ".join(pattern(wrong.difference.wrong))
        why += f"; it is wrong where marked x:\n  {rows}"
    elsewhere = wrong.where != PLAIN
    if case.right:
        why += f" (it is right {case.right})"
    where = ", ".join(part for part in (case.words, wrong.where, wrong.route) if part)
    return Finding(
        wrong.check,
        explanation.kind,
        why,
        f"d{probe.form.names[wrong.place]}",
        where,
        index,
        float(wrong.actual[index]) + 0.0,  # prints −0 as 0
        float(wrong.expected[index]) + 0.0,
        int(wrong.difference.wrong.sum()),
        wrong.actual.size,
        np.where(wrong.difference.wrong, wrong.actual - wrong.expected, 0.0),
        dict(zip(probe.form.names, wrong.floats, strict=True)) if elsewhere else None,
        elsewhere and compared and wrong.where != NEAR_BY,
    )


def _explanation(probe: Probe, wrong: Wrong, rng: np.random.Generator) -> Explanation:
    if wrong.check == "differences" and probe.autodiff and _autodiff_agrees(probe, wrong):
        return HIDDEN
    samples = _samples(probe, wrong, rng)
    return diagnose(Evidence(probe, wrong.route, wrong.place, samples))


def _autodiff_agrees(probe: Probe, wrong: Wrong) -> bool:
    expected = probe.expected(wrong.floats, wrong.dout)[wrong.place]
    return not compare(wrong.actual, expected, probe.epsilon).wrong.any()


def _samples(probe: Probe, wrong: Wrong, rng: np.random.Generator) -> list[Sample]:
    def sample(floats: Any, dout: Any) -> Sample:
        actual = probe.gradients(wrong.route, floats, dout)
        return Sample(floats, dout, actual, probe.expected(floats, dout))

    places = [wrong.floats, wrong.floats]
    moved = neighbour(probe, rng) if wrong.where == PLAIN else None
    if moved is not None:
        places.append(moved)
    return [sample(floats, drawn(probe, floats, rng)) for floats in places]
