"""For each mistake of these packages one entry: what the package says, and mpmath's."""

from typing import Any

import numpy as np

PAIR = np.zeros((1, 1)), np.full((1, 1), 0.9)  # a distance of 0.9
START = {"l": 0.7, "sigmaf": 1.3}


def _slope(kernel: Any, parameter: str) -> float:
    return float(kernel.gradK(*PAIR, param=parameter)[0, 0])


def matern_by_length() -> tuple[float, float]:
    """σ (1 + s + s²/3) exp(-s) for s = √5 r/l, by l."""
    import mpmath as mp
    from pyGPGO.covfunc import matern52

    def kernel(length: mp.mpf) -> mp.mpf:
        s = mp.sqrt(5) * mp.mpf(0.9) / length
        return mp.mpf(1.3) * (1 + s + s * s / 3) * mp.exp(-s)

    return _slope(matern52(**START), "l"), float(mp.diff(kernel, 0.7))


def matern_by_variance() -> tuple[float, float]:
    """The same by σ."""
    import mpmath as mp
    from pyGPGO.covfunc import matern52

    s = mp.sqrt(5) * mp.mpf(0.9) / mp.mpf(0.7)
    true = mp.diff(lambda sigma: sigma * (1 + s + s * s / 3) * mp.exp(-s), 1.3)
    return _slope(matern52(**START), "sigmaf"), float(true)


def gamma_exponential() -> tuple[float, float]:
    """σ exp(-(r/l)^γ), by l."""
    import mpmath as mp
    from pyGPGO.covfunc import gammaExponential

    true = mp.diff(lambda x: mp.mpf(1.3) * mp.exp(-((mp.mpf(0.9) / x) ** mp.mpf(1.4))), 0.7)
    return _slope(gammaExponential(gamma=1.4, **START), "l"), float(true)


def rational_quadratic() -> tuple[float, float]:
    """σ (1 + r²/(2 α l²))^-α, by l."""
    import mpmath as mp
    from pyGPGO.covfunc import rationalQuadratic

    def kernel(length: mp.mpf) -> mp.mpf:
        share = mp.mpf(0.9) ** 2 / (2 * mp.mpf(0.8) * length**2)
        return mp.mpf(1.3) * (1 + share) ** mp.mpf(-0.8)

    made = rationalQuadratic(alpha=0.8, **START)
    return _slope(made, "l"), float(mp.diff(kernel, 0.7))


def noise_of_products() -> tuple[float, float]:
    """σ x·y + n δ(x, y), by n, for x = y = 2."""
    import mpmath as mp
    from pyGPGO.covfunc import dotProd

    x = np.full((1, 1), 2.0)
    said = dotProd(sigmaf=1.3, sigman=0.2).gradK(x, x, param="sigman")[0, 0]
    return float(said), float(mp.diff(lambda n: mp.mpf(1.3) * 4 + n, 0.2))


def inverse_box_cox() -> tuple[float, float]:
    """(1 + λ x)^(1/λ), by x."""
    import mpmath as mp
    import openturns as ot

    said = ot.InverseBoxCoxTransform([0.4]).gradient([0.3])[0, 0]
    return float(said), float(mp.diff(lambda x: (1 + mp.mpf(0.4) * x) ** (1 / mp.mpf(0.4)), 0.3))


def second_by_volatility() -> tuple[float, float]:
    """The price of a call by Black's formula, twice by the volatility, over 1.6 years."""
    import mpmath as mp
    import QuantLib as ql  # noqa: N813  (its own name for itself)

    payoff = ql.PlainVanillaPayoff(ql.Option.Call, 103.0)
    said = ql.BlackCalculator(payoff, 98.0, 0.23 * 1.6**0.5, 0.94).volga(1.6)
    return float(said), float(mp.diff(lambda v: _black(98.0, 103.0, v, 1.6, 0.94), 0.23, 2))


def _black(forward: float, strike: float, volatility: Any, years: float, discount: float) -> Any:
    import mpmath as mp

    spread = volatility * mp.sqrt(years)
    upper = mp.log(mp.mpf(forward) / strike) / spread + spread / 2
    return discount * (forward * mp.ncdf(upper) - strike * mp.ncdf(upper - spread))


def bachelier_by_time() -> tuple[float, float]:
    """Minus the price of a call by Bachelier's formula by its time to expiry."""
    import mpmath as mp
    import QuantLib as ql  # noqa: N813  (its own name for itself)

    spot, strike, sigma, rate, dividend, years = 98.0, 103.0, 21.0, 0.04, 0.015, 1.6
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
    forward = spot * float(mp.exp((rate - dividend) * years))
    made = ql.BachelierCalculator(payoff, forward, sigma * years**0.5, float(mp.exp(-rate * years)))

    def price(t: Any) -> Any:
        away = spot * mp.exp((mp.mpf(rate) - dividend) * t) - strike
        spread = sigma * mp.sqrt(t)
        value = away * mp.ncdf(away / spread) + spread * mp.npdf(away / spread)
        return mp.exp(-mp.mpf(rate) * t) * value

    return float(made.theta(spot, years)), -float(mp.diff(price, years))


def vega_by_volatility() -> tuple[float, float]:
    """The same, over 1.3 years without interest, as pyfeng has it."""
    import mpmath as mp
    import pyfeng

    said = pyfeng.Bsm(0.25).vega_d2(80.0, 100.0, 1.3)
    return float(said), float(mp.diff(lambda v: _black(100.0, 80.0, v, 1.3, 1.0), 0.25, 2))


def hinge() -> tuple[float, float]:
    """Of hinge + z by z, of four rows."""
    import mpmath as mp

    from tests.wild.fourth.glue import with_old_names

    with_old_names()
    import chainer
    import chainer.functions as of

    z, x = chainer.Variable(np.array(2.0)), np.zeros((4, 3))
    (of.hinge(chainer.Variable(x), np.zeros(4, int)) + z).backward()
    return float(z.grad), float(mp.diff(lambda z: 12 / mp.mpf(4) + z, 2))


def transposed_adjoint() -> tuple[float, float]:
    """The first entry of Ad(X⁻¹) a by the sixth of a, for X a translation by (0, 2, 0)."""
    import mpmath as mp
    import pypose
    import torch

    X = pypose.SE3(torch.tensor([0.0, 2, 0, 0, 0, 0, 1], dtype=torch.float64))
    a = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    X.AdjT(pypose.se3(a)).tensor()[0].backward()
    # Of a translation t, Ad(X⁻¹)(τ, φ) is (τ - t × φ, φ).
    return float(a.grad[5]), float(mp.diff(lambda last: -(2 * last), 0))


def similarity() -> tuple[float, float]:
    """(e^σ - 1) τ/σ, which is where a point at 0 goes to, by σ."""
    import mpmath as mp
    import pypose
    import torch

    xi = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.5], dtype=torch.float64, requires_grad=True)
    nothing = torch.zeros(3, dtype=torch.float64)
    pypose.sim3(xi).Exp().Act(nothing)[0].backward()
    return float(xi.grad[6]), float(mp.diff(lambda s: mp.expm1(s) / s, 1.5))
