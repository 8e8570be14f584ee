"""scikit-optimize: kernels by the point, and acquisition functions with their gradients."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian

PACKAGE = "scikit-optimize"


def cases() -> Iterator[Case]:
    from skopt.learning.gaussian_process import kernels as of

    rng = np.random.default_rng(10)
    data, x = rng.normal(size=(5, 3)), rng.normal(size=3)
    scales = np.array([0.7, 1.3, 2.1])
    for label, kernel in (
        ("RBF", of.RBF(1.2)),
        ("RBF of three", of.RBF(scales)),
        ("Matern 1/2", of.Matern(1.2, nu=0.5)),
        ("Matern 3/2", of.Matern(scales, nu=1.5)),
        ("Matern 5/2", of.Matern(1.2, nu=2.5)),
        ("RationalQuadratic", of.RationalQuadratic(1.2, 0.7)),
        ("ExpSineSquared", of.ExpSineSquared(1.2, 2.7)),
        ("DotProduct", of.DotProduct(0.7)),
        ("sum", of.RBF(1.2) + of.ConstantKernel(0.5)),
        ("product", of.ConstantKernel(0.5) * of.Matern(1.2, nu=2.5)),
        ("power", of.Exponentiation(of.RBF(1.2), 2.5)),
    ):
        function = functools.partial(_values, kernel, data)
        pair = by_jacobian(function, functools.partial(_slopes, kernel, data))
        yield Case(PACKAGE, "gradient_x", pair, (x,), label)
        if label in ("RBF", "Matern 3/2", "Matern 5/2"):
            yield Case(PACKAGE, "gradient_x", pair, (data[1].copy(),), f"{label}, at a datum")


def _values(kernel: Any, data: np.ndarray, x: Any) -> Any:
    return kernel(x[None], data)[0]


def _slopes(kernel: Any, data: np.ndarray, x: Any) -> Any:
    return kernel.gradient_x(x, data)
