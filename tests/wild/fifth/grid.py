"""qc-grid: transformations of radial grids, with three derivatives each."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tests.wild.case import Case
from tests.wild.fifth.glue import with_old_special_functions
from tests.wild.glue import elementwise

PACKAGE = "qc-grid"
METHODS = ("transform", "deriv", "deriv2", "deriv3")


def cases() -> Iterator[Case]:
    with_old_special_functions()
    from grid import rtransform as of

    rng = np.random.default_rng(63)
    within, beyond = rng.uniform(-0.9, 0.9, 5), rng.uniform(0.2, 4, 5)
    half = rng.uniform(0.2, 0.9, 5)
    transforms = {
        "BeckeRTransform": (of.BeckeRTransform(0.1, 1.3), within),
        "LinearFiniteRTransform": (of.LinearFiniteRTransform(0.1, 7.0), within),
        "MultiExpRTransform": (of.MultiExpRTransform(0.1, 1.3), within),
        "KnowlesRTransform": (of.KnowlesRTransform(0.1, 1.3, 3), within),
        "HandyRTransform": (of.HandyRTransform(0.1, 1.3, 3), within),
        "HandyModRTransform": (of.HandyModRTransform(0.1, 9.0, 3), within),
        "ExpRTransform": (of.ExpRTransform(0.1, 7.0, 5.0), beyond),
        "PowerRTransform": (of.PowerRTransform(0.001, 7.0, 5.0), beyond),
        "HyperbolicRTransform": (of.HyperbolicRTransform(0.7, 0.05), beyond),
        "LinearInfiniteRTransform": (of.LinearInfiniteRTransform(0.1, 7.0, 5.0), beyond),
        "InverseRTransform": (of.InverseRTransform(of.BeckeRTransform(0.1, 1.3)), half + 0.2),
    }
    for name, (made, at) in transforms.items():
        for value, slope in pairwise(METHODS):
            pair = elementwise(getattr(made, value), getattr(made, slope))
            yield Case(PACKAGE, f"{name}.{slope}", pair, (at,))
