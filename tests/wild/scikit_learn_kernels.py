"""scikit-learn: kernels of Gaussian processes by their hyperparameters, and losses of its SGD."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "scikit-learn"
X = np.random.default_rng(616).normal(size=(5, 2))


def cases() -> Iterator[Case]:
    """Kernels with `eval_gradient`, marginal likelihoods, then losses with their derivatives."""
    rng = np.random.default_rng(617)
    yield from _kernels()
    yield from _processes(rng)
    yield from _descent(rng)


def _kernels() -> Iterator[Case]:
    from sklearn.gaussian_process import kernels as k

    for label, kernel in {
        "RBF": k.RBF(0.8),
        "RBF by axis": k.RBF([0.8, 1.9]),
        "Matern 1/2": k.Matern(1.1, nu=0.5),
        "Matern 3/2": k.Matern(1.1, nu=1.5),
        "Matern 5/2 by axis": k.Matern([1.1, 0.7], nu=2.5),
        "Matern infinite": k.Matern(1.1, nu=np.inf),
        "Matern 1.8": k.Matern(1.1, nu=1.8),
        "RationalQuadratic": k.RationalQuadratic(0.9, 1.4),
        "ExpSineSquared": k.ExpSineSquared(1.3, 2.1),
        "DotProduct": k.DotProduct(0.6),
        "WhiteKernel": k.WhiteKernel(0.2),
        "sum and product": k.ConstantKernel(1.7) * k.RBF(1.1) + k.WhiteKernel(0.1),
        "Exponentiation": k.Exponentiation(k.DotProduct(1.2), 2),
        "PairwiseKernel rbf": k.PairwiseKernel(gamma=0.6, metric="rbf"),
        "PairwiseKernel laplacian": k.PairwiseKernel(gamma=0.6, metric="laplacian"),
    }.items():

        def forward(theta: Any, kernel: Any = kernel) -> tuple[Any, Any]:
            return kernel.clone_with_theta(theta)(X, eval_gradient=True)

        def backward(dout: Any, slopes: Any) -> Any:
            return np.tensordot(dout, slopes, dout.ndim)

        pair = Pair(forward, backward)
        yield Case(PACKAGE, f"gaussian_process.kernels {label}", pair, (kernel.theta,), "ordinary")


def _processes(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
    from sklearn.gaussian_process import kernels as k

    kernel = k.ConstantKernel(1.2) * k.RBF(0.9) + k.WhiteKernel(0.3)
    labels = np.array([0, 1, 1, 0, 1])
    for make, y in (
        (GaussianProcessRegressor, rng.normal(size=5)),
        (GaussianProcessClassifier, labels),
    ):
        model = make(kernel, optimizer=None).fit(X, y)

        def likelihood(theta: Any, model: Any = model) -> Any:
            return model.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=True)

        name = f"{make.__name__}.log_marginal_likelihood"
        yield Case(PACKAGE, name, ValueAndGrad(likelihood), (kernel.theta,), "ordinary")
        yield Case(PACKAGE, name, ValueAndGrad(likelihood), (np.zeros(3),), "edge 0")


def _descent(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn.linear_model import _sgd_fast

    p = rng.normal(size=6)
    y = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
    for name, given in {
        "Hinge": (1.0,),
        "SquaredHinge": (1.0,),
        "ModifiedHuber": (),
        "EpsilonInsensitive": (0.3,),
        "SquaredEpsilonInsensitive": (0.3,),
    }.items():
        loss = getattr(_sgd_fast, name)(*given)

        def value(p: Any, loss: Any = loss) -> Any:
            return np.array([loss.py_loss(each, t) for each, t in zip(p, y, strict=True)])

        def slope(p: Any, loss: Any = loss) -> Any:
            return np.array([loss.py_dloss(each, t) for each, t in zip(p, y, strict=True)])

        one = elementwise(value, slope)
        yield Case(PACKAGE, f"_sgd_fast.{name}.py_dloss", one, (p,), "ordinary")
        edge = np.array([1.0, -1.0, -1.0, 0.7, 1.0, 9.0])
        yield Case(PACKAGE, f"_sgd_fast.{name}.py_dloss", one, (edge,), "edge kinks")
