"""george: kernels of Gaussian processes, compiled, with gradients by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "george"


def cases() -> Iterator[Case]:
    import george
    from george import kernels

    rng = np.random.default_rng(13)
    X, other = rng.normal(size=(4, 1)), rng.normal(size=(3, 1))
    built = {
        "ExpSquaredKernel": lambda: kernels.ExpSquaredKernel(0.7),
        "ExpKernel": lambda: kernels.ExpKernel(0.7),
        "Matern32Kernel": lambda: kernels.Matern32Kernel(0.7),
        "Matern52Kernel": lambda: kernels.Matern52Kernel(0.7),
        "RationalQuadraticKernel": lambda: kernels.RationalQuadraticKernel(
            log_alpha=0.3, metric=0.7
        ),
        "CosineKernel": lambda: kernels.CosineKernel(log_period=0.4),
        "ExpSine2Kernel": lambda: kernels.ExpSine2Kernel(gamma=0.8, log_period=0.4),
        "LocalGaussianKernel": lambda: kernels.LocalGaussianKernel(location=0.2, log_width=0.1),
        "LinearKernel": lambda: kernels.LinearKernel(log_gamma2=0.3, order=2),
        "PolynomialKernel": lambda: kernels.PolynomialKernel(log_sigma2=0.2, order=3),
        "ConstantKernel": lambda: kernels.ConstantKernel(0.4),
        "sum": lambda: kernels.ExpSquaredKernel(0.7) + 0.5 * kernels.CosineKernel(0.4),
        "product": lambda: kernels.ExpSquaredKernel(0.7) * kernels.ExpSine2Kernel(0.8, 0.4),
    }
    for name, make in built.items():
        at = np.array(make().get_parameter_vector(), float)
        yield Case(PACKAGE, f"{name}.get_gradient", _kernel(make, X, other), (at,))
    times, y = np.sort(rng.uniform(0, 4, 6)), rng.normal(size=6)

    def process(parameters: Any) -> Any:
        kernel = 0.6 * kernels.ExpSquaredKernel(0.7)
        gp = george.GP(kernel, mean=0.1, fit_mean=True, white_noise=-1.0, fit_white_noise=True)
        gp.set_parameter_vector(np.asarray(parameters))
        gp.compute(times, 0.1)
        return gp

    at = np.array([0.1, -1.0, -0.5, 0.3])
    subject = two_functions(
        lambda p: process(p).log_likelihood(y), lambda p: process(p).grad_log_likelihood(y)
    )
    yield Case(PACKAGE, "GP.grad_log_likelihood", subject, (at,))


def _kernel(make: Any, X: Any, other: Any) -> Pair:
    def at(parameters: Any) -> Any:
        kernel = make()
        kernel.set_parameter_vector(np.asarray(parameters))
        return kernel

    def backward(dout: Any, parameters: Any) -> Any:
        return np.tensordot(dout, at(parameters).get_gradient(X, other), axes=2)

    return Pair(lambda p: (at(p).get_value(X, other), p), backward)
