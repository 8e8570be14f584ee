"""geometric: internal coordinates of molecules, their first and second derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.fourth.glue import of_array
from tests.wild.glue import by_jacobian

PACKAGE = "geometric"


def cases() -> Iterator[Case]:
    from geometric import internal as of

    rng = np.random.default_rng(51)
    atoms = rng.normal(size=(5, 3)) + 1.5 * np.arange(5)[:, None] * [1, 0.3, 0]
    bent = np.array([[0.0, 0, 0], [1.4, 0.05, 0.02], [2.8, 0, 0.03]])
    for name, made, at, label in (
        ("Distance", of.Distance(0, 2), atoms, ""),
        ("Angle", of.Angle(0, 1, 3), atoms, ""),
        ("Angle", of.Angle(0, 1, 2), bent, "nearly straight"),
        ("LinearAngle", of.LinearAngle(0, 1, 2, 0), bent, "X"),
        ("LinearAngle", of.LinearAngle(0, 1, 2, 1), bent, "Y"),
        ("Dihedral", of.Dihedral(0, 1, 2, 3), atoms, ""),
        ("OutOfPlane", of.OutOfPlane(0, 1, 2, 3), atoms, ""),
        ("CentroidDistance", of.CentroidDistance([0, 1], [2, 4]), atoms, ""),
        ("TranslationX", of.TranslationX([0, 2, 3], np.ones(3) / 3), atoms, ""),
    ):
        pair = of_array(_copied(made.value), _copied(made.derivative))
        yield Case(PACKAGE, name, pair, (at,), label)
        second = by_jacobian(_flat(made.derivative), _square(made.second_derivative))
        yield Case(PACKAGE, name, second, (at.ravel().copy(),), f"{label} second".strip())
    yield from _rotations(of, rng, atoms)
    yield from _vectors(of, rng)


def _copied(function: Any) -> Any:
    return lambda xyz: function(np.array(xyz))


def _flat(function: Any) -> Any:
    return lambda xyz: np.ravel(function(np.array(xyz)))


def _square(function: Any) -> Any:
    def jacobian(xyz: Any) -> Any:
        return np.reshape(function(np.array(xyz)), (xyz.size, xyz.size))

    return jacobian


def _rotations(of: Any, rng: Any, atoms: Any) -> Iterator[Case]:
    from geometric import rotate

    start = atoms + 0.3 * rng.normal(size=atoms.shape)
    every = list(range(5))
    for axis in "ABC":

        def made(axis: str = axis) -> Any:
            return getattr(of, f"Rotation{axis}")(every, start, {})

        pair = of_array(lambda x, m=made: m().value(np.array(x)),
                        lambda x, m=made: m().derivative(np.array(x)))  # fmt: skip
        yield Case(PACKAGE, f"Rotation{axis}", pair, (atoms,))
    for name, slope in (("get_quat", "get_q_der"), ("get_expmap", "get_expmap_der")):
        value, derivative = getattr(rotate, name), getattr(rotate, slope)

        def jacobian(x: Any, f: Any = derivative) -> Any:
            return np.reshape(f(x.reshape(5, 3), start), (15, -1)).T

        pair = by_jacobian(lambda x, f=value: f(x.reshape(5, 3), start), jacobian)
        yield Case(PACKAGE, name, pair, (atoms.ravel().copy(),))


def _vectors(of: Any, rng: Any) -> Iterator[Case]:
    a, b = rng.normal(size=(2, 3))
    unit = by_jacobian(of.unit_vector, of.d_unit_vector)
    yield Case(PACKAGE, "d_unit_vector", unit, (a,))
    for name in ("cross", "ucross"):
        value = of.cross_product if name == "cross" else of.ucross
        slope = getattr(of, f"d_{name}")
        pair = by_jacobian(lambda a, f=value: f(a, b), lambda a, f=slope: f(a, b).T)
        yield Case(PACKAGE, f"d_{name}", pair, (a,))
    for name in ("ncross", "nudot", "nucross"):
        value, slope = getattr(of, name), getattr(of, f"d_{name}")
        pair = of_array(lambda a, f=value: f(a, b), lambda a, f=slope: f(a, b))
        yield Case(PACKAGE, f"d_{name}", pair, (a,))
