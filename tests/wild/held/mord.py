"""mord: ordinal regression, an objective and its gradient."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "mord"


def cases() -> Iterator[Case]:
    from mord import threshold_based as of

    rng = np.random.default_rng(12)
    X, y = rng.normal(size=(8, 2)), np.array([0, 1, 2, 3, 1, 2, 0, 3])
    at = np.array([0.4, -0.6, -0.8, 0.9, 1.1])
    below = np.tril(np.ones((3, 3)))
    distance = np.abs(np.arange(4)[:, None] - np.arange(3))
    immediate = (np.abs(np.arange(4)[:, None] - np.arange(3) - 0.5) < 1).astype(float)
    weighted = rng.uniform(0.5, 2, 8)
    for name, weights, sample in (
        ("all thresholds", np.ones((4, 3)), None),
        ("immediate thresholds", immediate, None),
        ("absolute distance, weighted samples", 1.0 + distance, weighted),
    ):
        rest = (X, y, 0.3, 4, weights, below, sample)
        subject = two_functions(
            lambda x, rest=rest: of.obj_margin(x, *rest),
            lambda x, rest=rest: of.grad_margin(x, *rest),
        )
        yield Case(PACKAGE, f"grad_margin, {name}", subject, (at,))
    one = two_functions(
        lambda z: np.sum(of.log_loss(np.asarray(z))), lambda z: of.sigmoid(np.asarray(z)) - 1
    )
    yield Case(PACKAGE, "log_loss, sigmoid", one, (np.array([-30.0, -1.2, 0.0, 0.8, 30.0]),))
