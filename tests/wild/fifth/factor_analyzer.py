"""factor_analyzer: criteria of rotations of loadings, with their gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "factor_analyzer"


def cases() -> Iterator[Case]:
    from factor_analyzer.rotator import Rotator

    loadings = np.random.default_rng(75).normal(size=(5, 3))
    made = {
        "oblimax": Rotator(),
        "quartimax": Rotator(),
        "oblimin": Rotator(gamma=0),
        "quartimin": Rotator(),
        "equamax": Rotator(kappa=0.3),
        "geomin_obl": Rotator(),
    }
    for name, rotator in made.items():
        method = getattr(rotator, f"_{name.removesuffix('_obl')}_obj")

        def both(L: Any, method: Any = method) -> Any:
            found = method(np.array(L))
            return float(found["criterion"]), np.array(found["grad"])

        yield Case(PACKAGE, f"Rotator, {name}", ValueAndGrad(both), (loadings,))
        if name == "geomin_obl":
            sparse = loadings * (np.abs(loadings) > 0.6)
            yield Case(PACKAGE, f"Rotator, {name}", ValueAndGrad(both), (sparse,), "zeros")
