"""metric-learn: losses of linear transformations with their gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "metric-learn"


def cases() -> Iterator[Case]:
    from metric_learn import MLKR, NCA

    rng = np.random.default_rng(11)
    data, y = rng.normal(size=(7, 3)), rng.normal(size=7)
    labels = np.array([0, 1, 0, 2, 1, 1, 0])
    mask = (labels[:, None] == labels).astype(float)
    for components in (3, 2):
        start = rng.normal(size=components * 3)

        def of_classes(A: Any) -> Any:
            made = NCA()
            made.n_iter_ = 0
            return made._loss_grad_lbfgs(A, data, mask, -1.0)

        def of_values(flatA: Any) -> Any:
            made = MLKR()
            made.n_iter_ = 0
            cost, gradient = made._loss(flatA, data, y)
            return cost, gradient.reshape(flatA.shape)

        yield Case(PACKAGE, "NCA", ValueAndGrad(of_classes), (start,), f"{components} components")
        yield Case(PACKAGE, "MLKR", ValueAndGrad(of_values), (start,), f"{components} components")
