"""galpy: gravitational potentials, their forces and second derivatives."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_arguments

PACKAGE = "galpy"


def cases() -> Iterator[Case]:
    from galpy import potential as of

    axisymmetric = {
        "BurkertPotential": {"a": 1.3},
        "PlummerPotential": {"b": 0.7},
        "MiyamotoNagaiPotential": {"a": 0.5, "b": 0.1},
        "NFWPotential": {"a": 1.5},
        "HernquistPotential": {"a": 1.1},
        "JaffePotential": {"a": 1.2},
        "IsochronePotential": {"b": 0.8},
        "KuzminDiskPotential": {"a": 0.6},
        "KuzminKutuzovStaeckelPotential": {"ac": 4.0, "Delta": 1.2},
        "LogarithmicHaloPotential": {"q": 0.8, "core": 0.1},
        "PseudoIsothermalPotential": {"a": 1.1},
        "PowerSphericalPotential": {"alpha": 1.6},
        "PowerSphericalPotentialwCutoff": {"alpha": 1.4, "rc": 1.9},
        "FlattenedPowerPotential": {"alpha": 0.5, "q": 0.9, "core": 0.2},
        "MN3ExponentialDiskPotential": {"hr": 0.4, "hz": 0.1},
        "TwoPowerSphericalPotential": {"alpha": 1.2, "beta": 3.5, "a": 1.4},
        "DehnenSphericalPotential": {"alpha": 1.3, "a": 1.2},
        "DehnenCoreSphericalPotential": {"a": 1.2},
        "HomogeneousSpherePotential": {"R": 1.1},
        "RingPotential": {"a": 0.75},
        "EinastoPotential": {"n": 2.5, "h": 0.4},
        "DoubleExponentialDiskPotential": {"hr": 0.4, "hz": 0.1},
    }
    at = np.array([0.9, 1.4]), np.array([0.3, -0.2])
    for name, options in axisymmetric.items():
        made = getattr(of, name)(**options)
        forces = of_arguments(_each(made._evaluate), functools.partial(_forces, made))
        yield Case(PACKAGE, name, forces, at)
        if name not in ("KuzminDiskPotential", "EinastoPotential"):
            force = of_arguments(_each(made._Rforce), functools.partial(_second, made))
            yield Case(PACKAGE, f"{name}._Rforce", force, at)
    full = {
        "PerfectEllipsoidPotential": {"b": 0.9, "c": 0.7},
        "TriaxialNFWPotential": {"b": 0.9, "c": 0.7},
        "TriaxialHernquistPotential": {"b": 0.9, "c": 0.7},
        "SoftenedNeedleBarPotential": {"a": 3.0, "b": 0.1, "c": 0.8},
        "LogarithmicHaloPotential": {"b": 0.8, "q": 0.7, "core": 0.1},
        "SpiralArmsPotential": {},
        "DehnenBarPotential": {},
    }
    for name, options in full.items():
        made = getattr(of, name)(**options)
        pair = of_arguments(_each(made._evaluate), functools.partial(_all_forces, made))
        yield Case(PACKAGE, name, pair, (*at, np.array([0.4, 2.1])), "not axisymmetric")


def _each(function: Any) -> Any:
    return np.vectorize(
        lambda *given: function(*map(float, given), *[0.0] * (4 - len(given))), otypes=[float]
    )


def _forces(made: Any, R: Any, z: Any) -> Any:
    return -_each(made._Rforce)(R, z), -_each(made._zforce)(R, z)


def _second(made: Any, R: Any, z: Any) -> Any:
    return -_each(made._R2deriv)(R, z), -_each(made._Rzderiv)(R, z)


def _all_forces(made: Any, R: Any, z: Any, phi: Any) -> Any:
    return (
        -_each(made._Rforce)(R, z, phi),
        -_each(made._zforce)(R, z, phi),
        -_each(made._phitorque)(R, z, phi),
    )
