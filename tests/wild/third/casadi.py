"""casadi: functions of its symbols, and the gradients that it derives of them."""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "casadi"
X = np.array([-0.7, -0.2, 0.3, 0.9])
POINTWISE = {
    "erf": (X, mp.erf), "erfinv": (X, mp.erfinv), "tanh": (X, mp.tanh), "atanh": (X, mp.atanh),
    "acosh": (X + 2, mp.acosh), "asin": (X, mp.asin), "log1p": (X, mp.log1p),
    "expm1": (X, mp.expm1), "fabs": (X, abs), "sign": (X, mp.sign), "floor": (X, mp.floor),
    "sqrt": (X + 1, mp.sqrt), "tan": (X, mp.tan),
}  # fmt: skip


def of_symbols(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Pair:
    """A function of columns or matrices, and its product with the transposed Jacobian."""
    import casadi

    given = [casadi.MX.sym(f"x{number}", *shape) for number, shape in enumerate(shapes)]
    out = function(*given)
    dout = casadi.MX.sym("dout", *out.shape)
    products = [casadi.jtimes(out, one, dout, True) for one in given]
    run, back = casadi.Function("f", given, [out]), casadi.Function("b", [*given, dout], products)

    def shaped(value: Any, like: tuple[int, ...]) -> np.ndarray:
        return np.array(value).reshape(like)

    def forward(*arrays: Any) -> Any:
        value = np.array(run(*map(np.array, arrays)))
        return (value[:, 0] if out.shape[1] == 1 else value), arrays

    def backward(dout: Any, arrays: Any) -> Any:
        found = back.call([*map(casadi.DM, map(np.array, arrays)), casadi.DM(np.array(dout))])
        return tuple(shaped(one, np.shape(a)) for one, a in zip(found, arrays, strict=True))

    return Pair(forward, backward)


def cases() -> Iterator[Case]:
    import casadi

    for name, (at, exact) in POINTWISE.items():
        pair = of_symbols(getattr(casadi, name), at.shape)
        yield Case(PACKAGE, name, pair, (at,), "", exact)
    for name in ("fmin", "fmax", "hypot", "atan2", "copysign", "fmod"):
        pair = of_symbols(getattr(casadi, name), X.shape, X.shape)
        yield Case(PACKAGE, name, pair, (X, 1.7 * X[::-1].copy()))
    rng = np.random.default_rng(10)
    A, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    for name, function, arrays in (
        ("norm_2", casadi.norm_2, (b,)),
        ("norm_1", casadi.norm_1, (b,)),
        ("norm_inf", casadi.norm_inf, (b,)),
        ("norm_fro", casadi.norm_fro, (A,)),
        ("logsumexp", casadi.logsumexp, (b,)),
        ("mmax", casadi.mmax, (b,)),
        ("det", casadi.det, (A,)),
        ("inv", casadi.inv, (A,)),
        ("solve", casadi.solve, (A, b)),
        ("bilin", casadi.bilin, (A, b, b[::-1].copy())),
        ("cumsum", casadi.cumsum, (b,)),
        ("rootfinder", _root(casadi), (abs(b) + 0.5,)),
        ("interpolant bspline", _spline(casadi, "bspline"), (np.array([0.4]),)),
        ("interpolant linear", _spline(casadi, "linear"), (np.array([0.4]),)),
    ):
        pair = of_symbols(function, *(array.shape for array in arrays))
        yield Case(PACKAGE, name, pair, arrays)


def _root(casadi: Any) -> Any:
    x, p = casadi.MX.sym("x", 3), casadi.MX.sym("p", 3)
    find = casadi.rootfinder("r", "newton", {"x": x, "p": p, "g": x**3 + x - p})
    return lambda p: find(np.zeros(3), p)


def _spline(casadi: Any, kind: str) -> Any:
    grid = np.linspace(-1, 2, 8)
    return casadi.interpolant("s", kind, [grid], np.sin(3 * grid))
