"""PINTS: log-priors, log-likelihoods, error measures and toy densities with their gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case

PACKAGE = "pints"


def _case(name: str, of: Any, *at: Any, label: str = "") -> Case:
    def value_and_grad(x: Any) -> Any:
        value, gradient = of.evaluateS1(x)
        return value, np.ravel(gradient)

    return Case(PACKAGE, name, ValueAndGrad(value_and_grad), (np.array(at, float),), label)


def cases() -> Iterator[Case]:
    yield from _priors()
    yield from _toys()
    yield from _problems()


def _priors() -> Iterator[Case]:
    import pints

    cov = np.array([[1.5, 0.4], [0.4, 0.8]])
    for prior, at in (
        (pints.BetaLogPrior(2.5, 1.7), [0.3]),
        (pints.CauchyLogPrior(0.4, 1.3), [1.1]),
        (pints.ExponentialLogPrior(0.8), [1.1]),
        (pints.GammaLogPrior(2.2, 1.4), [1.1]),
        (pints.GaussianLogPrior(0.4, 1.3), [1.1]),
        (pints.HalfCauchyLogPrior(0.4, 1.3), [1.1]),
        (pints.InverseGammaLogPrior(2.2, 1.4), [1.1]),
        (pints.LogNormalLogPrior(0.2, 0.7), [1.1]),
        (pints.LogUniformLogPrior(0.1, 5), [1.1]),
        (pints.MultivariateGaussianLogPrior([0.1, -0.3], cov), [0.7, 0.2]),
        (pints.StudentTLogPrior(0.4, 3.0, 1.3), [1.1]),
        (pints.TruncatedGaussianLogPrior(0.4, 1.3, -1, 2), [1.1]),
        (pints.ComposedLogPrior(pints.GammaLogPrior(2.2, 1.4), pints.BetaLogPrior(2, 3)),
         [1.1, 0.3]),
    ):  # fmt: skip
        yield _case(type(prior).__name__, prior, *at)
    yield _case("BetaLogPrior", pints.BetaLogPrior(1.0, 3.0), 0.0, label="boundary")
    yield _case("ExponentialLogPrior", pints.ExponentialLogPrior(0.8), 0.0, label="boundary")


def _toys() -> Iterator[Case]:
    from pints import toy

    for density, at in (
        (toy.AnnulusLogPDF(2, 3, 0.8), [1.9, -1.3]),
        (toy.ConeLogPDF(2, 0.7), [1.9, -1.3]),
        (toy.EightSchoolsLogPDF(), [0.5, 1.2, 0.1, -0.2, 0.3, 0.4, -0.6, 0.2, 0.1, 0.5]),
        (toy.EightSchoolsLogPDF(False), [0.5, 1.2, 3, -1, 2, 0.4, -0.6, 2.2, 4.1, 0.5]),
        (toy.GaussianLogPDF([0.5, -0.4], [1.2, 0.7]), [0.9, 0.3]),
        (toy.HighDimensionalGaussianLogPDF(3, 0.4), [0.9, 0.3, -1.2]),
        (toy.MultimodalGaussianLogPDF(), [2.0, 6.0]),
        (toy.NealsFunnelLogPDF(4), [0.3, -0.5, 0.8, 0.4]),
        (toy.ParabolicError([0.4, -0.3]), [1.1, 0.6]),
        (toy.RosenbrockLogPDF(), [0.6, 0.9]),
        (toy.SimpleEggBoxLogPDF(1.5, 2), [2.1, 1.3]),
        (toy.TwistedGaussianLogPDF(3, 0.1, 20), [1.1, 0.6, -0.4]),
    ):
        if hasattr(density, "evaluateS1"):
            label = "not centred" if at[2:3] == [3] else ""
            yield _case(f"toy.{type(density).__name__}", density, *at, label=label)


def _problems() -> Iterator[Case]:
    import pints
    from pints import toy

    class Line(pints.ForwardModelS1):
        """a + b t + c t², whose sensitivities are the powers."""

        def n_parameters(self) -> int:
            return 3

        def simulate(self, parameters: Any, times: Any) -> Any:
            return self.simulateS1(parameters, times)[0]

        def simulateS1(self, parameters: Any, times: Any) -> Any:  # noqa: N802
            powers = np.stack([times**0, times, times**2], 1)
            return powers @ np.asarray(parameters), powers

    times = np.linspace(0.1, 2, 7)
    values = 1 + 0.5 * times + 0.2 * np.random.default_rng(4).normal(size=7)
    problem = pints.SingleOutputProblem(Line(), times, values)
    censored = pints.SingleOutputProblem(Line(), times, np.clip(values, 1.0, 1.9))
    at = [0.8, 0.6, 0.1]
    for of, more in (
        (pints.GaussianKnownSigmaLogLikelihood(problem, 0.3), []),
        (pints.GaussianLogLikelihood(problem), [0.3]),
        (pints.ConstantAndMultiplicativeGaussianLogLikelihood(problem), [0.3, 1.2, 0.2]),
        (pints.CensoredGaussianLogLikelihood(censored, 1.0, 1.9), [0.3]),
        (pints.LogNormalLogLikelihood(problem), [0.3]),
        (pints.ScaledLogLikelihood(pints.GaussianKnownSigmaLogLikelihood(problem, 0.3)), []),
        (pints.MeanSquaredError(problem), []),
        (pints.SumOfSquaresError(problem), []),
        (pints.ProbabilityBasedError(pints.GaussianLogLikelihood(problem)), [0.3]),
    ):
        yield _case(type(of).__name__, of, *at, *more)
    posterior = pints.LogPosterior(
        pints.GaussianLogLikelihood(problem),
        pints.ComposedLogPrior(*[pints.GaussianLogPrior(0, 2)] * 3, pints.HalfCauchyLogPrior(0, 1)),
    )
    yield _case("LogPosterior", posterior, *at, 0.3)

    def simulated(model: Any, times: Any) -> Pair:
        def backward(dout: Any, parameters: Any) -> Any:
            slopes = model.simulateS1(parameters, times)[1]
            return np.tensordot(dout, slopes, axes=np.ndim(dout))

        return Pair(lambda p: (model.simulate(p, times), p), backward)

    for model, parameters in (
        (toy.LogisticModel(), [0.4, 20.0]),
        (toy.ConstantModel(2), [0.4, 1.3]),
        (toy.SimpleHarmonicOscillatorModel(), [1.0, 0.2, 0.7]),
    ):
        subject = simulated(model, np.linspace(0, 4, 5))
        name = f"toy.{type(model).__name__}.simulateS1"
        yield Case(PACKAGE, name, subject, (np.array(parameters),))
    for transformation, at in (
        (pints.LogTransformation(2), [0.4, 1.3]),
        (pints.LogitTransformation(2), [0.4, 0.8]),
        (pints.RectangularBoundariesTransformation([0, 0], [2, 3]), [0.4, 1.3]),
        (pints.ScalingTransformation([2.0, 0.3]), [0.4, 1.3]),
    ):
        q = transformation.to_search(at)
        name = f"{type(transformation).__name__}"
        model = Pair(
            lambda q, t=transformation: (t.to_model(q), q),
            lambda dout, q, t=transformation: dout @ t.jacobian(q),
        )
        yield Case(PACKAGE, f"{name}.jacobian", model, (np.array(q),))
        density = ValueAndGrad(transformation.log_jacobian_det_S1)
        yield Case(PACKAGE, f"{name}.log_jacobian_det_S1", density, (np.array(q),))
