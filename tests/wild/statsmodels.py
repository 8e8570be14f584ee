"""statsmodels: links, norms and generators with derivatives; scores and Hessians of models."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian, elementwise, two_functions

PACKAGE = "statsmodels"
X = np.c_[np.ones(12), np.random.default_rng(909).normal(size=(12, 2))]
COUNTS = np.array([0, 1, 3, 0, 2, 5, 1, 0, 4, 2, 1, 0])
BINARY = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0])


def cases() -> Iterator[Case]:
    """First what is of one number, then what is of a model's parameters."""
    rng = np.random.default_rng(910)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from _links(rng)
        yield from _norms(rng)
        yield from _generators(rng)
        yield from _discrete(rng)
        yield from _others(rng)


def _links(rng: np.random.Generator) -> Iterator[Case]:
    from statsmodels.genmod.families import links, varfuncs

    p, z = rng.uniform(0.1, 0.9, 4), rng.uniform(-1.2, 1.2, 4)
    for name, link in {
        "Logit": links.Logit(),
        "Probit": links.Probit(),
        "Cauchy": links.Cauchy(),
        "CLogLog": links.CLogLog(),
        "LogLog": links.LogLog(),
        "Log": links.Log(),
        "LogC": links.LogC(),
        "Power 1.7": links.Power(1.7),
        "InversePower": links.InversePower(),
        "InverseSquared": links.InverseSquared(),
        "Sqrt": links.Sqrt(),
        "NegativeBinomial": links.NegativeBinomial(0.8),
    }.items():
        eta = (
            link(p)
            if name in ("LogC", "NegativeBinomial")
            else 1.5 + z
            if name[-1] in "7drt"
            else z
        )
        words, edge = f"families.links.{name}", np.array([1e-4, 0.5, 0.999])
        once = elementwise(link, link.deriv)
        yield Case(PACKAGE, f"{words}.deriv", once, (p,), "ordinary")
        yield Case(PACKAGE, f"{words}.deriv", once, (edge,), "edge 0, 1")
        yield Case(
            PACKAGE, f"{words}.deriv2", elementwise(link.deriv, link.deriv2), (p,), "ordinary"
        )
        back = elementwise(link.inverse, link.inverse_deriv)
        yield Case(PACKAGE, f"{words}.inverse_deriv", back, (eta,), "ordinary")
        twice = elementwise(link.inverse_deriv, link.inverse_deriv2)
        yield Case(PACKAGE, f"{words}.inverse_deriv2", twice, (eta,), "ordinary")
    for name, variance in {
        "Power 1.5": varfuncs.Power(1.5),
        "Binomial": varfuncs.Binomial(),
        "NegativeBinomial": varfuncs.NegativeBinomial(0.6),
    }.items():
        pair = elementwise(variance, variance.deriv)
        yield Case(PACKAGE, f"families.varfuncs.{name}.deriv", pair, (p,), "ordinary")


def _norms(rng: np.random.Generator) -> Iterator[Case]:
    from statsmodels.robust import norms

    x, edge = 3 * rng.normal(size=6), np.array([0.0, 1.345, -1.345, 2.0, 4.0, 8.0, -9.0])
    for name in (
        *("LeastSquares", "HuberT", "RamsayE", "AndrewWave", "TrimmedMean", "Hampel"),
        *("TukeyBiweight", "TukeyQuartic", "StudentT"),
    ):
        norm = getattr(norms, name)()
        words = f"robust.norms.{name}"
        yield Case(PACKAGE, f"{words}.psi", elementwise(norm.rho, norm.psi), (x,), "ordinary")
        yield Case(PACKAGE, f"{words}.psi", elementwise(norm.rho, norm.psi), (edge,), "edge kinks")
        pair = elementwise(norm.psi, norm.psi_deriv)
        yield Case(PACKAGE, f"{words}.psi_deriv", pair, (x,), "ordinary")


def _generators(rng: np.random.Generator) -> Iterator[Case]:
    from statsmodels.distributions.copula import transforms

    t, phi = rng.uniform(0.15, 0.9, 4), rng.uniform(0.2, 1.8, 4)
    for name, theta in {"Frank": 2.2, "Clayton": 1.4, "Gumbel": 1.8}.items():
        one = getattr(transforms, f"Transf{name}")()

        def of(method: str, one: Any = one, theta: float = theta) -> Callable[[Any], Any]:
            return lambda value: getattr(one, method)(value, theta)

        for f, df, given in (
            ("evaluate", "deriv", t),
            ("deriv", "deriv2", t),
            ("deriv2_inverse", "deriv3_inverse", phi),
            ("deriv3_inverse", "deriv4_inverse", phi),
        ):
            pair = elementwise(of(f), of(df))
            yield Case(PACKAGE, f"copula.Transf{name}.{df}", pair, (given,), "ordinary")


def likelihood(name: str, model: Any, params: Any, label: str = "ordinary") -> Iterator[Case]:
    """Score against log-likelihood, and Hessian against score."""
    score = two_functions(lambda p: float(np.sum(model.loglike(p))), model.score)
    yield Case(PACKAGE, f"{name}.score", score, (params,), label)
    hessian = by_jacobian(lambda p: np.asarray(model.score(p)), model.hessian)
    yield Case(PACKAGE, f"{name}.hessian", hessian, (params,), label)


def _discrete(rng: np.random.Generator) -> Iterator[Case]:
    from statsmodels.discrete import count_model, discrete_model, truncated_model

    beta = 0.5 * rng.normal(size=3)
    for name, y, more in (
        ("Logit", BINARY, ()),
        ("Probit", BINARY, ()),
        ("Poisson", COUNTS, ()),
        ("NegativeBinomial", COUNTS, (0.6,)),
        ("NegativeBinomialP", COUNTS, (0.6,)),
        ("GeneralizedPoisson", COUNTS, (0.2,)),
    ):
        model = getattr(discrete_model, name)(y, X)
        if name.startswith("Negative"):  # unless it is fitted, it takes the logarithm of alpha
            unfitted = getattr(discrete_model, name)(y, X)
            yield from likelihood(f"discrete.{name}", unfitted, np.r_[beta, more], "unfitted")
            model._transparams = False
        yield from likelihood(f"discrete.{name}", model, np.r_[beta, more])
        yield from likelihood(f"discrete.{name}", model, np.r_[0 * beta, more], "edge 0")
        if name in ("Logit", "Probit", "Poisson"):
            rows = by_jacobian(model.loglikeobs, model.score_obs)
            yield Case(PACKAGE, f"discrete.{name}.score_obs", rows, (beta,), "ordinary")
    classes = discrete_model.MNLogit(np.arange(12) % 3, X)
    yield from likelihood("discrete.MNLogit", classes, 0.4 * rng.normal(size=6))
    for name in ("ZeroInflatedPoisson", "ZeroInflatedGeneralizedPoisson"):
        model = getattr(count_model, name)(COUNTS, X)
        more = (0.2,) if "General" in name else ()
        yield from likelihood(f"discrete.{name}", model, np.r_[-0.3, beta, more])
    truncated = truncated_model.TruncatedLFPoisson(COUNTS[COUNTS > 0], X[COUNTS > 0])
    yield from likelihood("discrete.TruncatedLFPoisson", truncated, beta)


def _others(rng: np.random.Generator) -> Iterator[Case]:
    import statsmodels.api as sm
    from statsmodels.discrete import conditional_models
    from statsmodels.othermod.betareg import BetaModel

    beta, small = 0.4 * rng.normal(size=3), 0.4 * rng.normal(size=2)
    positive, share = np.exp(rng.normal(size=12)), rng.uniform(0.1, 0.9, 12)
    f = sm.families
    for name, y, family in (
        ("Gaussian", positive, f.Gaussian()),
        ("Binomial", BINARY, f.Binomial()),
        ("Binomial probit", BINARY, f.Binomial(f.links.Probit())),
        ("Poisson", COUNTS, f.Poisson()),
        ("Gamma log", positive, f.Gamma(f.links.Log())),
        ("InverseGaussian log", positive, f.InverseGaussian(f.links.Log())),
        ("NegativeBinomial", COUNTS, f.NegativeBinomial(alpha=0.7)),
    ):
        model = sm.GLM(y, X, family=family)
        scaled = _Scaled(model)
        yield from likelihood(f"GLM {name}", scaled, beta)
    yield from likelihood("BetaModel", BetaModel(share, X), np.r_[beta, 1.2])
    times, events = np.ceil(5 * positive) + 0.0, BINARY
    for ties in ("breslow", "efron"):
        hazard = sm.PHReg(times, X[:, 1:], status=events, ties=ties)
        yield from likelihood(f"PHReg {ties}", hazard, small)
    groups = np.repeat(np.arange(3), 4)
    for name, y in {"ConditionalLogit": BINARY, "ConditionalPoisson": COUNTS}.items():
        model = getattr(conditional_models, name)(y, X[:, 1:], groups=groups)
        score = two_functions(model.loglike, model.score)
        yield Case(PACKAGE, f"conditional.{name}.score", score, (small,), "ordinary")


class _Scaled:
    """A GLM at a scale of 1, which it would estimate anew at each of its parameters."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def loglike(self, params: Any) -> Any:
        return self._model.loglike(params, scale=1.0)

    def score(self, params: Any) -> Any:
        return self._model.score(params, scale=1.0)

    def hessian(self, params: Any) -> Any:
        return self._model.hessian(params, scale=1.0, observed=True)
