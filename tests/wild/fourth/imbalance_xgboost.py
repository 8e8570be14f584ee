"""imbalance-xgboost: gradients of losses for boosting, and the derivatives of these."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "imbalance-xgboost"
Y = np.array([1.0, 0, 1, 0, 1])


class Labels:
    def get_label(self) -> np.ndarray:
        return Y


def cases() -> Iterator[Case]:
    from imxgboost.focal_loss import Focal_Binary_Loss
    from imxgboost.weighted_loss import Weight_Binary_Cross_Entropy

    x = np.array([0.7, -0.3, 2.1, 1.4, -1.9])
    for number in (1.5, 2.0, 3.0):
        both = Focal_Binary_Loss(number).focal_binary_object
        yield Case(PACKAGE, "focal loss, Hessian", _second(both), (x,), f"gamma {number}")
        value = _focal(number)
        pair = elementwise(value, lambda x, f=both: f(x, Labels())[0])
        yield Case(PACKAGE, "focal loss", pair, (x,), f"gamma {number}")
    both = Weight_Binary_Cross_Entropy(2.5).weighted_binary_cross_entropy
    yield Case(PACKAGE, "weighted cross-entropy, Hessian", _second(both), (x,))


def _second(both: Any) -> Any:
    return elementwise(lambda x: both(x, Labels())[0], lambda x: both(x, Labels())[1])


def _focal(number: float) -> Any:
    """As its authors define the loss; the package has the gradient alone."""

    def value(x: Any) -> Any:
        p = 1 / (1 + np.exp(-x))
        return -(Y * (1 - p) ** number * np.log(p) + (1 - Y) * p**number * np.log1p(-p))

    return value
