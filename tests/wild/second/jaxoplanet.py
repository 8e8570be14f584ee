"""jaxoplanet: Kepler's equation and light curves of limb-darkened stars, with rules for JAX."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case

PACKAGE = "jaxoplanet"


def cases() -> Iterator[Case]:
    from jaxoplanet.core.kepler import kepler
    from jaxoplanet.core.limb_dark import light_curve
    from jaxoplanet.utils import zero_safe_sqrt

    yield Case(PACKAGE, "kepler", kepler, (np.array([0.3, 1.7, 5.1]), np.array([0.1, 0.6, 0.3])))
    yield Case(PACKAGE, "kepler", kepler, (np.array([2.0]), np.array([0.0])), "circle")
    yield Case(
        PACKAGE, "kepler", kepler, (np.array([0.01, 3.0]), np.array([0.95, 0.95])), "eccentric"
    )
    u = np.array([0.3, 0.2])
    yield Case(PACKAGE, "light_curve", light_curve, (u, np.array(0.4), np.array(0.1)))
    yield Case(PACKAGE, "light_curve", light_curve, (u, np.array(0.95), np.array(0.2)), "ingress")
    yield Case(PACKAGE, "zero_safe_sqrt", zero_safe_sqrt, (np.array([0.2, 1.0, 9.0]),))
