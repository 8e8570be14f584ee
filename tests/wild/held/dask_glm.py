"""Dask-GLM: families and regularizers, gradients and Hessians by hand."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "dask-glm"


def cases() -> Iterator[Case]:
    from dask_glm import families, regularizers

    rng = np.random.default_rng(10)
    X, w = rng.normal(size=(7, 3)), np.array([0.4, -0.7, 0.2])
    binary, counts = np.array([0, 1, 1, 0, 1, 0, 0]), np.array([0, 1, 4, 0, 2, 0, 1])
    for family, y in (
        (families.Logistic, binary),
        (families.Normal, X @ w + rng.normal(size=7)),
        (families.Poisson, counts),
    ):
        name = family.__name__
        subject = two_functions(
            lambda w, of=family, y=y: of.pointwise_loss(w, X, y),
            lambda w, of=family, y=y: of.pointwise_gradient(w, X, y),
        )
        yield Case(PACKAGE, f"{name}.pointwise_gradient", subject, (w,))
        second = by_jacobian(
            lambda w, of=family, y=y: of.pointwise_gradient(w, X, y),
            lambda w, of=family: of.hessian(X.dot(w), X),
        )
        yield Case(PACKAGE, f"{name}.hessian", second, (w,))
    for name in ("L1", "L2", "ElasticNet"):
        penalty = getattr(regularizers, name)()
        yield Case(PACKAGE, f"{name}.gradient", two_functions(penalty.f, penalty.gradient), (w,))
        if name != "L1":
            second = by_jacobian(penalty.gradient, penalty.hessian)
            yield Case(PACKAGE, f"{name}.hessian", second, (w,))
