"""astropy: models with `fit_deriv`, the derivatives of their values by their parameters."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_parameters

PACKAGE = "astropy"
OF_ONE = {
    "functional_models": {
        "Gaussian1D": (1.3, 0.4, 0.8),
        "Sine1D": (1.3, 0.7, 0.2),
        "Cosine1D": (1.3, 0.7, 0.2),
        "Tangent1D": (1.3, 0.1, 0.02),
        "ArcSine1D": (3.3, 0.7, 0.2),
        "ArcCosine1D": (3.3, 0.7, 0.2),
        "ArcTangent1D": (1.3, 0.7, 0.2),
        "Linear1D": (0.4, -1.2),
        "Lorentz1D": (1.3, 0.4, 0.9),
        "Voigt1D": (0.4, 1.3, 0.9, 0.7),
        "Moffat1D": (1.3, 0.4, 0.9, 1.7),
        "KingProjectedAnalytic1D": (1.3, 0.9, 4.0),
        "Exponential1D": (1.3, -2.0),
        "Logarithmic1D": (1.3, 0.2),
    },
    "powerlaws": {
        "PowerLaw1D": (1.3, 0.9, 1.7),
        "BrokenPowerLaw1D": (1.3, 0.9, 1.7, -0.4),
        "SmoothlyBrokenPowerLaw1D": (1.3, 0.9, 1.7, -0.4, 0.3),
        "ExponentialCutoffPowerLaw1D": (1.3, 0.9, 1.7, 2.1),
        "LogParabola1D": (1.3, 0.9, 1.7, 0.4),
        "Schechter1D": (1.3, 0.5, -0.9),
    },
}
OF_TWO = {
    "Gaussian2D": (1.3, 0.4, -0.2, 0.8, 1.1, 0.6),
    "Lorentz2D": (1.3, 0.4, -0.2, 0.9),
    "Moffat2D": (1.3, 0.4, -0.2, 0.9, 1.7),
    "Planar2D": (0.4, -1.2, 0.3),
}


def cases() -> Iterator[Case]:
    import importlib

    from astropy.modeling import functional_models as of
    from astropy.modeling import polynomial

    x, y = np.array([0.3, 0.7, 1.1, 1.6, 2.3]), np.array([0.5, -0.3, 0.2, 0.8, -1.1])
    for file, models in OF_ONE.items():
        module = importlib.import_module(f"astropy.modeling.{file}")
        for name, parameters in models.items():
            yield _case(name, getattr(module, name), (x,), parameters)
    for name, parameters in OF_TWO.items():
        yield _case(name, getattr(of, name), (x, y), parameters)
    for name in ("Polynomial1D", "Chebyshev1D", "Legendre1D", "Hermite1D"):
        made = getattr(polynomial, name)(3)
        yield _case(name, made, (x,), (0.3, -1.2, 0.5, 0.9))


def _case(name: str, model: Any, at: Any, parameters: tuple[float, ...]) -> Case:
    made = model() if isinstance(model, type) else model
    pair = of_parameters(
        functools.partial(_value, made, at), functools.partial(_partials, made, at)
    )
    return Case(PACKAGE, name, pair, tuple(map(np.array, parameters)))


def _value(model: Any, at: Any, *parameters: Any) -> Any:
    return np.asarray(model.evaluate(*at, *(np.atleast_1d(float(p)) for p in parameters)))


def _partials(model: Any, at: Any, *parameters: Any) -> Any:
    found = model.fit_deriv(*at, *map(float, parameters))
    return list(found.T) if isinstance(found, np.ndarray) and len(found) == len(at[0]) else found
