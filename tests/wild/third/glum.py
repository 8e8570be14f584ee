"""glum: links, their derivatives, and deviances by the mean and by the coefficients."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise, two_functions

PACKAGE = "glum"


def cases() -> Iterator[Case]:
    yield from _links()
    yield from _distributions()


def _links() -> Iterator[Case]:
    from glum import _link as of

    eta, positive = np.array([-2.3, -0.4, 0.0, 1.1, 3.2]), np.array([0.2, 0.7, 1.0, 2.5])
    p, far = np.array([0.05, 0.3, 0.5, 0.93]), np.array([-30.0, -10.0, 2.0])
    for name, link, mean, predicted, inverse in (
        ("LogLink", of.LogLink(), positive, eta, mp.exp),
        ("LogitLink", of.LogitLink(), p, eta, lambda x: 1 / (1 + mp.exp(-x))),
        ("CloglogLink", of.CloglogLink(), p, eta, lambda x: -mp.expm1(-mp.exp(x))),
        ("TweedieLink 2", of.TweedieLink(2), positive, positive, lambda x: 1 / x),
        ("TweedieLink 1.5", of.TweedieLink(1.5), positive, positive, lambda x: x**-2),
        ("TweedieLink 3", of.TweedieLink(3), positive, positive, lambda x: x ** mp.mpf(-0.5)),
        ("IdentityLink", of.IdentityLink(), positive, eta, lambda x: x),
    ):
        yield Case(PACKAGE, f"{name}.link", elementwise(link.link, link.derivative), (mean,))
        pair = elementwise(link.inverse, link.inverse_derivative)
        yield Case(PACKAGE, f"{name}.inverse", pair, (predicted,), "", inverse)
        pair = elementwise(link.inverse_derivative, link.inverse_derivative2)
        yield Case(PACKAGE, f"{name}.inverse_derivative", pair, (predicted,))
        if name.startswith(("Log", "Clog")):
            yield Case(PACKAGE, f"{name}.inverse_derivative", pair, (far,), "far")


def _distributions() -> Iterator[Case]:
    from glum import _distribution as of
    from glum._link import LogitLink, LogLink

    rng = np.random.default_rng(3)
    X, coefficients = rng.normal(size=(6, 3)), 0.4 * rng.normal(size=3)
    y, mu = rng.uniform(0.5, 3, (2, 6))
    zeros = np.array([0.0, 0, 1, 2, 0, 3])
    p, hits = rng.uniform(0.1, 0.9, 6), np.array([0.0, 1, 1, 0, 0.5, 1])
    for name, kind, target, mean in (
        ("Normal", of.NormalDistribution(), y, mu),
        ("Poisson", of.PoissonDistribution(), zeros, mu),
        ("Gamma", of.GammaDistribution(), y, mu),
        ("InverseGaussian", of.InverseGaussianDistribution(), y, mu),
        ("Tweedie 1.5", of.TweedieDistribution(1.5), zeros, mu),
        ("Tweedie 2.5", of.TweedieDistribution(2.5), y, mu),
        ("GeneralizedHyperbolicSecant", of.GeneralizedHyperbolicSecant(), y - 1, mu),
        ("Binomial", of.BinomialDistribution(), hits, p),
        ("NegativeBinomial", of.NegativeBinomialDistribution(0.7), zeros, mu),
    ):
        yield Case(PACKAGE, f"{name}.unit_deviance", elementwise(
            lambda mu, k=kind, y=target: k.unit_deviance(y, mu),
            lambda mu, k=kind, y=target: k.unit_deviance_derivative(y, mu),
        ), (mean,))  # fmt: skip
        link = LogitLink() if name == "Binomial" else LogLink()
        yield Case(PACKAGE, f"{name}.deviance", _of(kind, link, X, target), (coefficients,))


def _of(kind: Any, link: Any, X: Any, y: Any) -> Any:
    from tabmat import DenseMatrix

    of, ones = DenseMatrix(X), np.ones(len(y))

    def gradient(coefficients: Any) -> Any:
        return kind._mu_deviance_derivative(coefficients, of, y, ones, link)[1]

    return two_functions(lambda c: kind.deviance(y, link.inverse(X @ c)), gradient)
