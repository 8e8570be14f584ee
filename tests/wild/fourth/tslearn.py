"""tslearn: soft dynamic time warping, as objects that keep what `grad` needs, and for PyTorch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.fourth.glue import of_array
from tests.wild.held.glue import from_torch

PACKAGE = "tslearn"


def cases() -> Iterator[Case]:
    from tslearn.metrics import SoftDTWLossPyTorch
    from tslearn.metrics.softdtw_variants import SoftDTW, SquaredEuclidean

    rng = np.random.default_rng(60)
    D, x, y = rng.uniform(0.1, 2, (4, 5)), rng.normal(size=(4, 2)), rng.normal(size=(5, 2))

    def kept(D: Any, gamma: float) -> Any:
        made = SoftDTW(np.array(D), gamma=gamma)
        return made.compute(), made.grad()

    for gamma in (0.1, 1.0, 10.0):
        pair = of_array(lambda D, g=gamma: kept(D, g)[0], lambda D, g=gamma: kept(D, g)[1])
        yield Case(PACKAGE, "SoftDTW", pair, (D,), f"gamma {gamma}")

        def by_series(x: Any, g: float = gamma) -> Any:
            distances = SquaredEuclidean(np.array(x), y)
            value, slopes = kept(distances.compute(), g)
            return value, distances.jacobian_product(slopes)

        pair = of_array(lambda x, f=by_series: f(x)[0], lambda x, f=by_series: f(x)[1])
        yield Case(PACKAGE, "SquaredEuclidean.jacobian_product", pair, (x,), f"gamma {gamma}")
        for normalize in (False, True):
            loss = SoftDTWLossPyTorch(gamma=gamma, normalize=normalize)
            other = x[::-1].copy() if normalize else y
            pair = from_torch(lambda x, y, f=loss: f(x[None], y[None]))
            words = ", normalized" if normalize else ""
            yield Case(PACKAGE, "SoftDTWLossPyTorch", pair, (x, other), f"gamma {gamma}{words}")
