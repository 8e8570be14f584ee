"""openturns: densities with their slopes, covariances, polynomials, transformations."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.fourth.glue import of_array
from tests.wild.glue import by_jacobian
from tests.wild.second.glue import of_numbers

PACKAGE = "openturns"
DISTRIBUTIONS = {
    "Normal": (0.3, 1.2), "Gamma": (2.3, 1.4), "Beta": (2.1, 3.3, -1.0, 2.0), "Exponential": (1.3,),
    "Weibull": (1.2, 2.1), "WeibullMin": (1.2, 2.1), "WeibullMax": (1.2, 2.1), "Gumbel": (0.8, 0.3),
    "Frechet": (1.1, 2.4), "Logistic": (0.3, 0.8), "LogNormal": (0.2, 0.6), "Laplace": (0.4, 1.1),
    "Student": (4.5, 0.2, 1.1), "Triangular": (-1.0, 0.4, 2.0),
    "Trapezoidal": (-1.0, 0.1, 0.9, 2.0),
    "Rayleigh": (1.3,), "Rice": (1.1, 0.9), "ChiSquare": (3.4,), "Chi": (3.4,),
    "FisherSnedecor": (5.2, 7.1), "GeneralizedPareto": (1.1, 0.3), "InverseGamma": (1.2, 2.3),
    "InverseNormal": (1.3, 2.2), "Arcsine": (-1.5, 2.0), "TruncatedNormal": (0.3, 1.2, -1.0, 2.0),
    "Burr": (1.7, 2.3), "Epanechnikov": (), "Pareto": (1.1, 2.3, -1.2), "VonMises": (0.2, 1.4),
    "MeixnerDistribution": (1.2, 0.4, 0.9, 0.1), "LogUniform": (-1.0, 1.0),
}  # fmt: skip


def cases() -> Iterator[Case]:
    import openturns as ot

    for name, given in DISTRIBUTIONS.items():
        if not hasattr(ot, name):
            continue
        made = getattr(ot, name)(*given)
        low, high = made.computeQuantile(0.2)[0], made.computeQuantile(0.7)[0]
        at = np.array([low, (low + high) / 2, high])
        density = of_numbers(lambda x, m=made: m.computePDF([float(x)]),
                             lambda x, m=made: m.computeDDF([float(x)])[0])  # fmt: skip
        yield Case(PACKAGE, f"{name}.computeDDF", density, (at,))
        whole = of_numbers(lambda x, m=made: m.computeCDF([float(x)]),
                           lambda x, m=made: m.computePDF([float(x)]))  # fmt: skip
        yield Case(PACKAGE, f"{name}.computePDF", whole, (at,))
    for name in ("Normal", "Gamma", "Exponential", "Logistic", "LogNormal", "Gumbel", "WeibullMin",
                 "Student", "Laplace"):  # fmt: skip
        for what in ("PDF", "CDF"):
            pair, at = _by_parameters(ot, name, what)
            yield Case(PACKAGE, f"{name}.compute{what}Gradient", pair, (at,))
    yield from _covariances(ot)
    yield from _functions(ot)


def _by_parameters(ot: Any, name: str, what: str) -> tuple[Pair, np.ndarray]:
    made = getattr(ot, name)(*DISTRIBUTIONS[name])
    at = np.array(made.getParameter())
    x = [made.computeQuantile(0.4)[0]]

    def of(parameters: Any, method: str) -> Any:
        made.setParameter(list(map(float, parameters)))
        return getattr(made, method)(x)

    return of_array(lambda p: of(p, f"compute{what}"),
                    lambda p: np.array(of(p, f"compute{what}Gradient"))), at  # fmt: skip


def _covariances(ot: Any) -> Iterator[Case]:
    scale, amplitude, origin = [1.3, 0.7], [1.1], [0.0, 0.3]
    for name, extra in (("SquaredExponential", ()), ("MaternModel", (2.5,)),
                        ("MaternModel", (1.5,)), ("MaternModel", (0.8,)),
                        ("AbsoluteExponential", ()), ("GeneralizedExponential", (1.7,)),
                        ("SphericalModel", (3.0,)),
                        ("ExponentiallyDampedCosineModel", (0.9,))):  # fmt: skip
        made = getattr(ot, name)(scale, amplitude, *extra)

        def slopes(s: Any, m: Any = made) -> Any:
            return np.array(m.partialGradient(list(map(float, s)), origin))[:, 0]

        pair = of_array(lambda s, m=made: m(list(map(float, s)), origin)[0, 0], slopes)
        yield Case(PACKAGE, f"{name}.partialGradient", pair, (np.array([0.5, -0.2]),), str(*extra))


def _functions(ot: Any) -> Iterator[Case]:
    at = np.array([-0.6, 0.3, 0.8])
    for name, given in (("LegendreFactory", ()), ("HermiteFactory", ()),
                        ("LaguerreFactory", (0.5,)), ("JacobiFactory", (0.7, 1.2)),
                        ("ChebychevFactory", ())):  # fmt: skip
        made = getattr(ot, name)(*given).build(5)
        pair = of_numbers(lambda x, m=made: m(float(x)), lambda x, m=made: m.gradient(float(x)))
        yield Case(PACKAGE, f"{name}.gradient", pair, (at,))
        pair = of_numbers(
            lambda x, m=made: m.gradient(float(x)), lambda x, m=made: m.hessian(float(x))
        )
        yield Case(PACKAGE, f"{name}.hessian", pair, (at,))
    R = ot.CorrelationMatrix([[1.0, 0.4], [0.4, 1.0]])
    normal = ot.Normal([1.0, 2.0], [1.0, 0.5], R)
    marginals = [ot.Gamma(2.0, 1.0), ot.Uniform(-1.0, 2.0)]
    clayton = ot.JointDistribution(marginals, ot.ClaytonCopula(2.0))
    apart = ot.JointDistribution(marginals)
    student = ot.JointDistribution(marginals, ot.NormalCopula(R))
    for label, joint in (("normal", normal), ("independent", apart), ("normal copula", student),
                         ("Clayton copula", clayton)):  # fmt: skip
        inside = np.array(joint.getMean())
        yield Case(
            PACKAGE,
            "IsoProbabilisticTransformation",
            _smooth(joint.getIsoProbabilisticTransformation()),
            (inside,),
            label,
        )
        yield Case(PACKAGE, "InverseIsoProbabilisticTransformation",
                   _smooth(joint.getInverseIsoProbabilisticTransformation()),
                   (np.array([0.3, -0.5]),), label)  # fmt: skip
    for power in (0.4, 0.0):
        yield Case(PACKAGE, "BoxCoxTransform", _smooth(ot.BoxCoxTransform([power])),
                   (np.array([1.3]),), str(power))  # fmt: skip
        yield Case(PACKAGE, "InverseBoxCoxTransform", _smooth(ot.InverseBoxCoxTransform([power])),
                   (np.array([0.3]),), str(power))  # fmt: skip


def _smooth(function: Any) -> Pair:
    def value(x: Any) -> Any:
        return np.array(function(list(map(float, x))))

    return by_jacobian(value, lambda x: np.array(function.gradient(list(map(float, x)))).T)
