"""SimPEG: maps of models onto meshes and regularizations, with their derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "simpeg"


def cases() -> Iterator[Case]:
    import discretize
    from simpeg import maps, regularization

    rng = np.random.default_rng(80)
    flat = discretize.TensorMesh([3, 4], origin="00")
    plain, share = rng.normal(size=5), rng.uniform(0.1, 0.9, 5)
    made: dict[str, tuple[Any, Any]] = {
        "ExpMap": (maps.ExpMap(nP=5), plain),
        "ReciprocalMap": (maps.ReciprocalMap(nP=5), share),
        "LogMap": (maps.LogMap(nP=5), share),
        "LogisticSigmoidMap": (maps.LogisticSigmoidMap(nP=5, lower_bound=-1, upper_bound=3), plain),
        "ChiMap": (maps.ChiMap(nP=5), share),
        "MuRelative": (maps.MuRelative(nP=5), share),
        "Weighting": (maps.Weighting(nP=5, weights=share), plain),
        "LinearMap": (maps.LinearMap(rng.normal(size=(3, 5)), rng.normal(size=3)), plain),
        "Projection": (maps.Projection(5, np.array([0, 3, 3, 1])), plain),
        "ComboMap": (maps.ExpMap(nP=5) * maps.ReciprocalMap(nP=5), share),
        "SumMap": (maps.SumMap([maps.ExpMap(nP=5), maps.ReciprocalMap(nP=5)]), share),
        "SphericalSystem": (maps.SphericalSystem(nP=6), rng.uniform(0.3, 1.2, 6)),
        "SelfConsistentEffectiveMedium": (
            maps.SelfConsistentEffectiveMedium(nP=5, sigma0=0.2, sigma1=3.0),
            rng.uniform(0.1, 0.9, 5),
        ),
        "ParametricCircleMap": (
            maps.ParametricCircleMap(flat, slope=2.0), np.array([-1.0, -2.0, 0.4, 0.6, 0.3])
        ),
        "ParametricPolyMap": (
            maps.ParametricPolyMap(flat, order=2, slope=3.0, normal="Y"),
            np.array([-1.0, -2.0, 0.3, 0.2, 0.4]),
        ),
        "ParametricLayer": (
            maps.ParametricLayer(flat, slope=3.0), np.array([0.3, 2.0, 0.5, 0.4])
        ),
        "ParametricBlock": (
            maps.ParametricBlock(flat, slope=3.0, epsilon=0.05, p=4.0),
            np.array([0.3, 2.0, 0.45, 0.4, 0.55, 0.5]),
        ),
        "ParametricEllipsoid": (
            maps.ParametricEllipsoid(flat, slope=3.0, epsilon=0.05),
            np.array([0.3, 2.0, 0.45, 0.4, 0.55, 0.5]),
        ),
        "SurjectVertical1D": (maps.SurjectVertical1D(flat), rng.normal(size=4)),
        "SurjectFull": (maps.SurjectFull(flat), rng.normal(size=1)),
    }  # fmt: skip
    for name, (one, at) in made.items():
        pair = by_jacobian(lambda m, f=one: np.array(f * m),
                           lambda m, f=one: _dense(f.deriv(m)))  # fmt: skip
        yield Case(PACKAGE, f"maps.{name}", pair, (at,))
        if name in ("ExpMap", "LogMap", "LogisticSigmoidMap", "ComboMap"):
            pair = Pair(lambda m, f=one: (np.array(f * m), m),
                        lambda dout, m, f=one: f.deriv(m).T @ dout)  # fmt: skip
            yield Case(PACKAGE, f"maps.{name}", pair, (at,), "transposed")
    cells = flat.n_cells
    m, reference = rng.normal(size=cells), rng.normal(size=cells)
    wires = maps.Wires(("a", cells), ("b", cells))
    penalties: dict[str, tuple[Any, Any]] = {
        "Smallness": (regularization.Smallness(flat, reference_model=reference), m),
        "SmoothnessFirstOrder": (regularization.SmoothnessFirstOrder(flat, orientation="x"), m),
        "SmoothnessSecondOrder": (regularization.SmoothnessSecondOrder(flat, orientation="y"), m),
        "SmoothnessFullGradient": (regularization.SmoothnessFullGradient(flat), m),
        "WeightedLeastSquares": (
            regularization.WeightedLeastSquares(flat, alpha_s=0.3, alpha_x=0.5, alpha_y=0.7),
            m,
        ),
        "CrossGradient": (
            regularization.CrossGradient(flat, wires, approx_hessian=False),
            np.r_[m, reference],
        ),
        "JointTotalVariation": (
            regularization.JointTotalVariation(flat, wires, eps=0.1),
            np.r_[m, reference],
        ),
        "LinearCorrespondence": (
            regularization.LinearCorrespondence(flat, wires, coefficients=[1.0, -0.4, 0.3]),
            np.r_[m, reference],
        ),
    }
    for name, (one, at) in penalties.items():
        value = two_functions(lambda m, f=one: float(f(m)), lambda m, f=one: np.array(f.deriv(m)))
        yield Case(PACKAGE, f"regularization.{name}.deriv", value, (at,))
        if name != "JointTotalVariation":  # its second derivative is an approximation
            pair = Pair(lambda m, f=one: (np.array(f.deriv(m)), m),
                        lambda dout, m, f=one: np.array(f.deriv2(m, dout)))  # fmt: skip
            yield Case(PACKAGE, f"regularization.{name}.deriv2", pair, (at,))


def _dense(matrix: Any) -> Any:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)
