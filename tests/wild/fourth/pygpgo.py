"""pyGPGO: covariances of Gaussian processes, with derivatives by their parameters."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "pyGPGO"
KERNELS = {
    "squaredExponential": ("l", "sigmaf", "sigman"),
    "matern32": ("l", "sigmaf", "sigman"),
    "matern52": ("l", "sigmaf", "sigman"),
    "gammaExponential": ("gamma", "l", "sigmaf", "sigman"),
    "rationalQuadratic": ("alpha", "l", "sigmaf", "sigman"),
    "expSine": ("l", "period"),
    "dotProd": ("sigmaf", "sigman"),
}
START = {"l": 0.7, "sigmaf": 1.3, "sigman": 0.2, "gamma": 1.4, "alpha": 0.9, "period": 1.7}


def cases() -> Iterator[Case]:
    from pyGPGO import covfunc

    rng = np.random.default_rng(52)
    X = rng.normal(size=(4, 2))
    for name, parameters in KERNELS.items():
        for parameter in parameters:
            made = getattr(covfunc, name)
            at = np.array(START[parameter])
            yield Case(PACKAGE, f"{name}.gradK", _by(made, parameter, X), (at,), parameter)


def _by(made: Any, parameter: str, X: np.ndarray) -> Pair:
    def kernel(value: Any) -> Any:
        others = {name: START[name] for name in START if name in made.__init__.__code__.co_varnames}
        return made(**(others | {parameter: float(value)}))

    def backward(dout: Any, value: Any) -> Any:
        return np.sum(dout * kernel(value).gradK(X, X, param=parameter))

    return Pair(lambda value: (kernel(value).K(X, X), value), backward)
