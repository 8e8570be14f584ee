"""iminuit: costs of fits, with gradients of models that users write."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "iminuit"


def line(x: Any, a: float, b: float) -> Any:
    return a + b * np.sin(x)


def line_gradient(x: Any, a: float, b: float) -> Any:
    return np.stack([np.ones_like(x), np.sin(x)])


def cdf(x: Any, rate: float, shape: float) -> Any:
    return -np.expm1(-((rate * x) ** shape))


def cdf_gradient(x: Any, rate: float, shape: float) -> Any:
    power = (rate * x) ** shape
    log = np.log(np.where(x > 0, rate * x, 1.0))
    return np.exp(-power) * power * np.stack([np.full_like(x, shape / rate), log])


def density(x: Any, rate: float, shape: float) -> Any:
    return shape * rate * (rate * x) ** (shape - 1) * np.exp(-((rate * x) ** shape))


def log_density(x: Any, rate: float, shape: float) -> Any:
    return np.log(shape * rate) + (shape - 1) * np.log(rate * x) - (rate * x) ** shape


def log_density_gradient(x: Any, rate: float, shape: float) -> Any:
    power, log = (rate * x) ** shape, np.log(rate * x)
    return np.stack([shape / rate * (1 - power), 1 / shape + log * (1 - power)])


def density_gradient(x: Any, *parameters: float) -> Any:
    return density(x, *parameters) * log_density_gradient(x, *parameters)


def cases() -> Iterator[Case]:
    from iminuit import cost as of

    rng = np.random.default_rng(11)
    x = np.linspace(0.2, 3, 7)
    y, errors = line(x, 1.0, 2.0) + rng.normal(size=7), rng.uniform(0.5, 1.5, 7)
    edges = np.array([0.0, 0.4, 0.9, 1.7, 3.0])
    counts, weighted = np.array([3.0, 5, 0, 2]), np.array([[3.0, 4], [5, 6], [1, 2], [2, 3]])
    data, at = rng.weibull(1.5, 6) + 0.05, np.array([0.8, 1.4])
    with_size = np.array([8.0, 0.8, 1.4])
    for name, made, parameters, label in (
        ("LeastSquares", of.LeastSquares(x, y, errors, line, grad=line_gradient), at, ""),
        ("LeastSquares", of.LeastSquares(
            x, y, errors, line, loss="soft_l1", grad=line_gradient), at, "soft_l1"),
        ("UnbinnedNLL", of.UnbinnedNLL(data, density, grad=density_gradient), at, ""),
        ("UnbinnedNLL", of.UnbinnedNLL(
            data, log_density, log=True, grad=log_density_gradient), at, "log"),
        ("ExtendedUnbinnedNLL", of.ExtendedUnbinnedNLL(
            data, _extended(density), grad=_extended_gradient), with_size, ""),
        ("BinnedNLL", of.BinnedNLL(counts, edges, cdf, grad=cdf_gradient), at, ""),
        ("BinnedNLL", of.BinnedNLL(weighted, edges, cdf, grad=cdf_gradient), at, "weighted"),
        ("ExtendedBinnedNLL", of.ExtendedBinnedNLL(
            counts, edges, _scaled, grad=_scaled_gradient), with_size, ""),
        ("ExtendedBinnedNLL", of.ExtendedBinnedNLL(
            weighted, edges, _scaled, grad=_scaled_gradient), with_size, "weighted"),
        ("NormalConstraint", of.NormalConstraint(("a", "b"), (1.0, 2.0), (0.5, 0.7)), at, ""),
        ("NormalConstraint", of.NormalConstraint(
            ("a", "b"), (1.0, 2.0), ((0.5, 0.1), (0.1, 0.7))), at, "covariance"),
        ("CostSum", of.LeastSquares(x, y, errors, line, grad=line_gradient)
         + of.NormalConstraint("b", 2.0, 0.7), at, ""),
    ):  # fmt: skip
        pair = two_functions(lambda p, m=made: m(*p), lambda p, m=made: m.grad(*p))
        yield Case(PACKAGE, name, pair, (parameters,), label)


def _extended(function: Any) -> Any:
    def value(x: Any, size: float, rate: float, shape: float) -> Any:
        return size * cdf(3.0, rate, shape), size * function(x, rate, shape)

    return value


def _extended_gradient(x: Any, size: float, rate: float, shape: float) -> Any:
    rest = (rate, shape)
    whole = np.array([3.0])
    integral = np.concatenate([cdf(whole, *rest), size * cdf_gradient(whole, *rest)[:, 0]])
    return integral, np.concatenate([[density(x, *rest)], size * density_gradient(x, *rest)])


def _scaled(x: Any, size: float, rate: float, shape: float) -> Any:
    return size * cdf(x, rate, shape)


def _scaled_gradient(x: Any, size: float, rate: float, shape: float) -> Any:
    return np.concatenate([[cdf(x, rate, shape)], size * cdf_gradient(x, rate, shape)])
