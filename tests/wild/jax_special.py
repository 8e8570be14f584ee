"""jax.scipy.special, each function beside itself in mpmath."""

from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

from tests.wild.case import Case

PACKAGE = "jax"
Rows = dict[str, tuple[Callable[..., Any], list[Any], dict[str, list[Any]]]]


def cases() -> Iterator[Case]:
    """Of each function ordinary arguments, and the edges of its domain."""
    rng = np.random.default_rng(202)
    for rows in (_of_one(rng), _of_more(rng)):
        for name, (exact, ordinary, edges) in rows.items():
            function = getattr(special, name.split()[0])
            for label, arguments in ({"ordinary": ordinary} | edges).items():
                given = tuple(np.asarray(argument, float) for argument in arguments)
                yield Case(PACKAGE, f"scipy.special.{name}", function, given, label, exact)
    yield from _with_constants(rng)


def _of_one(rng: np.random.Generator) -> Rows:
    import mpmath as mp

    x = rng.normal(size=(2, 3)) * 1.3
    p, positive = rng.uniform(0.04, 0.96, 5), rng.uniform(0.3, 4.5, 5)

    def entropy(x: Any) -> Any:
        return -x * mp.log(x) if x else mp.mpf(0)

    def scaled(order: int) -> Callable[[Any], Any]:
        return lambda x: mp.exp(-abs(x)) * mp.besseli(order, x)

    def dawson(x: Any) -> Any:
        return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)

    far = {"edge 0, ±6, 45": [[0.0, 6.0, -6.0, 45.0]]}
    return {
        "erf": (mp.erf, [x], {"edge 0, ±5": [[0.0, 5.0, -5.0]]}),
        "erfc": (mp.erfc, [x], {"edge 0, ±5, 20": [[0.0, 5.0, -5.0, 20.0]]}),
        "erfcx": (
            lambda x: mp.exp(x * x) * mp.erfc(x),
            [x],
            {"edge 0, 8, 26, -4": [[0.0, 8.0, 26.0, -4.0]], "edge 1e3": [[1e3, 5e6]]},
        ),
        "erfinv": (mp.erfinv, [p], {"edge 0, near ±1": [[0.0, 0.99999, -0.99999]]}),
        "dawsn": (dawson, [x], far),
        "logit": (
            lambda x: mp.log(x / (1 - x)),
            [p],
            {"edge 1e-9, 1 - 1e-9": [[1e-9, 0.5, 1 - 1e-9]]},
        ),
        "expit": (lambda x: 1 / (1 + mp.exp(-x)), [x], far),
        "entr": (entropy, [positive], {"edge 1, 1e-200": [[1.0, 1e-200]], "edge 0": [[0.0, 2.0]]}),
        "ndtr": (mp.ncdf, [x], {"edge ±8, 0": [[8.0, -8.0, 0.0]]}),
        "log_ndtr": (
            lambda x: mp.log(mp.ncdf(x)),
            [x],
            {"edge 0, ±7, -30, -200, 30": [[0.0, 7.0, -7.0, -30.0, -200.0, 30.0]]},
        ),
        "ndtri": (
            lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1),
            [p],
            {"edge tails": [[1e-7, 0.5, 1 - 1e-7]]},
        ),
        "i0": (lambda x: mp.besseli(0, x), [x], far),
        "i0e": (scaled(0), [x], far),
        "i1": (lambda x: mp.besseli(1, x), [x], far),
        "i1e": (scaled(1), [x], far),
        "gammaln": (
            lambda x: mp.log(abs(mp.gamma(x))),
            [positive],
            {"edge 1, 2, -1.5, 1e4": [[1.0, 2.0, -1.5, 1e4]]},
        ),
        "gamma": (mp.gamma, [positive], {"edge -2.5, 15": [[-2.5, -0.5, 15.0]]}),
        "digamma": (mp.digamma, [positive], {"edge -0.5, 1e5": [[-0.5, 1.0, 1e5]]}),
        "spence": (
            lambda x: mp.polylog(2, 1 - x),
            [positive],
            {"edge 1, 2, 1e-3": [[1.0, 2.0, 1e-3]]},
        ),
        "exp1": (mp.e1, [positive], {"edge 1e-5, 40": [[1e-5, 40.0]]}),
        "expi": (mp.ei, [positive], {"edge -3, 25": [[-3.0, 25.0]]}),
    }


def _of_more(rng: np.random.Generator) -> Rows:
    import mpmath as mp

    a, b, c = (rng.uniform(0.4, 3.2, 4) for _ in range(3))
    unit = rng.uniform(0.08, 0.92, 2)

    def relative(x: Any, y: Any) -> Any:
        return x * mp.log(x / y) if x else mp.mpf(0)

    equal = {"edge equal": [[0.3, 1.0, 2.0], [0.3, 1.0, 2.0]]}
    return {
        "xlogy": (
            lambda x, y: x * mp.log(y) if x else mp.mpf(0),
            [a, b],
            {"edge x 0": [[0.0, 0.0, 1.5], [2.0, 0.25, 1.0]], "edge both 0": [[0.0], [0.0]]},
        ),
        "xlog1py": (
            lambda x, y: x * mp.log1p(y) if x else mp.mpf(0),
            [a, b - 0.3],
            {"edge x 0, small y": [[0.0, 1.0], [0.7, 1e-11]]},
        ),
        "rel_entr": (relative, [a, b], equal),
        "kl_div": (lambda x, y: relative(x, y) - x + y, [a, b], equal),
        "betaln": (lambda a, b: mp.log(mp.beta(a, b)), [a, b], {"edge large": [[80.0], [0.05]]}),
        "beta": (mp.beta, [a, b], {}),
        "zeta": (mp.zeta, [1.2 + a, b], {"edge near 1": [[1.02, 12.0], [1.0, 3.0]]}),
        "gammainc": (
            lambda a, x: mp.gammainc(a, 0, x, regularized=True),
            [a, b],
            {"edge small, large": [[0.15, 40.0], [0.02, 44.0]]},
        ),
        "gammaincc": (
            lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
            [a, b],
            {"edge small, large": [[0.15, 40.0], [0.02, 44.0]]},
        ),
        "poch": (mp.rf, [a, b], {"edge 0th": [[1.2, 3.0], [0.0, 2.0]]}),
        "hyp1f1": (
            mp.hyp1f1,
            [a[:2], b[:2] + 0.5, c[:2] - 1.5],
            {"edge 0, 12": [[1.0], [2.5], [12.0]]},
        ),
        "hyp2f1": (
            mp.hyp2f1,
            [a[:2], b[:2], c[:2] + 1, unit / 2],
            {"edge 0": [[1.0], [0.6], [2.0], [0.0]]},
        ),
        "owens_t": (
            lambda h, a: mp.quad(lambda t: _owen(mp, h, t), [0, a]) / (2 * mp.pi),
            [a[:2], b[:2]],
            {"edge 0": [[0.0, 1.1], [1.0, 0.0]]},
        ),
    }


def _owen(mp: Any, h: Any, t: Any) -> Any:
    return mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t)


def _with_constants(rng: np.random.Generator) -> Iterator[Case]:
    import mpmath as mp

    x = rng.uniform(0.3, 4.0, 4)
    for order in (1, 3):

        def expn(x: Any, order: int = order) -> Any:
            return special.expn(order, x)

        def exact(x: Any, order: int = order) -> Any:
            return mp.expint(order, x)

        edge = np.array([1e-3, 1.0, 35.0])
        yield Case(PACKAGE, "scipy.special.expn", expn, (x,), f"order {order}", exact)
        yield Case(PACKAGE, "scipy.special.expn", expn, (edge,), f"order {order}, edge", exact)
    for order in (1, 2):

        def polygamma(x: Any, order: int = order) -> Any:
            return special.polygamma(order, x)

        def psi(x: Any, order: int = order) -> Any:
            return mp.psi(order, x)

        yield Case(PACKAGE, "scipy.special.polygamma", polygamma, (x,), f"order {order}", psi)
    name = "scipy.special.multigammaln"
    yield Case(PACKAGE, name, lambda a: special.multigammaln(a, 2), (x + 1,), "d = 2")
    yield Case(PACKAGE, "scipy.special.sici", special.sici, (x,), "ordinary")
    edge = np.array([4.0, -2.0, 30.0])
    yield Case(PACKAGE, "scipy.special.sici", special.sici, (edge,), "edge 4, 30")
    if hasattr(special, "fresnel"):
        yield Case(PACKAGE, "scipy.special.fresnel", special.fresnel, (x,), "ordinary")
    name = "scipy.special.bessel_jn"
    yield Case(PACKAGE, name, lambda z: special.bessel_jn(z, v=2, n_iter=40), (x,), "ordinary")
    z = rng.normal(size=(3, 4))
    yield Case(PACKAGE, "scipy.special.logsumexp", special.logsumexp, (z,), "ordinary")
    weights = rng.uniform(0.1, 2, (3, 4))

    def weighted(z: Any, b: Any) -> Any:
        return special.logsumexp(z, b=b, axis=1)

    yield Case(PACKAGE, "scipy.special.logsumexp", weighted, (z, weights), "with weights")
    name = "scipy.special.betainc"  # its gradient is by x alone
    unit = rng.uniform(0.1, 0.9, 4)
    yield Case(
        PACKAGE,
        name,
        lambda x: special.betainc(1.4, 2.7, x),
        (unit,),
        "a = 1.4, b = 2.7",
        lambda x: mp.betainc(1.4, 2.7, 0, x, regularized=True),
    )
    if hasattr(special, "wofz"):

        def wofz(x: Any, y: Any) -> Any:
            w = special.wofz(x + 1j * y)
            return jnp.stack([w.real, w.imag])

        yield Case(PACKAGE, "scipy.special.wofz", wofz, (z[0], abs(z[1])), "ordinary")
