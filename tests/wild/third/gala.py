"""gala: potentials of galaxies, in compiled code, with gradients and Hessians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "gala"
POTENTIALS = {
    "HenonHeilesPotential": {},
    "KeplerPotential": {"m": 1.3},
    "IsochronePotential": {"m": 1.3, "b": 0.7},
    "HernquistPotential": {"m": 1.3, "c": 0.7},
    "PlummerPotential": {"m": 1.3, "b": 0.7},
    "JaffePotential": {"m": 1.3, "c": 0.7},
    "StonePotential": {"m": 1.3, "r_c": 0.3, "r_h": 1.7},
    "BurkertPotential": {"rho": 1.3, "r0": 0.7},
    "SatohPotential": {"m": 1.3, "a": 0.7, "b": 0.3},
    "KuzminPotential": {"m": 1.3, "a": 0.7},
    "MiyamotoNagaiPotential": {"m": 1.3, "a": 0.7, "b": 0.3},
    "NFWPotential": {"m": 1.3, "r_s": 0.7, "b": 0.9, "c": 0.8},
    "LogarithmicPotential": {"v_c": 1.3, "r_h": 0.7, "q1": 1.0, "q2": 0.9, "q3": 0.8},
    "LeeSutoTriaxialNFWPotential": {"v_c": 1.3, "r_s": 0.7, "a": 1.0, "b": 0.9, "c": 0.8},
    "LongMuraliBarPotential": {"m": 1.3, "a": 0.9, "b": 0.4, "c": 0.3},
}
FLAT = {"HenonHeilesPotential"}
WITHOUT_HESSIAN = {"LeeSutoTriaxialNFWPotential"}


def cases() -> Iterator[Case]:
    import gala.potential

    for name, options in POTENTIALS.items():
        made = getattr(gala.potential, name)(units=None, **options)
        at = np.array([0.83, -0.42, 0.31][: 2 if name in FLAT else 3])
        yield Case(PACKAGE, name, two_functions(*_parts(made)[:2]), (at,))
        if name not in WITHOUT_HESSIAN:
            yield Case(PACKAGE, name, by_jacobian(*_parts(made)[1:]), (at,), "Hessian")


def _parts(made: Any) -> Any:
    def energy(x: Any) -> Any:
        return float(_plain(made.energy(x))[0])

    def gradient(x: Any) -> Any:
        return _plain(made.gradient(x))[:, 0]

    def hessian(x: Any) -> Any:
        return _plain(made.hessian(x))[..., 0]

    return energy, gradient, hessian


def _plain(quantity: Any) -> np.ndarray:
    return np.array(getattr(quantity, "value", quantity))
