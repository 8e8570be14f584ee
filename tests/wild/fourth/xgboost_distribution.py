"""xgboost-distribution: negative log-likelihoods by rows of parameters, with float32 gradients."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "xgboost-distribution"


def cases() -> Iterator[Case]:
    from xgboost_distribution import distributions as of

    rng = np.random.default_rng(50)
    y, two, one = rng.normal(size=5), 0.5 * rng.normal(size=(5, 2)), 0.5 * rng.normal(size=(5, 1))
    counts = rng.poisson(2.0, 5).astype(float)
    for name, given, parameters in (
        ("Normal", y, two),
        ("LogNormal", np.exp(y), two),
        ("Laplace", y, two),
        ("Exponential", np.exp(y)[:, None], one),
        ("Poisson", counts[:, None], one),
    ):
        made = getattr(of, name)()

        def value(p: np.ndarray, made: object = made, y: np.ndarray = given) -> float:
            return made.loss(y, p)[1].sum()

        def gradient(p: np.ndarray, made: object = made, y: np.ndarray = given) -> np.ndarray:
            flat = y[:, 0] if y.ndim == 2 else y
            columns = p[:, 0] if y.ndim == 2 else p
            return made.gradient_and_hessian(flat, columns, natural_gradient=False)[0]

        pair = two_functions(value, gradient)
        yield Case(PACKAGE, name, pair, (parameters,))
        yield Case(PACKAGE, name, pair, (parameters.astype(np.float32),), "float32")
