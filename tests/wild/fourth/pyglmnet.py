"""pyglmnet: losses of penalized generalized linear models."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.fourth.glue import with_old_names
from tests.wild.glue import elementwise, two_functions

PACKAGE = "pyglmnet"
DISTRIBUTIONS = ("gaussian", "binomial", "softplus", "poisson", "probit", "gamma")


def cases() -> Iterator[Case]:
    with_old_names()
    from pyglmnet import pyglmnet as of

    rng = np.random.default_rng(54)
    X, beta = rng.normal(size=(8, 3)), 0.5 * rng.normal(size=4)
    tau = rng.normal(size=(3, 3))
    counts, hits, z = rng.poisson(2.0, 8), rng.integers(0, 2, 8), rng.normal(size=6)
    for name in DISTRIBUTIONS:
        y = {"binomial": hits, "probit": hits, "gamma": rng.gamma(2.0, size=8)}.get(name, counts)
        for label, matrix in (("", None), ("Tikhonov", tau)):
            pair = two_functions(
                lambda b, n=name, y=y, t=matrix: of._L2loss(n, 0.3, t, 0.2, X, y, 2.0, None, b),
                lambda b, n=name, y=y, t=matrix: of._grad_L2loss(n, 0.3, t, 0.2, X, y, 2.0, b),
            )
            yield Case(PACKAGE, f"_grad_L2loss, {name}", pair, (beta,), label)
        mean = elementwise(lambda z, n=name: of._mu(n, z, 0.5, True),
                           lambda z, n=name: of._grad_mu(n, z, 0.5))  # fmt: skip
        yield Case(PACKAGE, f"_grad_mu, {name}", mean, (z,))
    far, ones, labels = np.array([0.4, 6.5, -7.0]), np.eye(3), np.array([1, 0, 1])
    pair = two_functions(
        lambda b: of._L2loss("probit", 0.3, None, 0.2, ones, labels, 2.0, None, np.r_[0.0, b]),
        lambda b: of._grad_L2loss("probit", 0.3, None, 0.2, ones, labels, 2.0, np.r_[0.0, b])[1:],
    )
    yield Case(PACKAGE, "_grad_L2loss, probit", pair, (far,), "far")
