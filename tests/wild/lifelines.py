"""lifelines: hazards against cumulative hazards, likelihoods, and Cox's model with its Hessian."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "lifelines"
TIMES = np.array([0.4, 1.3, 2.0, 2.0, 3.1, 4.6, 5.0, 7.5])
DIED = np.array([True, False, True, True, True, False, True, False])


def cases() -> Iterator[Case]:
    """Univariate models by time and by parameters, then proportional hazards."""
    import lifelines

    rng = np.random.default_rng(555)
    times = rng.uniform(0.3, 6.0, 4)
    for name, model, params in (
        ("WeibullFitter", lifelines.WeibullFitter(), [2.5, 1.4]),
        ("ExponentialFitter", lifelines.ExponentialFitter(), [1.7]),
        ("LogNormalFitter", lifelines.LogNormalFitter(), [0.6, 0.9]),
        ("LogLogisticFitter", lifelines.LogLogisticFitter(), [1.9, 1.5]),
        ("GeneralizedGammaFitter", lifelines.GeneralizedGammaFitter(), [0.5, -0.2, 0.8]),
        ("SplineFitter", lifelines.SplineFitter([0.5, 2.0, 6.0]), [-0.9, 1.2, 0.1]),
        ("PiecewiseExponentialFitter", *_piecewise(lifelines)),
    ):
        yield from _of_time(name, model, np.array(params), times)
        yield from _of_params(name, model, np.array(params))
    yield from _cox(lifelines, rng)


def _piecewise(lifelines: Any) -> tuple[Any, list[float]]:
    return lifelines.PiecewiseExponentialFitter([1.5, 4.0]), [2.0, 1.0, 3.0]


def _of_time(name: str, model: Any, params: Any, times: Any) -> Iterator[Case]:
    """The cumulative hazard and its derivative, the hazard."""

    def hazard(t: Any) -> Any:
        return np.exp(model._log_hazard(params, t))

    pair = elementwise(lambda t: model._cumulative_hazard(params, t), hazard)
    yield Case(PACKAGE, f"{name} hazard", pair, (times,), "ordinary")
    yield Case(PACKAGE, f"{name} hazard", pair, (np.array([1e-3, 1.5, 40.0]),), "edge early, late")


def _of_params(name: str, model: Any, params: Any) -> Iterator[Case]:
    """The negative log-likelihood, as the fitter minimises it."""
    from autograd import value_and_grad

    ones, nothing = np.ones(8), np.zeros(8)

    def likelihood(params: Any) -> Any:
        of = model._negative_log_likelihood_right_censoring
        return value_and_grad(of)(params, (TIMES, None), DIED, nothing, ones)

    yield Case(PACKAGE, f"{name} likelihood", ValueAndGrad(likelihood), (params,), "ordinary")


def _cox(lifelines: Any, rng: np.random.Generator) -> Iterator[Case]:
    import pandas

    x = pandas.DataFrame(rng.normal(size=(8, 2)))
    ones = pandas.Series(np.ones(8))
    given = x, pandas.Series(TIMES), pandas.Series(DIED), ones, None
    model = lifelines.fitters.coxph_fitter.SemiParametricPHFitter()
    beta = 0.5 * rng.normal(size=2)
    for kind in ("single", "batch"):
        efron = getattr(model, f"_get_efron_values_{kind}")

        def likelihood(beta: Any, efron: Any = efron) -> Any:
            _, gradient, value = efron(*given, beta)
            return value, gradient

        def slope(beta: Any, efron: Any = efron) -> Any:
            curvature, gradient, _ = efron(*given, beta)
            return gradient, curvature

        words = f"SemiParametricPHFitter._get_efron_values_{kind}"
        yield Case(PACKAGE, words, ValueAndGrad(likelihood), (beta,), "gradient")
        yield Case(PACKAGE, words, Pair(slope, lambda dout, h: h @ dout), (beta,), "Hessian")
        yield Case(PACKAGE, words, ValueAndGrad(likelihood), (0 * beta,), "edge 0")
    varying = lifelines.CoxTimeVaryingFitter
    start, stop = np.maximum(TIMES - 2, 0), TIMES

    def gradient(beta: Any) -> Any:
        _, slope, value = varying._get_gradients(x.values, DIED, start, stop, np.ones(8), beta)
        return value, slope

    words = "CoxTimeVaryingFitter._get_gradients"
    yield Case(PACKAGE, words, ValueAndGrad(gradient), (beta,), "ordinary")
