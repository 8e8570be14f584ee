"""For each mistake of the held packages one entry: what the package says, and mpmath's."""

from collections.abc import Callable
from typing import Any

import numpy as np

Proof = Callable[[], tuple[float, float]]


def quadratic_form() -> tuple[float, float]:
    """b₀ A⁻¹ b₁ by b₀, for A = 1 + 1: the entry (0, 1) of the form alone."""
    import jax
    import mpmath as mp
    from tensorflow_probability.substrates.jax import math

    def entry(b: Any) -> Any:
        return math.hpsd_quadratic_form_solve(np.array([[2.0]], "f"), b)[0, 1]

    said = jax.grad(entry)(np.array([[0.5, 1.5]], "f"))[0, 0]
    return float(said), float(mp.diff(lambda b: b * 1.5 / 2, 0.5))


def noncentral() -> tuple[float, float]:
    """The distribution function of a noncentral χ² by its degrees of freedom."""
    import jax
    import mpmath as mp
    from tensorflow_probability.substrates.jax import distributions

    def below(freedom: Any) -> Any:
        """Poisson's mixture of central χ²."""
        terms = range(40)
        central = [mp.gammainc(freedom / 2 + j, 0, 0.65, regularized=True) for j in terms]
        weights = [mp.exp(-0.25) * mp.mpf(0.25) ** j / mp.factorial(j) for j in terms]
        return mp.fdot(weights, central)

    said = jax.grad(lambda freedom: distributions.NoncentralChi2(freedom, 0.5).cdf(1.3))(2.0)
    return float(said), float(mp.diff(below, 2))


def power_law() -> tuple[float, float]:
    """The log-density (1 + α) x^α / (b^(1 + α) - a^(1 + α)) by a, for α = 1/2, a = 1, b = 4."""
    import jax
    import mpmath as mp
    from numpyro.distributions import DoublyTruncatedPowerLaw

    def density(low: Any) -> Any:
        return DoublyTruncatedPowerLaw(0.5, low, 4.0, validate_args=False).log_prob(2.0)

    exact = mp.diff(lambda low: -mp.log(mp.mpf(4) ** 1.5 - low**1.5), 1)
    return float(jax.grad(density)(1.0)), float(exact)


def sign_at_minus_one() -> tuple[float, float]:
    """The distribution function log(x / a) / log(b / a) of α = -1 by b, for a = 1, b = 4."""
    import jax
    import mpmath as mp
    from numpyro.distributions import DoublyTruncatedPowerLaw

    def below(high: Any) -> Any:
        return DoublyTruncatedPowerLaw(-1.0, 1.0, high, validate_args=False).cdf(2.0)

    exact = mp.diff(lambda high: mp.log(2) / mp.log(high), 4)
    return float(jax.grad(below)(4.0)), float(exact)


def censored() -> tuple[float, float]:
    """log Φ((1 - a - b) / σ) - (2.5 - a - 2 b)² / 2σ² by a: one value censored, one not."""
    import mpmath as mp
    import pints

    class Line(pints.ForwardModelS1):
        def n_parameters(self) -> int:
            return 2

        def simulate(self, parameters: Any, times: Any) -> Any:
            return self.simulateS1(parameters, times)[0]

        def simulateS1(self, parameters: Any, times: Any) -> Any:  # noqa: N802
            powers = np.stack([times**0, times], 1)
            return powers @ np.asarray(parameters), powers

    def exact(a: Any) -> Any:
        below = mp.log(mp.ncdf((1 - a - mp.mpf("0.6")) / mp.mpf("0.3")))
        return below - (mp.mpf("2.5") - a - mp.mpf("1.2")) ** 2 / mp.mpf("0.18")

    problem = pints.SingleOutputProblem(Line(), [1.0, 2.0], [1.0, 2.5])
    likelihood = pints.CensoredGaussianLogLikelihood(problem, lower=1.0)
    return float(likelihood.evaluateS1([0.8, 0.6, 0.3])[1][0]), float(mp.diff(exact, 0.8))


def banana() -> tuple[float, float]:
    """The twisted Gaussian's log-density by its first coordinate, for V = 20, b = 0.1.

    The package scales the coordinate by √V and gives it the variance V.
    """
    import mpmath as mp
    from pints import toy

    def exact(x: Any) -> Any:
        return -x * x / 800 - (mp.mpf(0.6) + mp.mpf(0.1) * (x * x - 20)) ** 2 / 2

    said = toy.TwistedGaussianLogPDF(2, 0.1, 20).evaluateS1([1.1, 0.6])[1][0]
    return float(said), float(mp.diff(exact, 1.1))


def curvature() -> tuple[float, float]:
    """The second derivative of log(1 + e^-x) + α x²/2, as a mean over two equal rows."""
    import mpmath as mp
    from copt.loss import LogLoss

    loss = LogLoss(np.ones((2, 1)), np.ones(2), 0.3)
    said = loss.hessian_mv(np.array([0.4]))(np.ones(1))[0]
    exact = mp.diff(lambda x: mp.log(1 + mp.exp(-x)) + mp.mpf(0.3) * x * x / 2, 0.4, 2)
    return float(said), float(exact)


def soft_minimum() -> tuple[float, float]:
    """-γ log(e^(-1/γ) + e^(-2/γ)) by γ."""
    import jax
    import mpmath as mp
    from ott.math import utils

    def exact(gamma: Any) -> Any:
        return -gamma * mp.log(mp.exp(-1 / gamma) + mp.exp(-2 / gamma))

    said = jax.grad(lambda gamma: utils.softmin(np.array([1.0, 2.0], "f"), gamma, 0))(0.3)
    return float(said), float(mp.diff(exact, 0.3))


def zero_row() -> tuple[float, float]:
    """The norm of a row of zeros, whose derivative is promised to be 0."""
    import jax
    from ott.math import utils

    rows = np.array([[1.0, 2.0], [0.0, 0.0]], "f")
    return float(jax.grad(lambda x: utils.norm(x, axis=-1).sum())(rows)[1, 0]), 0.0


def norm_of_zeros() -> tuple[float, float]:
    """The value that comes with the gradient, of the norm of four zeros."""
    import jax
    from ott.math import utils

    zeros = np.zeros(4, "f")
    return float(jax.value_and_grad(utils.norm)(zeros)[0]), float(np.linalg.norm(zeros))


def impossible_class() -> tuple[float, float]:
    """2 log p₀ + log p₁ + log p₂ by p₀, where p₃ = 0 and class 3 was never seen."""
    import distrax
    import jax
    import mpmath as mp

    counts = np.array([2, 1, 1, 0])

    def log_probability(p: Any) -> Any:
        return distrax.Multinomial(4, probs=p).log_prob(counts)

    said = jax.grad(log_probability)(np.array([0.5, 0.25, 0.25, 0.0], "f"))[0]
    # The package divides probabilities by their sum.
    exact = mp.diff(lambda p: 2 * mp.log(p) - 4 * mp.log(p + mp.mpf(0.5)), 0.5)
    return float(said), float(exact)


def connectionist() -> tuple[float, float]:
    """-log of the probability of one label in one frame, by its log-probability."""
    import mpmath as mp
    import torch

    logs = torch.log(torch.tensor([[[0.2, 0.8]]], dtype=torch.float64)).requires_grad_()
    one = torch.tensor([1])
    loss = torch.nn.functional.ctc_loss(logs, one[None], one, one, reduction="sum")
    loss.backward()
    return float(logs.grad[0, 0, 1]), float(mp.diff(lambda log: -log, mp.log(0.8)))


def product_with_log() -> tuple[float, float]:
    """0 log y by y, at y = 0: the function is 0 for every y."""
    import torch

    y = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    torch.special.xlogy(torch.zeros(1, dtype=torch.float64), y).backward()
    return float(y.grad[0]), 0.0
