"""The points besides the given one: near by, of a stated domain, and extreme."""

from collections.abc import Callable, Iterable

import numpy as np

from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.outcome import Outcome
from fnet.check.checks.parity import NOT_FINITE
from fnet.check.checks.points import NEAR_BY, Floats, few, points, stated
from fnet.check.checks.probe import Probe

# What is found at a point, given whether it is meant to be one of the function's domain.
Look = Callable[[Probe, str, Floats, np.random.Generator, bool], Outcome]


def near_by(look: Look, probe: Probe, rng: np.random.Generator) -> Outcome:
    """At a generic point of the neighbourhood, away from kinks at the given one."""
    floats = neighbour(probe, rng)
    if floats is None:
        return Outcome(notes=((NEAR_BY, NOT_FINITE),))
    return look(probe, NEAR_BY, floats, rng, True)


def in_domain(look: Look, probe: Probe, rng: np.random.Generator) -> Outcome:
    """At the points that a stated domain lists or draws."""
    return _at_each(stated(probe.form, probe.start, probe.domains, rng), look, probe, rng, True)


def under_stress(
    look: Look, probe: Probe, rng: np.random.Generator, quick: bool = False
) -> Outcome:
    """At extreme points, or at one if quick."""
    extreme = (few if quick else points)(probe.form, probe.start, probe.domains)
    return _at_each(extreme, look, probe, rng, False)


def _at_each(
    places: Iterable[tuple[str, Floats]],
    look: Look,
    probe: Probe,
    rng: np.random.Generator,
    meant: bool,
) -> Outcome:
    """At these points, until something is wrong at one."""
    outcome = Outcome()
    for where, floats in places:
        outcome = outcome.and_also(look(probe, where, floats, rng, meant))
        if outcome.wrong:
            break
    return outcome
