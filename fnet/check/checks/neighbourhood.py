"""The neighbourhood of a point: it shrinks until the function is finite in it."""

import jax
import numpy as np

from fnet.check.checks.points import Floats, near
from fnet.check.checks.probe import Probe
from fnet.check.truth.arguments import is_float

RADIUS = 0.05  # of an entry
SHRINK, SHRINKS = 0.1, 5  # the factor by which the radius shrinks, and how often


def neighbour(
    probe: Probe, rng: np.random.Generator, floats: Floats | None = None
) -> Floats | None:
    """A point near this one (the given one) and in the domain, where whatever is finite at it is
    finite too; None where there is none."""
    around = probe.start if floats is None else floats
    finite = _finite(probe, around)
    for shrink in range(SHRINKS):
        moved = near(around, rng, probe.domains, RADIUS * SHRINK**shrink)
        try:
            inside = all(d.has(a) for d, a in zip(probe.domains, moved, strict=True))
            if inside and _finite(probe, moved) >= finite:
                return moved
        except Exception:  # the function may reject neighbouring points
            continue
    return None


def _finite(probe: Probe, floats: Floats) -> int:
    """The number of finite entries of the output."""
    leaves = [leaf for leaf in jax.tree.leaves(probe.output(floats)) if is_float(leaf)]
    return sum(int(np.isfinite(leaf).sum()) for leaf in leaves)
