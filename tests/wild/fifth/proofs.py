"""For each mistake of these packages one entry: what the package says, and mpmath's."""

from typing import Any

import numpy as np

PAIR = np.zeros((1, 2)), np.array([[0.6, -0.7]])  # two points, at a distance of √0.85


def negative_binomial() -> tuple[float, float]:
    """(r + d) log(m + 1) - d log m, by m."""
    import mpmath as mp
    from pyttb.gcp.handles import negative_binomial_grad

    said = negative_binomial_grad(np.array([3.0]), np.array([0.7]), 4.0)[0]
    return float(said), float(mp.diff(lambda m: 7 * mp.log(m + 1) - 3 * mp.log(m), 0.7))


def handy() -> tuple[float, float]:
    """(1 + x)^m R / (2^m (1 - 2^m + R) - (1 + x)^m (R - 2^m)), thrice by x, for R = 8.9, m = 3."""
    import mpmath as mp

    from tests.wild.fifth.glue import with_old_special_functions

    with_old_special_functions()
    from grid.rtransform import HandyModRTransform

    def radius(x: Any) -> Any:
        size, power = mp.mpf("8.9"), (1 + x) ** 3
        return power * size / (8 * (1 - 8 + size) - power * (size - 8))

    said = HandyModRTransform(0.1, 9.0, 3).deriv3(np.array([0.4]))[0]
    return float(said), float(mp.diff(radius, 0.4, 3))


def spheroid() -> tuple[float, float]:
    """1/√(1 - (1 + k) c² ρ²), by ρ, for c = 0.3 and k = -0.4."""
    import mpmath as mp
    from prysm.experimental.raytracing.surfaces import der_direction_cosine_spheroid

    said = der_direction_cosine_spheroid(0.3, -0.4, np.array([0.8]))[0]
    share = mp.mpf("0.6") * mp.mpf("0.09")
    return float(said), float(mp.diff(lambda r: 1 / mp.sqrt(1 - share * r * r), 0.8))


def off_axis() -> tuple[float, float]:
    """√(1 - k c² a)/√(1 - (1 + k) c² a) with a = r² + 2 s r cos t + s², by r, at t = 0."""
    import mpmath as mp
    from prysm.experimental.raytracing.surfaces import off_axis_conic_sigma_der

    said = off_axis_conic_sigma_der(0.3, -0.4, np.array([0.8]), np.array([0.0]), 0.4)[0][0]

    def inverse(r: Any) -> Any:
        a = mp.mpf("0.09") * (r + mp.mpf("0.4")) ** 2
        return mp.sqrt(1 + mp.mpf("0.4") * a) / mp.sqrt(1 - mp.mpf("0.6") * a)

    return float(said), float(mp.diff(inverse, 0.8))


def _kernel(made: Any, number: int, hyp: list[float]) -> float:
    made.hyp = hyp
    return float(made.getDerMatrix(x=PAIR[0], z=PAIR[1], mode="cross", der=number)[0, 0])


def matern() -> tuple[float, float]:
    """(1 + s + s²/3) exp(-s) for s = √5 r/l, by log l at l = 1."""
    import mpmath as mp
    from pyGPs.Core.cov import Matern

    def kernel(log_ell: Any) -> Any:
        s = mp.sqrt(5 * mp.mpf("0.85")) / mp.exp(log_ell)
        return (1 + s + s * s / 3) * mp.exp(-s)

    return _kernel(Matern(0.0, 5, 0.0), 0, [0.0, 0.0]), float(mp.diff(kernel, 0))


def gabor() -> tuple[float, float]:
    """exp(-r²/2 l²) cos(2 π r/p²), as the package has it, by log l."""
    import mpmath as mp
    from pyGPs.Core.cov import Gabor

    def kernel(log_ell: Any) -> Any:
        r = mp.sqrt(mp.mpf("0.85"))
        return mp.exp(-((r / mp.exp(log_ell)) ** 2) / 2) * mp.cos(2 * mp.pi * r)

    return _kernel(Gabor(0.0, 0.0), 0, [0.0, 0.0]), float(mp.diff(kernel, 0))


def constant() -> tuple[float, float]:
    """exp(h), by h."""
    import mpmath as mp
    from pyGPs.Core.cov import Const

    return _kernel(Const(0.3), 0, [0.3]), float(mp.diff(mp.exp, 0.3))


def rational() -> tuple[float, float]:
    """1/(1 + D/2) for D = 0.36/l² + 0.49, by log l, at l = 2."""
    import mpmath as mp
    from pyGPs.Core.cov import RQard

    def kernel(log_ell: Any) -> Any:
        return 1 / (1 + (mp.mpf("0.36") / mp.exp(2 * log_ell) + mp.mpf("0.49")) / 2)

    hyp = [float(np.log(2.0)), 0.0, 0.0, 0.0]
    return _kernel(RQard(2), 0, hyp), float(mp.diff(kernel, mp.log(2)))


def oblimax() -> tuple[float, float]:
    """log Σ l⁴ - 2 log Σ l², by the first of two loadings."""
    import mpmath as mp
    from factor_analyzer.rotator import Rotator

    def criterion(first: Any) -> Any:
        return mp.log(first**4 + mp.mpf("0.5") ** 4) - 2 * mp.log(first**2 + mp.mpf("0.25"))

    said = Rotator()._oblimax_obj(np.array([[0.9, 0.5]]))["grad"][0, 0]
    return float(said), float(mp.diff(criterion, mp.mpf("0.9")))


def skewed() -> tuple[float, float]:
    """The integral of a density: of t with four degrees of freedom, at no skewness."""
    import mpmath as mp
    from ondil.distributions import SkewT

    theta = np.array([[0.0, 1.0, 1.0, 4.0]])
    said = mp.quad(
        lambda y: float(SkewT().pdf(np.array([float(y)]), theta)[0]), [-mp.inf, 0, mp.inf]
    )
    root = mp.gamma(2) * mp.sqrt(4 * mp.pi) / mp.gamma(2.5)  # what the density is divided by
    true = mp.quad(lambda y: (1 + y * y / 4) ** mp.mpf("-2.5") / root, [-mp.inf, 0, mp.inf])
    return float(said), float(true)


def signed() -> tuple[float, float]:
    """sign(x) log(1 + |x|) at 0."""
    import jax
    import mpmath as mp
    from rlax import signed_logp1

    true = mp.diff(lambda x: mp.sign(x) * mp.log1p(abs(x)), 0)
    return float(jax.grad(signed_logp1)(0.0)), float(true)
