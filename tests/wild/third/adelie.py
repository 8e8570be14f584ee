"""adelie: losses of generalized linear models in compiled code, whose `gradient` is minus that."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "adelie"


def cases() -> Iterator[Case]:
    import adelie

    rng = np.random.default_rng(20)
    eta, weights = rng.normal(size=7), rng.dirichlet(np.ones(7))
    hits, counts = np.array([0.0, 1, 1, 0, 0.5, 1, 0]), rng.poisson(2.0, 7).astype(float)
    stop, tied = rng.exponential(size=7) + 0.1, np.array([1.0, 1, 2, 2, 2, 3, 3])
    status = np.array([1.0, 0, 1, 1, 1, 0, 1])
    for name, made, label in (
        ("gaussian", adelie.glm.gaussian(eta[::-1].copy(), weights=weights), ""),
        ("binomial", adelie.glm.binomial(hits, weights=weights), "logit"),
        ("binomial", adelie.glm.binomial(hits, weights=weights, link="probit"), "probit"),
        ("poisson", adelie.glm.poisson(counts, weights=weights), ""),
        ("cox", adelie.glm.cox(np.zeros(7), stop, status), ""),
        ("cox", adelie.glm.cox(np.zeros(7), tied, status, tie_method="efron"), "efron"),
        ("cox", adelie.glm.cox(np.zeros(7), tied, status, tie_method="breslow"), "breslow"),
        ("cox", adelie.glm.cox(0.4 * tied, tied, status, tie_method="efron"), "late entries"),
    ):
        yield Case(PACKAGE, f"glm.{name}", two_functions(made.loss, _gradient(made)), (eta,), label)


def _gradient(made: Any) -> Any:
    def gradient(eta: Any) -> Any:
        found = np.empty_like(eta)
        made.gradient(eta, found)
        return -found

    return gradient
