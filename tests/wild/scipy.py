"""SciPy: functions with their derivatives, from special to interpolate, stats, linalg, optimize."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise, two_functions

PACKAGE = "scipy"


def cases() -> Iterator[Case]:
    """Pairs f and f', as two functions or two methods."""
    rng = np.random.default_rng(707)
    yield from _special(rng)
    yield from _splines(rng)
    yield from _distributions(rng)
    yield from _matrices(rng)
    yield from _optimize(rng)
    yield from _polynomials(rng)


def _special(rng: np.random.Generator) -> Iterator[Case]:
    import mpmath as mp
    import scipy.special as s

    x, positive = rng.normal(size=5), rng.uniform(0.4, 4.0, 5)
    unit = rng.uniform(0.1, 0.9, 5)
    root = np.sqrt(np.pi)
    for name, f, df, given, edge, exact in (
        ("erf", s.erf, lambda x: 2 / root * np.exp(-x * x), x, [0.0, 5.0], mp.erf),
        ("erfc", s.erfc, lambda x: -2 / root * np.exp(-x * x), x, [0.0, 6.0], mp.erfc),
        ("erfi", s.erfi, lambda x: 2 / root * np.exp(x * x), x, [0.0, 3.0], mp.erfi),
        ("dawsn", s.dawsn, lambda x: 1 - 2 * x * s.dawsn(x), x, [0.0, 9.0], None),
        ("gammaln", s.gammaln, s.psi, positive, [1.0, 2.0, 60.0], None),
        ("gamma", s.gamma, lambda x: s.gamma(x) * s.psi(x), positive, [1.0, 12.0], mp.gamma),
        ("rgamma", s.rgamma, lambda x: -s.rgamma(x) * s.psi(x), positive, [1.0, 9.0], mp.rgamma),
        ("psi", s.psi, lambda x: s.polygamma(1, x), positive, [1e-3, 1e4], None),
        ("j0", s.j0, lambda x: -s.j1(x), positive, [0.0, 25.0], lambda x: mp.besselj(0, x)),
        ("y0", s.y0, lambda x: -s.y1(x), positive, [1e-2, 25.0], lambda x: mp.bessely(0, x)),
        ("i0", s.i0, s.i1, positive, [0.0, 20.0], lambda x: mp.besseli(0, x)),
        ("k0", s.k0, lambda x: -s.k1(x), positive, [1e-2, 20.0], lambda x: mp.besselk(0, x)),
        ("jv", lambda x: s.jv(2.5, x), lambda x: s.jvp(2.5, x), positive, [0.1, 30.0], None),
        ("yv", lambda x: s.yv(1.5, x), lambda x: s.yvp(1.5, x), positive, [0.2, 30.0], None),
        ("iv", lambda x: s.iv(2, x), lambda x: s.ivp(2, x), positive, [0.1, 15.0], None),
        ("kv", lambda x: s.kv(2, x), lambda x: s.kvp(2, x), positive, [0.1, 15.0], None),
        ("spherical_jn", *_spherical(s.spherical_jn), positive, [0.01, 20.0], None),
        ("spherical_in", *_spherical(s.spherical_in), positive, [0.01, 9.0], None),
        ("airy", lambda x: s.airy(x)[0], lambda x: s.airy(x)[1], x, [0.0, -9.0, 6.0], mp.airyai),
        ("expit", s.expit, lambda x: s.expit(x) * s.expit(-x), x, [0.0, 40.0, -40.0], None),
        ("log_expit", s.log_expit, lambda x: s.expit(-x), x, [0.0, 40.0, -700.0], None),
        ("logit", s.logit, lambda p: 1 / (p * (1 - p)), unit, [1e-8, 0.5, 0.999], _logit),
        ("entr", s.entr, lambda x: -np.log(x) - 1, unit, [1e-9, 1.0], _entropy),
        ("ndtr", s.ndtr, lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi), x, [0.0, 7.0], mp.ncdf),
        ("log_ndtr", s.log_ndtr, _mills, x, [0.0, -25.0, 6.0], lambda x: mp.log(mp.ncdf(x))),
        ("exp1", s.exp1, lambda x: -np.exp(-x) / x, positive, [1e-4, 20.0], mp.e1),
        ("shichi", lambda x: s.shichi(x)[0], lambda x: np.sinh(x) / x, positive, [9.0], mp.shi),
        ("sici", lambda x: s.sici(x)[0], lambda x: np.sin(x) / x, positive, [30.0], mp.si),
        ("spence", s.spence, lambda x: -np.log(x) / (x - 1), positive, [1e-3, 30.0], None),
        ("fresnel", lambda x: s.fresnel(x)[0], lambda x: np.sin(np.pi * x * x / 2), x, [0.0], None),
        ("ellipk", s.ellipk, _of_ellipk, unit, [1e-3, 0.99], mp.ellipk),
        ("lambertw", lambda x: s.lambertw(x).real, _of_lambert, positive, [1e-3, 50.0], None),
        (
            "huber",
            lambda r: s.huber(1.0, r),
            lambda r: np.clip(r, -1, 1),
            x,
            [0.0, 1.0, -1.0],
            None,
        ),
    ):
        pair = elementwise(f, df)
        yield Case(PACKAGE, f"special.{name}", pair, (given,), "ordinary", exact)
        yield Case(PACKAGE, f"special.{name}", pair, (np.array(edge),), "edge", exact)
    sums = two_functions(s.logsumexp, s.softmax)
    yield Case(PACKAGE, "special.logsumexp", sums, (x,), "ordinary")
    yield Case(PACKAGE, "special.logsumexp", sums, (np.array([900.0, 900.0, -900.0]),), "edge ±900")


def _spherical(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return lambda x: function(2, x), lambda x: function(2, x, derivative=True)


def _logit(p: Any) -> Any:
    import mpmath as mp

    return mp.log(p / (1 - p))


def _entropy(x: Any) -> Any:
    import mpmath as mp

    return -x * mp.log(x)


def _mills(x: Any) -> Any:
    import scipy.special as s

    return np.exp(-x * x / 2 - s.log_ndtr(x)) / np.sqrt(2 * np.pi)


def _of_ellipk(m: Any) -> Any:
    import scipy.special as s

    return (s.ellipe(m) / (1 - m) - s.ellipk(m)) / (2 * m)


def _of_lambert(x: Any) -> Any:
    import scipy.special as s

    w = s.lambertw(x).real
    return w / (x * (1 + w))


def _splines(rng: np.random.Generator) -> Iterator[Case]:
    from scipy import interpolate as i

    knots, values = np.arange(7.0), rng.normal(size=7)
    inside, at = rng.uniform(0.2, 5.8, 5), np.array([0.0, 1.0, 4.0, 6.0])
    for name, spline in {
        "CubicSpline": i.CubicSpline(knots, values),
        "CubicSpline natural": i.CubicSpline(knots, values, bc_type="natural"),
        "PchipInterpolator": i.PchipInterpolator(knots, values),
        "Akima1DInterpolator": i.Akima1DInterpolator(knots, values),
        "BSpline": i.make_interp_spline(knots, values, k=3),
        "BSpline quadratic": i.make_interp_spline(knots, values, k=2),
        "UnivariateSpline": i.UnivariateSpline(knots, values, s=0.5),
        "BPoly": i.BPoly(rng.normal(size=(4, 2)), np.array([0.0, 3.0, 6.0])),
        "BarycentricInterpolator": i.BarycentricInterpolator(knots[:5] * 1.5, values[:5]),
        "KroghInterpolator": i.KroghInterpolator(knots[:5] * 1.5, values[:5]),
    }.items():
        made = hasattr(spline, "antiderivative")  # others take the point at once
        slope = spline.derivative() if made else spline.derivative
        pair = elementwise(spline, slope)
        yield Case(PACKAGE, f"interpolate.{name}", pair, (inside,), "ordinary")
        yield Case(PACKAGE, f"interpolate.{name}", pair, (at,), "edge knots")


def _distributions(rng: np.random.Generator) -> Iterator[Case]:
    from scipy import stats

    x, positive, unit = rng.normal(size=4), rng.uniform(0.4, 3, 4), rng.uniform(0.1, 0.9, 4)
    for name, one, given, edge in (
        ("norm", stats.norm(0.3, 1.4), x, [0.3, 8.0, -8.0]),
        ("t", stats.t(4.0), x, [0.0, 30.0]),
        ("gamma", stats.gamma(2.5), positive, [1e-3, 20.0]),
        ("beta", stats.beta(2.0, 3.5), unit, [1e-3, 0.999]),
        ("cauchy", stats.cauchy(), x, [0.0, 500.0]),
        ("logistic", stats.logistic(), x, [0.0, 30.0]),
        ("expon", stats.expon(), positive, [1e-6, 15.0]),
        ("weibull_min", stats.weibull_min(1.8), positive, [1e-3, 6.0]),
        ("lognorm", stats.lognorm(0.7), positive, [1e-2, 30.0]),
        ("gumbel_r", stats.gumbel_r(), x, [-3.0, 20.0]),
        ("uniform", stats.uniform(), unit, [0.0, 1.0]),
    ):
        pair = elementwise(one.cdf, one.pdf)
        yield Case(PACKAGE, f"stats.{name} cdf, pdf", pair, (given,), "ordinary")
        yield Case(PACKAGE, f"stats.{name} cdf, pdf", pair, (np.array(edge),), "edge")
    inverse = elementwise(stats.norm.ppf, lambda p: 1 / stats.norm.pdf(stats.norm.ppf(p)))
    yield Case(PACKAGE, "stats.norm ppf", inverse, (unit,), "ordinary")
    data = rng.normal(size=(3, 20))
    density = stats.gaussian_kde(data[0])
    pair = elementwise(np.vectorize(lambda x: density.integrate_box_1d(-50, x)), density)
    yield Case(PACKAGE, "stats.gaussian_kde", pair, (x,), "ordinary")


def _matrices(rng: np.random.Generator) -> Iterator[Case]:
    import scipy.linalg as linalg

    a = rng.normal(size=(3, 3)) / 2

    def adjoint(dout: Any, a: Any) -> Any:
        return linalg.expm_frechet(a.T, dout, compute_expm=False)

    exponential = Pair(lambda a: (linalg.expm(a), a), adjoint)
    yield Case(PACKAGE, "linalg.expm_frechet", exponential, (a,), "ordinary")
    yield Case(PACKAGE, "linalg.expm_frechet", exponential, (np.zeros((2, 2)),), "edge zero")
    determinant = two_functions(linalg.det, lambda a: linalg.det(a) * linalg.inv(a).T)
    yield Case(PACKAGE, "linalg.det, inv", determinant, (a,), "ordinary")
    inverse = Pair(lambda a: (linalg.inv(a), a), lambda dout, a: _of_inverse(linalg.inv(a), dout))
    yield Case(PACKAGE, "linalg.inv", inverse, (a,), "ordinary")


def _of_inverse(inverse: Any, dout: Any) -> Any:
    return -inverse.T @ dout @ inverse.T


def _optimize(rng: np.random.Generator) -> Iterator[Case]:
    from scipy import optimize
    from scipy.spatial.transform import Rotation

    rosen = two_functions(optimize.rosen, optimize.rosen_der)
    yield Case(PACKAGE, "optimize.rosen_der", rosen, (rng.normal(size=4),), "ordinary")
    yield Case(PACKAGE, "optimize.rosen_der", rosen, (np.ones(3),), "edge minimum")
    curved = Pair(
        lambda x: (optimize.rosen_der(x), x),
        lambda dout, x: optimize.rosen_hess_prod(x, dout),
    )
    yield Case(PACKAGE, "optimize.rosen_hess_prod", curved, (rng.normal(size=4),), "ordinary")
    v = rng.normal(size=3)

    def turned(v: Any) -> Any:
        rotation = Rotation.from_rotvec([0.2, -0.5, 0.9])
        return rotation.apply(v), rotation

    back = Pair(turned, lambda dout, rotation: rotation.inv().apply(dout))
    yield Case(PACKAGE, "spatial.Rotation.apply", back, (v,), "ordinary")


def _polynomials(rng: np.random.Generator) -> Iterator[Case]:
    from scipy import fft, signal, special

    x = rng.uniform(-0.9, 0.9, 4)
    for name in ("legendre", "chebyt", "hermite", "laguerre"):
        one = getattr(special, name)(4)
        pair = elementwise(one, np.polyder(one))
        yield Case(PACKAGE, f"special.{name}", pair, (x,), "ordinary")
        yield Case(PACKAGE, f"special.{name}", pair, (np.array([0.0, 1.0, -1.0]),), "edge 0, ±1")
    row, kernel = rng.normal(size=7), rng.normal(size=3)
    transposed = Pair(
        lambda x: (fft.dct(x, norm="ortho"), None), lambda dout, _: fft.idct(dout, norm="ortho")
    )
    yield Case(PACKAGE, "fft.dct, idct", transposed, (row,), "ordinary")
    convolved = Pair(
        lambda x, w: (signal.convolve(x, w, mode="valid"), (x, w)),
        lambda dout, kept: (
            signal.correlate(dout, kept[1], mode="full"),
            signal.correlate(kept[0], dout, mode="valid")[::-1],
        ),
    )
    yield Case(PACKAGE, "signal.convolve, correlate", convolved, (row, kernel), "ordinary")
