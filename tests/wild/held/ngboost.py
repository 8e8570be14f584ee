"""NGBoost: gradients of proper scores by the parameters of a distribution."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "ngboost"


def _score(score: Any, y: Any) -> ValueAndGrad:
    """The sum of the scores of all rows, and its gradient by the parameters (parameter, row)."""

    def of(params: np.ndarray) -> Any:
        scored = score(params)
        return np.sum(scored.score(y)), np.asarray(scored.d_score(y)).T

    return ValueAndGrad(of)


def _scored(family: Any, rule: str) -> Any:
    """The family with its implementation of a scoring rule, combined as NGBoost does it."""
    rules = getattr(family, "censored_scores", None) or family.scores
    (score,) = [one for one in rules if one.__bases__[-1].__name__ == rule]
    return type(family.__name__, (score, family), {})


def cases() -> Iterator[Case]:
    from ngboost import distns

    rng = np.random.default_rng(3)
    y, positive = rng.normal(size=5), rng.uniform(0.3, 3, 5)
    counts, classes = np.array([0, 1, 4, 2, 7]), np.array([0, 2, 1, 1, 0])
    event = np.zeros(5, dtype=[("Event", "?"), ("Time", float)])
    event["Event"], event["Time"] = [1, 0, 1, 0, 1], positive
    location = np.stack([rng.normal(size=5), rng.uniform(-0.6, 0.8, 5)])
    three = np.vstack([location, rng.uniform(0.7, 1.6, 5)])
    for family, rule, given, params in (
        (distns.Normal, "LogScore", y, location),
        (distns.Normal, "CRPScore", y, location),
        (distns.NormalFixedVar, "LogScore", y, location[:1]),
        (distns.NormalFixedVar, "CRPScore", y, location[:1]),
        (distns.NormalFixedMean, "LogScore", y, location[1:]),
        (distns.NormalFixedMean, "CRPScore", y, location[1:]),
        (distns.Laplace, "LogScore", y, location),
        (distns.Laplace, "CRPScore", y, location),
        (distns.T, "LogScore", y, three),
        (distns.TFixedDf, "LogScore", y, location),
        (distns.TFixedDfFixedVar, "LogScore", y, location[:1]),
        (distns.Gamma, "LogScore", positive, location),
        (distns.Weibull, "LogScore", positive, location),
        (distns.HalfNormal, "LogScore", positive, location[1:]),
        (distns.Poisson, "LogScore", counts, location[1:]),
        (distns.LogNormal, "LogScore", event, location),
        (distns.LogNormal, "CRPScore", event, location),
        (distns.Exponential, "LogScore", event, location[1:]),
        (distns.Exponential, "CRPScore", event, location[1:]),
        (distns.k_categorical(3), "LogScore", classes, location),
        (distns.MultivariateNormal(2), "LogScore", rng.normal(size=(5, 2)),
         rng.normal(size=(5, 5)) * 0.5),
    ):  # fmt: skip
        subject = _score(_scored(family, rule), given)
        yield Case(PACKAGE, f"{family.__name__}.{rule}.d_score", subject, (params,))
