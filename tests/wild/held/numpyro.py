"""NumPyro: derivative rules of its own, and log-probabilities through them."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case

PACKAGE = "numpyro"


def cases() -> Iterator[Case]:
    yield from _utilities()
    yield from _truncated()
    yield from _log_probabilities()


def _draw(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(20).uniform(low, high, shape or (6,))


def _case(name: str, subject: Any, *arguments: Any, label: str = "", exact: Any = None) -> Case:
    return Case(PACKAGE, name, subject, arguments, label, exact)


def _log1mexp(x: Any) -> Any:
    return mp.log(-mp.expm1(x))


def _utilities() -> Iterator[Case]:
    from numpyro.distributions import util

    x, far = _draw(-4, -0.05), np.array([-1e-8, -0.6931, -60.0])
    yield _case("log1mexp", util.log1mexp, x, exact=_log1mexp)
    yield _case("log1mexp", util.log1mexp, far, label="far", exact=_log1mexp)
    yield _case("logdiffexp", util.logdiffexp, x + 4, x[::-1] - 1)
    yield _case("betainc", util.betainc, _draw(0.5, 3), _draw(1, 4)[::-1], _draw(0.1, 0.9))
    yield _case("betaincinv", util.betaincinv, _draw(0.5, 3), _draw(1, 4)[::-1], _draw(0.1, 0.9))
    yield _case("gammaincinv", util.gammaincinv, _draw(0.5, 3), _draw(0.1, 0.9)[::-1])
    yield _case("binary_cross_entropy_with_logits", util.binary_cross_entropy_with_logits,
                _draw(-3, 3), _draw(0, 1))  # fmt: skip
    rng = np.random.default_rng(2)
    factor = np.tril(rng.normal(size=(3, 3)), -1) + np.diag([1.0, 0.8, 1.4])
    yield _case("cholesky_update", util.cholesky_update, factor, rng.normal(size=3))
    yield _case("safe_normalize", util.safe_normalize, rng.normal(size=(2, 3)))
    yield _case("tri_logabsdet", util.tri_logabsdet, factor)
    yield _case("multidigamma", lambda a: util.multidigamma(a, 3), _draw(2, 5, 3))
    yield _case("logmatmulexp", util.logmatmulexp, rng.normal(size=(2, 3)), rng.normal(size=(3, 2)))
    yield _case("signed_stick_breaking_tril", util.signed_stick_breaking_tril, _draw(-0.8, 0.8, 3))


def _truncated() -> Iterator[Case]:
    import numpyro.distributions as of

    alpha, x = _draw(-2.5, 1.5), _draw(1.2, 3.5)[::-1].copy()
    low, high = np.full(6, 1.0), np.full(6, 4.0)
    edges = np.array([-1.0, 1.0])

    def power(method: str) -> Any:
        def of_power(x: Any, alpha: Any, low: Any, high: Any) -> Any:
            return getattr(of.DoublyTruncatedPowerLaw(alpha, low, high), method)(x)

        return of_power

    for method, at in (("log_prob", x), ("cdf", x), ("icdf", (x - 1) / 3)):
        name = f"DoublyTruncatedPowerLaw.{method}"
        yield _case(name, power(method), at, alpha, low, high)
        pair = (low[:2], high[:2])
        yield _case(name, power(method), at[:2], edges, *pair, label="alpha -1 and 1")

    def lower(method: str) -> Any:
        def of_lower(x: Any, alpha: Any, low: Any) -> Any:
            return getattr(of.LowerTruncatedPowerLaw(alpha, low), method)(x)

        return of_lower

    yield _case("LowerTruncatedPowerLaw.log_prob", lower("log_prob"), x, alpha - 2, low)
    yield _case("LowerTruncatedPowerLaw.cdf", lower("cdf"), x, alpha - 2, low)
    yield _case("LowerTruncatedPowerLaw.icdf", lower("icdf"), (x - 1) / 3, alpha - 2, low)
    yield _case("TruncatedNormal.log_prob", lambda m, s: of.TruncatedNormal(
        m, s, low=-2.0, high=2.0).log_prob(0.5), alpha, x)  # fmt: skip
    yield _case("TruncatedCauchy.log_prob", lambda m, s: of.TruncatedCauchy(
        m, s, low=-2.0, high=2.0).log_prob(0.5), alpha, x)  # fmt: skip
    yield _case("LeftTruncatedDistribution.icdf", lambda u, low: of.LeftTruncatedDistribution(
        of.Normal(0.0, 1.0), low=low).icdf(u), (x - 1) / 3, alpha)  # fmt: skip


def _log_probabilities() -> Iterator[Case]:
    import numpyro.distributions as of

    a, b, p = _draw(0.5, 4), _draw(0.5, 3)[::-1].copy(), _draw(0.1, 0.9)
    counts = np.array([0, 1, 2, 3, 5, 9])
    yield _case("Beta.cdf", lambda a, b, x: of.Beta(a, b).cdf(x), a, b, p)
    yield _case("Beta.icdf", lambda a, b, u: of.Beta(a, b).icdf(u), a, b, p)
    yield _case("Gamma.icdf", lambda a, b, u: of.Gamma(a, b).icdf(u), a, b, p)
    yield _case("StudentT.cdf", lambda df, x: of.StudentT(df).cdf(x), a + 1, b - 2)
    yield _case("StudentT.icdf", lambda df, u: of.StudentT(df).icdf(u), a + 1, p)
    yield _case("NegativeBinomial2.log_prob", lambda m, c: of.NegativeBinomial2(m, c).log_prob(
        counts), a, b)  # fmt: skip
    yield _case("ZeroInflatedPoisson.log_prob", lambda g, r: of.ZeroInflatedPoisson(g, r).log_prob(
        counts), p, a)  # fmt: skip
    yield _case("BinomialLogits.log_prob", lambda z: of.Binomial(9, logits=z).log_prob(counts), b)
    yield _case("BinomialProbs.log_prob", lambda p: of.Binomial(9, probs=p).log_prob(counts), p)
    yield _case("BinomialProbs.log_prob", lambda p: of.Binomial(9, probs=p).log_prob(counts[::5]),
                np.array([0.0, 1.0]), label="boundary")  # fmt: skip
    yield _case("VonMises.log_prob", lambda m, k: of.VonMises(m, k).log_prob(0.4), b, a)
    yield _case("LKJCholesky.log_prob", _lkj, _draw(-0.8, 0.8, 3), np.array(1.7))
    yield _case("ProjectedNormal.log_prob", lambda c: of.ProjectedNormal(c).log_prob(
        np.array([0.6, 0.8])), _draw(-1, 1, 2))  # fmt: skip
    yield _case("SineBivariateVonMises.log_prob", _sine, a[:2], b[:2], p[:2])
    yield _case("Kumaraswamy.log_prob", lambda a, b, x: of.Kumaraswamy(a, b).log_prob(x), a, b, p)


def _lkj(partial: Any, concentration: Any) -> Any:
    import numpyro.distributions as of
    from numpyro.distributions.util import signed_stick_breaking_tril

    return of.LKJCholesky(3, concentration).log_prob(signed_stick_breaking_tril(partial))


def _sine(a: Any, b: Any, p: Any) -> Any:
    import jax.numpy as jnp
    import numpyro.distributions as of

    law = of.SineBivariateVonMises(0.1, -0.3, a + 2, b + 2, correlation=p)
    return law.log_prob(jnp.stack([a - 1, b - 1], -1))
