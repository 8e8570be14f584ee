"""TensorFlow Probability on JAX: special functions with their own derivative rules.

The nightly build, since the last release imports names that JAX no longer has.
"""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case

PACKAGE = "tfp-nightly"


def cases() -> Iterator[Case]:
    yield from _special()
    yield from _generic()
    yield from _linear_algebra()
    yield from _distributions()
    yield from _bijectors()
    yield from _kernels()


def _draw(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(20).uniform(low, high, shape or (6,))


def _points(*values: float) -> np.ndarray:
    return np.array(values)


def _case(name: str, subject: Any, *arguments: Any, label: str = "", exact: Any = None) -> Case:
    return Case(PACKAGE, name, subject, arguments, label, exact)


def _log_correction(x: Any) -> Any:
    return mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2


def _owens(h: Any, a: Any) -> Any:
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


def _log1mexp(x: Any) -> Any:
    return mp.log(-mp.expm1(-x))


def _bump(x: Any) -> Any:
    return mp.exp(1 - 1 / (1 - x * x)) if abs(x) < 1 else mp.mpf(0)


def _erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


def _special() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax import math

    one: list[tuple[str, Any, np.ndarray, np.ndarray]] = [
        ("erfcx", _erfcx, _draw(-2, 4), _points(0.0, 5.0, 30.0, -5.0)),
        ("logerfc", lambda x: mp.log(mp.erfc(x)), _draw(-2, 4), _points(0.0, 20.0, -6.0)),
        ("logerfcx", lambda x: mp.log(_erfcx(x)), _draw(-2, 4), _points(0.0, 20.0, -6.0)),
        ("erfcinv", lambda p: mp.erfinv(1 - p), _draw(0.1, 1.9), _points(1.0, 1e-8, 1.999)),
        ("lambertw", lambda z: mp.re(mp.lambertw(z)), _draw(-0.3, 4), _points(0.0, 1e-6, 100.0)),
        ("log_gamma_correction", _log_correction, _draw(8.5, 30), _points(8.0, 100.0)),
        ("dawsn", None, _draw(-3, 3), _points(0.0, 4.0, -10.0)),
        ("round_exponential_bump_function", _bump, _draw(-0.9, 0.9), _points(0.0, 0.99, 2.0)),
        ("lambertw_winitzki_approx", None, _draw(0.1, 4), _points(0.01, 100.0)),
    ]
    for name, exact, ordinary, boundary in one:
        function = getattr(math, name)
        yield _case(name, function, ordinary, exact=exact)
        yield _case(name, function, boundary, label="boundary", exact=exact)
    v, z, p = _draw(0.3, 3), _draw(0.5, 6)[::-1].copy(), _draw(0.1, 0.9)
    two: list[tuple[str, Any, np.ndarray, np.ndarray]] = [
        ("bessel_ive", lambda v, z: mp.exp(-z) * mp.besseli(v, z), v, z),
        ("bessel_kve", lambda v, z: mp.exp(z) * mp.besselk(v, z), v, z),
        ("log_bessel_ive", lambda v, z: mp.log(mp.besseli(v, z)) - z, v, z),
        ("log_bessel_kve", lambda v, z: mp.log(mp.besselk(v, z)) + z, v, z),
        ("bessel_iv_ratio", lambda v, z: mp.besseli(v, z) / mp.besseli(v - 1, z), v + 1, z),
        ("lbeta", lambda x, y: mp.log(mp.beta(x, y)), v, z),
        ("log_gamma_difference", lambda x, y: mp.loggamma(y) - mp.loggamma(x + y), v, z + 8),
        ("owens_t", _owens, v - 1.5, z - 3),
        ("atan_difference", lambda x, y: mp.atan(x) - mp.atan(y), v, z),
        ("igammainv", None, v, p),
        ("igammacinv", None, v, p),
    ]
    for name, exact, x, y in two:
        if name.endswith(("ive", "kve", "ratio")):  # the rule takes the order as a constant
            function = getattr(math, name)
            subject = lambda z, f=function, v=x: f(v, z)  # noqa: E731
            yield _case(name, subject, y)
        else:
            yield _case(name, getattr(math, name), x, y, exact=exact)
    regularized = lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True)  # noqa: E731
    yield _case("betainc", math.betainc, v, z, p, exact=regularized)
    yield _case("betaincinv", math.betaincinv, v, z, p)
    yield _case("lbeta", math.lbeta, _points(1e-3, 50.0, 1.0), _points(2.0, 1e3, 1.0), label="far")


def _generic() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax import math

    x, y = _draw(0.2, 3), _draw(-2, 1)[::-1].copy()
    log_cosh = lambda x: mp.log(mp.cosh(x))  # noqa: E731
    yield _case("log_cosh", math.log_cosh, y, exact=log_cosh)
    yield _case("log_cosh", math.log_cosh, _points(0.0, 40.0, -800.0), label="far", exact=log_cosh)
    yield _case("sqrt1pm1", math.sqrt1pm1, x, exact=lambda x: mp.sqrt(1 + x) - 1)
    yield _case("log1mexp", math.log1mexp, x, exact=_log1mexp)
    yield _case(
        "log1mexp", math.log1mexp, _points(1e-8, 0.6931, 60.0), label="far", exact=_log1mexp
    )
    yield _case("log_sub_exp", math.log_sub_exp, x, y - 2)
    yield _case("log_add_exp", math.log_add_exp, x, y)
    yield _case("softplus_inverse", math.softplus_inverse, x)
    yield _case("smootherstep", math.smootherstep, _points(-0.5, 0.2, 0.5, 0.9, 1.5))
    yield _case("soft_threshold", math.soft_threshold, _points(-2.0, 0.3, 1.4), _points(0.5))
    yield _case("log_cumsum_exp", math.log_cumsum_exp, y)
    yield _case("clip_by_value_preserve_gradient", lambda x: x * math.log1psquare(x), y)
    yield _case("reduce_log_harmonic_mean_exp", math.reduce_log_harmonic_mean_exp, y)


def _linear_algebra() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax import math

    rng = np.random.default_rng(3)
    a, b, v = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=3)

    def definite(f: Any) -> Any:
        return lambda a, *more: f(a @ a.T + np.eye(3), *more)

    yield _case("hpsd_logdet", definite(math.hpsd_logdet), a)
    yield _case("hpsd_solve", definite(math.hpsd_solve), a, b)
    yield _case("hpsd_solvevec", definite(math.hpsd_solvevec), a, v)
    yield _case("hpsd_quadratic_form_solve", definite(math.hpsd_quadratic_form_solve), a, b)
    yield _case("hpsd_quadratic_form_solvevec", definite(math.hpsd_quadratic_form_solvevec), a, v)
    yield _case("fill_triangular", math.fill_triangular, rng.normal(size=6))


def _distributions() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax import distributions as of

    df, t, p = _draw(1.5, 8), _draw(-2, 2)[::-1].copy(), _draw(0.1, 0.9)
    x = _draw(0.5, 6)[::-1].copy()
    yield _case("StudentT.cdf", lambda df, t: of.StudentT(df, 0.0, 1.0).cdf(t), df, t)
    yield _case(
        "StudentT.cdf", lambda df, t: of.StudentT(df, 0.0, 1.0).cdf(t), df, 0 * t, label="0"
    )
    yield _case("StudentT.quantile", lambda df, p: of.StudentT(df, 0.0, 1.0).quantile(p), df, p)
    yield _case("NoncentralChi2.cdf", lambda x, df, c: of.NoncentralChi2(df, c).cdf(x), x, df, p)
    yield _case(
        "NoncentralChi2.quantile", lambda p, df: of.NoncentralChi2(df, 0.7).quantile(p), p, df
    )
    yield _case("VonMises.cdf", lambda m, k: of.VonMises(m, k).cdf(0.4), t, df)
    yield _case("VonMises.cdf", lambda m, k: of.VonMises(m, k).cdf(0.4), t, 5 * df, label="narrow")
    yield _case("Beta.log_prob", lambda a, b: of.Beta(a, b).log_prob(0.3), df, x)
    yield _case("GeneralizedPareto.log_prob", _pareto, t, _draw(0.5, 2), p)
    yield _case("SkewGeneralizedNormal.log_prob", lambda s: of.TwoPieceNormal(
        0.0, 1.0, skewness=s).log_prob(0.3), _draw(0.5, 2))  # fmt: skip
    yield _case("InverseGaussian.cdf", lambda m, c: of.InverseGaussian(m, c).cdf(1.3), df, x)


def _pareto(loc: Any, scale: Any, concentration: Any) -> Any:
    from tensorflow_probability.substrates.jax import distributions as of

    return of.GeneralizedPareto(loc, scale, concentration).log_prob(3.0)


def _bijectors() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax import bijectors as of

    x, p = _draw(-2, 2), _draw(0.1, 0.9)
    wide = np.float64  # a Python number would make a bijector of single precision
    built = {
        "Sigmoid(-1, 3)": lambda: of.Sigmoid(wide(-1), wide(3)),
        "Softplus(0.7)": lambda: of.Softplus(hinge_softness=wide(0.7)),
        "SoftClip(-1, 1)": lambda: of.SoftClip(wide(-1), wide(1)),
        "SinhArcsinh": lambda: of.SinhArcsinh(wide(0.3), wide(1.2)),
        "LambertWTail": lambda: of.LambertWTail(wide(0.1), wide(1.3), wide(0.2)),
        "GumbelCDF": lambda: of.GumbelCDF(wide(0.2), wide(1.1)),
        "Softfloor": lambda: of.Softfloor(wide(0.5)),
    }
    for name, make in built.items():
        yield _case(f"{name}.forward", lambda x, make=make: make().forward(x), x)
        yield _case(f"{name}.inverse", lambda y, make=make: make().inverse(y), p)
    yield _case("Softplus.inverse", of.Softplus().inverse, _points(1e-6, 30.0, 400.0), label="far")


def _kernels() -> Iterator[Case]:
    from tensorflow_probability.substrates.jax.math import psd_kernels as of

    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    for name in (
        "MaternOneHalf",
        "MaternThreeHalves",
        "RationalQuadratic",
        "ExponentiatedQuadratic",
    ):
        kernel = getattr(of, name)(1.3, 0.8)
        yield _case(f"{name}.matrix", kernel.matrix, x, y)
    yield _case("MaternFiveHalves.apply", of.MaternFiveHalves(1.3, 0.8).apply, x, x, label="equal")
    same = of.MaternOneHalf(1.3, 0.8)
    yield _case("MaternOneHalf.matrix", lambda x: same.matrix(x, x), x, label="of one set")
