"""skglm: data fits of sparse models, and gradients by the prediction and by the coefficients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise, two_functions

PACKAGE = "skglm"


def cases() -> Iterator[Case]:
    from skglm import datafits, penalties

    rng = np.random.default_rng(2)
    X, w = rng.normal(size=(9, 4)), rng.normal(size=4)
    prediction, y = rng.normal(size=(2, 9))
    sides, counts = np.where(y > 0, 1.0, -1.0), rng.poisson(2.0, 9).astype(float)
    times = np.stack([np.round(rng.exponential(size=9), 1), rng.integers(0, 2, 9)], 1)
    tied = np.stack([np.array([1.0, 1, 1, 2, 2, 3, 3, 3, 4]), np.ones(9)], 1)
    for name, fit, target, label in (
        ("Quadratic", datafits.Quadratic(), y, ""),
        ("WeightedQuadratic", datafits.WeightedQuadratic(rng.uniform(0.5, 2, 9)), y, ""),
        ("Logistic", datafits.Logistic(), sides, ""),
        ("Poisson", datafits.Poisson(), counts, ""),
        ("Gamma", datafits.Gamma(), counts + 0.5, ""),
        ("Cox", datafits.Cox(use_efron=False), times, ""),
        ("Cox", datafits.Cox(use_efron=True), times, "efron"),
        ("Cox", datafits.Cox(use_efron=True), tied, "efron, ties"),
    ):
        fit.initialize(X, target)
        yield Case(PACKAGE, f"{name}.raw_grad", *_by_prediction(fit, target, w, prediction), label)
        if hasattr(fit, "gradient"):
            yield Case(PACKAGE, f"{name}.gradient", *_by_coefficients(fit, X, target, w), label)
    for name, fit, target in (
        ("Huber", datafits.Huber(0.8), y),
        ("QuadraticSVC", datafits.QuadraticSVC(), y),
        ("Gamma", datafits.Gamma(), counts + 0.5),
    ):
        yield Case(PACKAGE, f"{name}.gradient_scalar", *_by_each(fit, X, target, w))
    small = np.array([0.3, -0.7, 1.2, -2.1])
    for name, penalty in (
        ("LogSumPenalty", penalties.LogSumPenalty(0.7, 0.3)),
        ("L0_5", penalties.L0_5(0.7)),
        ("L2_3", penalties.L2_3(0.7)),
    ):
        if hasattr(penalty, "derivative"):
            one = np.vectorize(lambda x, p=penalty: p.value(np.array([x])), otypes=[float])
            yield Case(PACKAGE, f"{name}.derivative", elementwise(one, penalty.derivative),
                       (np.abs(small),))  # fmt: skip


def _by_prediction(fit: Any, y: Any, w: Any, at: Any) -> Any:
    return two_functions(lambda Xw: fit.value(y, w, Xw), lambda Xw: fit.raw_grad(y, Xw)), (at,)


def _by_coefficients(fit: Any, X: Any, y: Any, w: Any) -> Any:
    def gradient(w: Any) -> Any:
        return fit.gradient(X, y, X @ w)

    return two_functions(lambda w: fit.value(y, w, X @ w), gradient), (w,)


def _by_each(fit: Any, X: Any, y: Any, w: Any) -> Any:
    def gradient(w: Any) -> Any:
        return np.array([fit.gradient_scalar(X, y, w, X @ w, j) for j in range(len(w))])

    return two_functions(lambda w: fit.value(y, w, X @ w), gradient), (w,)
