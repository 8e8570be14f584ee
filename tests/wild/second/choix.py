"""choix: log-likelihoods of choices and rankings, with gradients and Hessians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import by_jacobian, two_functions

PACKAGE = "choix"


def cases() -> Iterator[Case]:
    from choix import opt as of

    rng = np.random.default_rng(5)
    params = rng.normal(size=5)
    pairs = [(0, 1), (1, 2), (4, 2), (3, 0), (3, 1), (2, 4), (0, 4)]
    top = [(1, np.array([0, 2, 3])), (4, np.array([1, 2])), (0, np.array([3]))]
    rankings = [(0, 3, 1), (4, 2, 0, 1), (2, 3)]
    for name, made in (
        ("PairwiseFcts", of.PairwiseFcts(pairs, 0.1)),
        ("Top1Fcts", of.Top1Fcts(top, 0.1)),
        ("Top1Fcts.from_rankings", of.Top1Fcts.from_rankings(rankings, 0.02)),
    ):
        yield Case(PACKAGE, name, two_functions(made.objective, made.gradient), (params,))
        yield Case(PACKAGE, f"{name}.hessian", _hessian(made), (params,))
    made = of.PairwiseFcts(pairs, 0.0)
    far = np.array([40.0, 0.0, -40.0, 3.0, 0.5])
    yield Case(PACKAGE, "PairwiseFcts", two_functions(made.objective, made.gradient), (far,), "far")
    yield Case(PACKAGE, "PairwiseFcts", two_functions(made.objective, made.gradient),
               (np.zeros(5),), "zeros")  # fmt: skip


def _hessian(made: Any) -> Pair:
    return by_jacobian(made.gradient, made.hessian)
