"""gvar: Gaussian variables, whose functions carry their derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "gvar"
UNARY = ("sin", "cos", "tan", "exp", "sinh", "cosh", "tanh", "arctan", "arcsinh", "fabs")
WITHIN = ("arcsin", "arccos", "arctanh")
POSITIVE = ("log", "sqrt", "log10")


def cases() -> Iterator[Case]:
    import gvar

    rng = np.random.default_rng(79)
    real, share, positive = rng.normal(size=4), rng.uniform(-0.9, 0.9, 4), rng.uniform(0.3, 2, 4)
    knots = np.linspace(-3.0, 3.0, 7)
    heights = np.sin(knots)
    named = {
        name: (getattr(gvar, name), at)
        for names, at in ((UNARY, real), (WITHIN, share), (POSITIVE, positive))
        for name in names
        if hasattr(gvar, name)
    }
    functions: dict[str, tuple[Any, Any]] = {
        **{name: (lambda x, f=f: np.dot(f(x), FACTORS), at) for name, (f, at) in named.items()},
        "arctan2": (lambda x: np.arctan2(x[0], x[1]) * x[2] + x[3], real),
        "power": (lambda x: x[0] ** x[1] + x[2] ** 3 + 2 ** x[3], positive),
        "quotient": (lambda x: x[0] / x[1] + 3 / x[2] - x[3], real),
        "product": (lambda x: x[0] * x[1] * x[2] * x[3], real),
        "linalg.det": (lambda x: gvar.linalg.det(_matrix(x)), real),
        "linalg.inv": (lambda x: np.sum(gvar.linalg.inv(_matrix(x)) * HEIGHTS), real),
        "linalg.solve": (lambda x: np.sum(gvar.linalg.solve(_matrix(x), x[:2])), real),
        "linalg.eigvalsh": (lambda x: gvar.linalg.eigvalsh(_matrix(x))[0], real),
        "linalg.lstsq": (lambda x: np.sum(gvar.linalg.lstsq(HEIGHTS, x[:2])) + x[2] * x[3], real),
        **{
            f"cspline, {kind}": (
                lambda x, k=kind: sum(gvar.cspline.CSpline(knots, heights, alg=k)(each)
                                      for each in x), share
            )
            for kind in ("cspline", "steffen", "pchip")
        },
        "cspline, by heights": (
            lambda x: gvar.cspline.CSpline([0.0, 1.0, 2.0, 3.5], x, alg="cspline")(1.3), real
        ),
        "ode.Integrator": (lambda x: gvar.ode.Integrator(deriv=lambda t, y: x[0] * y, tol=1e-12)(
            x[1], (0.0, 1.0)) * x[2] + x[3], positive),
    }  # fmt: skip
    for name, (function, at) in functions.items():
        if name == "linalg.eigvalsh":
            function = _symmetrised(gvar)
        yield Case(PACKAGE, name, _of(gvar, function), (at,))


FACTORS = np.arange(1.0, 5.0)
HEIGHTS = np.array([[0.3, -0.7], [1.1, 0.4]])


def _matrix(x: Any) -> Any:
    return np.array([[x[0], x[1]], [x[2], x[3]]])


def _symmetrised(gvar: Any) -> Any:
    def lowest(x: Any) -> Any:
        return gvar.linalg.eigvalsh(np.array([[x[0], x[1]], [x[1], x[2]]]))[0] * x[3]

    return lowest


def _of(gvar: Any, function: Any) -> ValueAndGrad:
    """The mean, and the derivatives by variables of deviation 1."""

    def both(x: Any) -> Any:
        given = gvar.gvar([float(each) for each in x], [1.0] * len(x))
        out = function(given)
        slopes = [gvar.deriv(out, each) for each in given]
        return float(gvar.mean(out)), np.array(slopes, float)

    return ValueAndGrad(both)
