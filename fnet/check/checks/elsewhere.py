"""The points besides the given one: near by, of a stated domain, and extreme."""

from collections.abc import Callable

import numpy as np

from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.outcome import Outcome, until_wrong
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
    places = stated(probe.form, probe.start, probe.domains, rng)
    return until_wrong(look(probe, *place, rng, True) for place in places)


def under_stress(
    look: Look, probe: Probe, rng: np.random.Generator, quick: bool = False
) -> Outcome:
    """At extreme points, or at one if quick."""
    places = (few if quick else points)(probe.form, probe.start, probe.domains)
    return until_wrong(look(probe, *place, rng, False) for place in places)
