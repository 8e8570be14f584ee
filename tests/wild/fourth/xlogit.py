"""xlogit: log-likelihoods of choices, of fixed and of random coefficients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "xlogit"


def cases() -> Iterator[Case]:
    from xlogit import MixedLogit, MultinomialLogit

    rng = np.random.default_rng(53)
    X, weights = rng.normal(size=(6, 2, 3)), rng.uniform(0.5, 1.5, 6)
    scale = rng.uniform(0.5, 1.5, (6, 2))
    betas = rng.normal(size=3)
    plain = MultinomialLogit()
    for label, given, extra in (
        ("", (None, None, None, None), ()),
        ("weights", (None, None, weights, None), ()),
        ("some not there", (None, None, None, np.array([[1, 0], *[[1, 1]] * 5])), ()),
        ("scaled", (scale, None, None, None), (1.4,)),
    ):

        def both(b: Any, given: Any = given) -> Any:
            return plain._loglik_gradient(b, X, *given)[:2]

        yield Case(
            PACKAGE, "MultinomialLogit", ValueAndGrad(both), (np.append(betas, extra),), label
        )
    yield from _mixed(MixedLogit, X, betas, scale, rng)


def _mixed(of: Any, X: Any, betas: Any, scale: Any, rng: Any) -> Iterator[Case]:
    draws, spread = rng.normal(size=(6, 2, 5)), np.array([0.6, 0.4])
    panels = np.array([0, 0, 1, 1, 1, 2])
    for label, kinds, groups, scaled in (
        ("normal", ["n", "n"], None, None),
        ("log-normal", ["n", "ln"], None, None),
        ("truncated", ["tn", "n"], None, None),
        ("panels", ["n", "n"], panels, None),
        ("scaled", ["n", "n"], None, scale),
    ):
        model = of()
        model._rvidx, model._rvdist = np.array([True, False, True]), kinds
        shared = draws if groups is None else draws[np.unique(groups)[groups]]

        def both(
            b: Any, model: Any = model, g: Any = groups, s: Any = scaled, d: Any = shared
        ) -> Any:
            return model._loglik_gradient(b, X, g, d, None, None, s, None, 5)[:2]

        at = np.concatenate([betas, spread, [] if scaled is None else [1.4]])
        yield Case(PACKAGE, "MixedLogit", ValueAndGrad(both), (at,), label)
