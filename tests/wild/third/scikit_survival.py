"""scikit-survival: losses of survival times, by coefficients and by predictions."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "scikit-survival"


def cases() -> Iterator[Case]:
    from sksurv.ensemble import survival_loss as losses
    from sksurv.linear_model.coxph import CoxPHOptimizer
    from sksurv.util import Surv

    rng = np.random.default_rng(17)
    X, w = rng.normal(size=(8, 3)), rng.normal(size=3)
    event = np.array([True, False, True, True, False, True, True, True])
    time = np.array([1.0, 2, 2, 3, 3, 3, 5, 6])
    for ties in ("breslow", "efron"):

        def made(w: Any, ties: Any = ties) -> Any:
            optimizer = CoxPHOptimizer(X, event, time, np.full(3, 0.3), ties)
            optimizer.update(w)
            return optimizer

        gradient = two_functions(lambda w, o=made: o(w).nlog_likelihood(w),
                                 lambda w, o=made: np.array(o(w).gradient))  # fmt: skip
        yield Case(PACKAGE, "CoxPHOptimizer", gradient, (w,), ties)
        hessian = by_jacobian(lambda w, o=made: np.array(o(w).gradient),
                              lambda w, o=made: np.array(o(w).hessian))  # fmt: skip
        yield Case(PACKAGE, "CoxPHOptimizer", hessian, (w,), f"{ties}, Hessian")
    y, raw = Surv.from_arrays(event, time), rng.normal(size=8)
    for name in ("CoxPH", "CensoredSquaredLoss", "IPCWLeastSquaresError"):
        yield Case(PACKAGE, name, _of_predictions(getattr(losses, name)(), y), (raw,))
    yield from _ranks(X, event, time, w)


def _of_predictions(loss: Any, y: Any) -> Any:
    """Their `gradient` is minus the gradient, as boosting wants it."""
    return two_functions(lambda raw: float(loss(y, raw)), lambda raw: -loss.gradient(y, raw))


def _ranks(X: Any, event: Any, time: Any, w: Any) -> Iterator[Case]:
    from sksurv.svm import survival_svm as of

    ranks = np.argsort(np.argsort(time, kind="stable"), kind="stable")

    def counter() -> Any:
        return of.OrderStatisticTreeSurvivalCounter(X, ranks, event, of.RBTree)

    for name, build, start in (
        ("PRSVMOptimizer", lambda: of.PRSVMOptimizer(X, event, 0.7, 1.0), w),
        ("LargeScaleOptimizer", lambda: of.LargeScaleOptimizer(0.7, 1.0, False, counter()), w),
    ):

        def made(build: Any = build) -> Any:
            optimizer = build()
            optimizer._init_coefficients()
            return optimizer

        pair = two_functions(lambda w, o=made: float(o()._do_objective_func(w)),
                             lambda w, o=made: o()._do_gradient_func(w))  # fmt: skip
        yield Case(PACKAGE, name, pair, (start,))
