"""FElupe: energies, stresses and tangents of materials."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case

PACKAGE = "felupe"
POINTS = (3, 3, 2, 1)  # a tensor for each of two points of one cell
HYPERELASTIC: dict[str, dict[str, Any]] = {
    "alexander": {"C1": 0.5, "C2": 0.3, "C3": 0.2, "gamma": 2.0, "k": 0.1},
    "anssari_benam_bucchi": {"mu": 0.7, "N": 20.0},
    "arruda_boyce": {"C1": 0.7, "limit": 3.2},
    "blatz_ko": {"mu": 0.7},
    "extended_tube": {"Gc": 0.2, "Ge": 0.3, "beta": 0.6, "delta": 0.1},
    "lopez_pamies": {"mu": [0.3, 0.2], "alpha": [1.2, 0.7]},
    "miehe_goektepe_lulei": {"mu": 0.3, "N": 22.0, "U": 9.9, "p": 1.5, "q": 0.5},
    "mooney_rivlin": {"C10": 0.3, "C01": 0.2},
    "neo_hooke": {"mu": 0.7},
    "ogden": {"mu": [0.5, 0.2], "alpha": [1.7, -1.3]},
    "saint_venant_kirchhoff": {"mu": 0.7, "lmbda": 1.1},
    "storakers": {"mu": [0.5, 0.2], "alpha": [1.7, -1.3], "beta": [0.9, 0.4]},
    "third_order_deformation": {"C10": 0.5, "C01": 0.1, "C11": 0.1, "C20": -0.1, "C30": 0.02},
    "yeoh": {"C10": 0.5, "C20": -0.05, "C30": 0.02},
}


def cases() -> Iterator[Case]:
    import felupe

    rng = np.random.default_rng(70)
    F = np.eye(3)[:, :, None, None] + 0.2 * rng.normal(size=POINTS)
    materials = {
        "NeoHookeCompressible": felupe.NeoHookeCompressible(mu=0.7, lmbda=1.1),
        "NeoHookeCompressible, no volume": felupe.NeoHookeCompressible(mu=0.7),
        "NeoHooke": felupe.NeoHooke(mu=0.7, bulk=2.0),
        "NeoHooke, no volume": felupe.NeoHooke(mu=0.7),
        "Volumetric": felupe.Volumetric(bulk=2.0),
        "LinearElasticLargeStrain": felupe.LinearElasticLargeStrain(E=1.3, nu=0.3),
        "Laplace": felupe.Laplace(multiplier=1.3),
    }
    for name, material in materials.items():
        at = F - np.eye(3)[:, :, None, None] if name == "Laplace" else F
        yield Case(PACKAGE, f"{name}.gradient", _stress(material), (at,))
        yield Case(PACKAGE, f"{name}.hessian", _tangent(material), (at,))
    still = np.broadcast_to(np.eye(3)[:, :, None, None], POINTS).copy()
    for name in ("NeoHooke", "NeoHookeCompressible", "LinearElasticLargeStrain"):
        yield Case(PACKAGE, f"{name}.gradient", _stress(materials[name]), (still,), "at rest")
        yield Case(PACKAGE, f"{name}.hessian", _tangent(materials[name]), (still,), "at rest")
    linear = {
        "LinearElastic": felupe.LinearElastic(E=1.3, nu=0.3),
        "LinearElasticTensorNotation": felupe.constitution.LinearElasticTensorNotation(1.3, 0.3),
        "LinearElasticOrthotropic": felupe.LinearElasticOrthotropic(
            E=[1.3, 1.1, 0.9], nu=[0.3, 0.25, 0.2], G=[0.4, 0.5, 0.6]
        ),
    }
    for name, material in linear.items():
        yield Case(PACKAGE, f"{name}.hessian", _tangent(material), (F,))
    for name, parameters in HYPERELASTIC.items():
        material = felupe.Hyperelastic(getattr(felupe, name), **parameters)
        yield Case(PACKAGE, f"Hyperelastic, {name}", _tangent(material), (F,))
    for name in ("LineChange", "AreaChange", "VolumeChange"):
        made = getattr(felupe.constitution, name)()
        yield Case(PACKAGE, f"{name}.gradient", _first(made.function, made.gradient), (F,))
    volume = felupe.constitution.VolumeChange()
    yield Case(PACKAGE, "VolumeChange.hessian", _first(volume.gradient, volume.hessian), (F,))


def _stress(material: Any) -> ValueAndGrad:
    """The energy summed over the points, and the stress."""

    def both(F: Any) -> Any:
        return float(np.sum(material.function([F, None])[0])), material.gradient([F, None])[0]

    return ValueAndGrad(both)


def _tangent(material: Any) -> Pair:
    return _first(lambda x: material.gradient([*x, None]), lambda x: material.hessian([*x, None]))


def _first(function: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Pair:
    """A function at each point of a tensor, and its derivative, (*output, 3, 3, points, cells)."""

    def backward(dout: Any, F: Any) -> Any:
        J = np.broadcast_to(np.asarray(slope([F])[0]), (*dout.shape[:-2], *POINTS))
        letters = "abcd"[: dout.ndim - 2]
        return np.einsum(f"{letters}pq,{letters}ijpq->ijpq", dout, J)

    return Pair(lambda F: (np.array(function([F])[0]), F), backward)
