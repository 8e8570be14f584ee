"""autograd: the vector-Jacobian products of its primitives and of its solvers."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "autograd"
Made = tuple[str, Callable[..., Any], tuple[Any, ...], str]


def by_vjp(function: Callable[..., Any]) -> Pair:
    """The function, and autograd's products for each of its arguments."""
    from autograd import make_vjp

    def forward(*arguments: Any) -> tuple[Any, Any]:
        return function(*arguments), arguments

    def backward(dout: Any, arguments: Any) -> Any:
        products = (make_vjp(function, number)(*arguments)[0] for number in range(len(arguments)))
        return tuple(product(dout) for product in products)

    return Pair(forward, backward)


def cases() -> Iterator[Case]:
    """Elementwise functions, reductions, linear algebra, distributions, and an ODE."""
    rng = np.random.default_rng(808)
    for made in (_elementwise, _of_two, _reductions, _linear, _special, _others):
        for name, function, arguments, label in made(rng):
            yield Case(PACKAGE, name, by_vjp(function), arguments, label)


def _elementwise(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.numpy as anp

    x, inside = rng.normal(size=(2, 3)), rng.uniform(-0.9, 0.9, (2, 3))
    for name, edge in {
        "abs": [0.0, -1.0],
        "sqrt": [1e-10, 9.0],
        "sinc": [0.0, 0.5, 2.0],
        "log1p": [0.0, -0.99],
        "expm1": [0.0, 20.0],
        "exp2": [0.0, -8.0],
        "tan": [0.0, 1.55],
        "tanh": [0.0, 20.0],
        "arcsin": [0.0, 0.999],
        "arccos": [0.0, -0.999],
        "arctan": [0.0, 1e4],
        "arcsinh": [0.0, -1e3],
        "arctanh": [0.0, 0.99],
        "cosh": [0.0, 15.0],
        "square": [0.0, 1e3],
        "reciprocal": [1e-4, -3.0],
        "log10": [1e-9, 1e5],
        "deg2rad": [0.0, 180.0],
        "nan_to_num": [0.0, 2.0],
    }.items():
        function = getattr(anp, name)
        ordinary = inside if name.startswith("arc") else abs(x) if "log" in name else x
        ordinary = abs(ordinary) if name == "sqrt" else ordinary
        yield f"numpy.{name}", function, (ordinary,), "ordinary"
        yield f"numpy.{name}", function, (np.array(edge),), "edge"
    yield "numpy.clip", lambda x: anp.clip(x, -0.5, 0.5), (x,), "ordinary"
    yield "numpy.clip", lambda x: anp.clip(x, -0.5, 0.5), (np.array([0.5, 0.0]),), "edge bound"


def _of_two(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.numpy as anp

    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    ties = np.array([1.0, 2.0, -1.0]), np.array([1.0, 0.0, -1.0])
    for name in ("maximum", "minimum", "fmax", "logaddexp", "logaddexp2", "arctan2", "hypot"):
        if hasattr(anp, name):
            function = getattr(anp, name)
            yield f"numpy.{name}", function, (x, y), "ordinary"
            yield f"numpy.{name}", function, ties, "edge ties"
    yield "numpy.add", anp.add, (x, y[0]), "broadcast"
    yield "numpy.divide", anp.divide, (x, y[:, :1]), "broadcast"
    yield "numpy.power", anp.power, (abs(x), y), "ordinary"
    yield "numpy.power", lambda x: anp.power(x, 2.0), (np.array([0.0, -1.5]),), "edge 0 squared"
    yield "numpy.power", anp.power, (np.array([0.0, 2.0]), np.array([2.0, 0.0])), "edge 0"
    yield "numpy.mod", anp.mod, (5 * abs(x), 1 + abs(y)), "ordinary"
    yield "numpy.where", lambda x, y: anp.where(x > 0, x * y, y), (x, y), "ordinary"
    yield "numpy.kron", anp.kron, (x, y), "ordinary"
    yield "numpy.outer", anp.outer, (x[0], y[1]), "ordinary"
    yield "numpy.cross", anp.cross, (x, y), "ordinary"


def _reductions(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.numpy as anp

    x, zeros, ties = rng.normal(size=(3, 4)), np.array([2.0, 0.0, 3.0]), np.array([1.0, 1.0, 0.0])
    for name in (
        "sum",
        "mean",
        "var",
        "std",
        "prod",
        "max",
        "min",
        "cumsum",
        "sort",
        "linalg.norm",
    ):
        function = anp
        for part in name.split("."):
            function = getattr(function, part)
        yield f"numpy.{name}", function, (x[0] if name == "sort" else x,), "ordinary"
    yield "numpy.std", lambda x: anp.std(x, axis=0, ddof=1), (x,), "ddof 1"
    yield "numpy.var", lambda x: anp.var(x, axis=1, keepdims=True), (x,), "axis"
    yield "numpy.std", anp.std, (np.full(3, 1.5),), "edge no variance"
    yield "numpy.prod", anp.prod, (zeros,), "edge a zero"
    yield "numpy.max", anp.max, (ties,), "edge ties"
    yield "numpy.diff", anp.diff, (x,), "ordinary"
    yield "numpy.roll", lambda x: anp.roll(x, 2, axis=1), (x,), "ordinary"
    yield "numpy.tile", lambda x: anp.tile(x, (2, 1)), (x,), "ordinary"
    yield "numpy.repeat", lambda x: anp.repeat(x, 2, axis=0), (x,), "ordinary"
    yield "numpy.rot90", anp.rot90, (x,), "ordinary"
    yield "numpy.trace", anp.trace, (x,), "ordinary"
    yield "numpy.triu", anp.triu, (x,), "ordinary"


def _linear(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.numpy as anp
    import autograd.scipy.linalg as sla

    a, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    positive = a @ a.T + np.eye(3)

    def symmetric(a: Any) -> Any:
        return (a + anp.swapaxes(a, -1, -2)) / 2

    linalg = anp.linalg
    yield "numpy.matmul", anp.matmul, (a, b), "ordinary"
    yield "numpy.tensordot", lambda a, b: anp.tensordot(a, b, 1), (a, b), "ordinary"
    yield "numpy.einsum", lambda a, b: anp.einsum("ij,jk->ki", a, b), (a, b), "ordinary"
    yield "numpy.linalg.inv", linalg.inv, (a,), "ordinary"
    yield "numpy.linalg.pinv", linalg.pinv, (b,), "ordinary"
    yield "numpy.linalg.det", linalg.det, (a,), "ordinary"
    yield "numpy.linalg.slogdet", lambda a: linalg.slogdet(a)[1], (a,), "ordinary"
    yield "numpy.linalg.solve", linalg.solve, (a, b), "ordinary"
    yield "numpy.linalg.cholesky", lambda a: linalg.cholesky(symmetric(a)), (positive,), "ordinary"
    yield "numpy.linalg.eigh", lambda a: linalg.eigh(symmetric(a))[0], (positive,), "values"
    yield "numpy.linalg.svd", lambda a: linalg.svd(a, full_matrices=False)[1], (b,), "values"
    yield "numpy.linalg.norm", lambda a: linalg.norm(a, "nuc"), (b,), "nuclear"
    yield "numpy.linalg.norm", lambda a: linalg.norm(a, 3, axis=0), (b,), "3-norm"
    yield "numpy.linalg.norm", linalg.norm, (np.zeros(3),), "edge zero"

    def triangular(a: Any, b: Any) -> Any:
        return sla.solve_triangular(a, b, lower=True)

    yield "scipy.linalg.solve_triangular", triangular, (positive, b), "lower"
    yield "scipy.linalg.sqrtm", lambda a: sla.sqrtm(symmetric(a)), (positive,), "ordinary"

    def sylvester(a: Any, q: Any) -> Any:
        return sla.solve_sylvester(a, a.T, q)

    yield "scipy.linalg.solve_sylvester", sylvester, (positive, a), "ordinary"
    banded = np.vstack([np.r_[0, np.ones(3)], np.full(4, 4.0)])
    if hasattr(sla, "solve_banded"):
        one = lambda d: sla.solve_banded((0, 1), d, np.ones(4))  # noqa: E731
        yield "scipy.linalg.solve_banded", one, (banded,), "ordinary"


def _special(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.scipy.special as s
    import autograd.scipy.stats as stats

    x, positive, unit = rng.normal(size=4), rng.uniform(0.5, 4, 4), rng.uniform(0.1, 0.9, 4)
    for name in ("gamma", "gammaln", "psi", "rgamma", "j0", "j1", "y0", "i0", "i1"):
        yield f"scipy.special.{name}", getattr(s, name), (positive,), "ordinary"
    for name in ("erf", "erfc", "expit", "logsumexp"):
        yield f"scipy.special.{name}", getattr(s, name), (x,), "ordinary"
    for name in ("logit", "erfinv", "erfcinv"):
        yield f"scipy.special.{name}", getattr(s, name), (unit,), "ordinary"
    yield "scipy.special.logsumexp", s.logsumexp, (np.array([700.0, 700.0, -5.0]),), "edge 700"
    for name in ("beta", "betaln"):
        yield f"scipy.special.{name}", getattr(s, name), (positive, unit), "ordinary"
    of_x = {"jn": s.jn, "yn": s.yn, "iv": s.iv, "ive": s.ive}
    for name, function in of_x.items():
        bessel = lambda x, f=function: f(2, x)  # noqa: E731
        yield f"scipy.special.{name}", bessel, (positive,), "order 2"
    yield "scipy.special.polygamma", lambda x: s.polygamma(1, x), (positive,), "order 1"
    incomplete = {"gammainc": s.gammainc, "gammaincc": s.gammaincc}
    for name, function in incomplete.items():
        yield f"scipy.special.{name}", lambda x, f=function: f(1.7, x), (positive,), "a = 1.7"
    for name in ("pdf", "cdf", "logpdf", "logcdf", "logsf"):
        function = getattr(stats.norm, name)
        yield f"scipy.stats.norm.{name}", function, (x, unit, positive), "x, loc, scale"
    yield "scipy.stats.t.logpdf", stats.t.logpdf, (x, positive, unit, positive), "all arguments"
    yield "scipy.stats.gamma.logpdf", stats.gamma.logpdf, (positive, unit), "ordinary"
    yield "scipy.stats.beta.logpdf", stats.beta.logpdf, (unit, positive, positive), "ordinary"
    for freedom in (3.0, 2.5):
        for name in ("logpdf", "cdf"):
            chi2 = lambda x, f=getattr(stats.chi2, name), n=freedom: f(x, n)  # noqa: E731, B008
            yield f"scipy.stats.chi2.{name}", chi2, (positive,), f"{freedom} degrees of freedom"
    counts = np.array([0.0, 1.0, 3.0, 2.0])
    poisson = lambda rate: stats.poisson.logpmf(counts, rate)  # noqa: E731
    yield "scipy.stats.poisson.logpmf", poisson, (positive,), "rate"
    covariance = np.array([[1.5, 0.3], [0.3, 0.8]])

    def normal(x: Any, mean: Any, c: Any) -> Any:
        return stats.multivariate_normal.logpdf(x, mean, (c + c.T) / 2)

    yield "scipy.stats.multivariate_normal.logpdf", normal, (x[:2], unit[:2], covariance), "all"
    dirichlet = lambda a: stats.dirichlet.logpdf(unit[:3] / unit[:3].sum(), a)  # noqa: E731
    yield "scipy.stats.dirichlet.logpdf", dirichlet, (positive[:3],), "alpha"


def _others(rng: np.random.Generator) -> Iterator[Made]:
    import autograd.numpy as anp
    from autograd.builtins import tuple as pair
    from autograd.scipy.integrate import odeint
    from autograd.scipy.signal import convolve

    x, w = rng.normal(size=(5, 5)), rng.normal(size=(3, 3))
    for mode in ("full", "valid"):
        yield "scipy.signal.convolve", lambda x, w, m=mode: convolve(x, w, mode=m), (x, w), mode
    yield "numpy.fft.fft", lambda x: anp.abs(anp.fft.fft(x)), (x[0],), "moduli"
    yield "numpy.fft.rfft", lambda x: anp.abs(anp.fft.rfft(x)), (x[0, :4],), "moduli"
    yield "numpy.fft.fft2", lambda x: anp.real(anp.fft.fft2(x)), (x,), "real part"
    times = np.linspace(0.0, 0.9, 3)

    def orbit(y: Any, k: Any) -> Any:
        def velocity(y: Any, t: Any, k: Any) -> Any:
            return anp.array([y[1], -k[0] * anp.sin(y[0])])

        return odeint(velocity, y, times, pair((k,)), rtol=1e-9, atol=1e-9)

    yield "scipy.integrate.odeint", orbit, (np.array([0.4, 0.1]), np.array([1.3])), "ordinary"
