"""Distrax: products and powers without NaN, and von Mises with rules of its own."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case

PACKAGE = "distrax"


def _draw(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(20).uniform(low, high, shape or (6,))


def _case(name: str, subject: Any, *arguments: Any, label: str = "", exact: Any = None) -> Case:
    return Case(PACKAGE, name, subject, arguments, label, exact)


def _power(x: Any, y: Any) -> Any:
    return x**y if y else mp.mpf(1)


def cases() -> Iterator[Case]:
    yield from _mathematics()
    yield from _probabilities()
    yield from _bijectors()


def _mathematics() -> Iterator[Case]:
    from distrax._src.utils import math

    x, y = _draw(0.2, 3), _draw(-2, 2)[::-1].copy()
    product = lambda x, y: x * y  # noqa: E731
    yield _case("multiply_no_nan", math.multiply_no_nan, x, y, exact=product)
    yield _case("multiply_no_nan", math.multiply_no_nan, x, 0 * y, label="0", exact=product)
    yield _case("power_no_nan", math.power_no_nan, x, y, exact=_power)
    yield _case("power_no_nan", math.power_no_nan, x[:3], np.array([0.0, 1.0, 2.0]), label="0",
                exact=_power)  # fmt: skip
    yield _case("mul_exp", math.mul_exp, x, y, exact=lambda x, p: x * mp.exp(p))
    yield _case("mul_exp", math.mul_exp, x, y - 800, label="far")
    yield _case("log_expbig_minus_expsmall", math.log_expbig_minus_expsmall, x + 3, y)
    yield _case("log_beta", math.log_beta, x, x[::-1], exact=lambda a, b: mp.log(mp.beta(a, b)))
    yield _case("log_beta_multivariate", math.log_beta_multivariate, x)
    yield _case("normalize", lambda probs: math.normalize(probs=probs), x)


def _probabilities() -> Iterator[Case]:
    import distrax

    a, b, p = _draw(0.5, 4), _draw(-1.5, 1.5)[::-1].copy(), _draw(0.1, 0.9)
    counts = np.array([0, 1, 2, 1, 0, 2])
    yield _case("VonMises.cdf", lambda m, k: distrax.VonMises(m, k).cdf(0.4), b, a)
    yield _case("VonMises.cdf", lambda m, k: distrax.VonMises(m, k).cdf(0.4), b, 10 * a,
                label="narrow")  # fmt: skip
    yield _case("VonMises.log_prob", lambda m, k: distrax.VonMises(m, k).log_prob(0.4), b, a)
    yield _case("VonMises.entropy", lambda k: distrax.VonMises(0.0, k).entropy(), a)
    yield _case("Multinomial.log_prob", lambda p: distrax.Multinomial(
        6, probs=p / p.sum()).log_prob(counts), p)  # fmt: skip
    sure = np.array([0.5, 0.25, 0.25, 0.0])
    yield _case("Multinomial.log_prob", lambda p: distrax.Multinomial(4, probs=p).log_prob(
        np.array([2, 1, 1, 0])), sure, label="boundary")  # fmt: skip
    yield _case("Categorical.entropy", lambda z: distrax.Categorical(logits=z).entropy(), b)
    yield _case("Categorical.kl_divergence", lambda z, w: distrax.Categorical(
        logits=z).kl_divergence(distrax.Categorical(logits=w)), b, a)  # fmt: skip
    yield _case("Bernoulli.entropy", lambda z: distrax.Bernoulli(logits=z).entropy(), b)
    yield _case("Bernoulli.entropy", lambda z: distrax.Bernoulli(logits=z).entropy(), 300 * b,
                label="far")  # fmt: skip
    yield _case("Bernoulli.log_prob", lambda p: distrax.Bernoulli(probs=p).log_prob(counts % 2), p)
    yield _case("Dirichlet.log_prob", lambda a: distrax.Dirichlet(a).log_prob(p / p.sum()), a)
    yield _case("Dirichlet.entropy", lambda a: distrax.Dirichlet(a).entropy(), a)
    yield _case("Gumbel.cdf", lambda m, s: distrax.Gumbel(m, s).cdf(0.3), b, a)
    yield _case("LogStddevNormal.log_prob", lambda m, s: distrax.LogStddevNormal(m, s).log_prob(
        0.3), b, a)  # fmt: skip


def _bijectors() -> Iterator[Case]:
    import distrax

    rng = np.random.default_rng(4)
    x, p, knots = _draw(-2, 2), _draw(0.1, 0.9), rng.normal(size=(6, 3 * 4 + 1))
    for name, bijector in {
        "Sigmoid": distrax.Sigmoid(),
        "Tanh": distrax.Tanh(),
        "GumbelCDF": distrax.GumbelCDF(),
    }.items():
        yield _case(f"{name}.forward_log_det", bijector.forward_log_det_jacobian, x)
        yield _case(f"{name}.inverse_and_log_det", bijector.inverse_and_log_det, p)
    yield _case("RationalQuadraticSpline.forward", lambda knots, p: distrax.RationalQuadraticSpline(
        knots, 0.0, 1.0).forward(p), knots, p)  # fmt: skip
    yield _case("RationalQuadraticSpline.inverse", lambda knots, p: distrax.RationalQuadraticSpline(
        knots, 0.0, 1.0).inverse(p), knots, p)  # fmt: skip
