"""pytensor: functions whose gradients are written by hand, some as series, evaluated in Python."""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "pytensor"
ONE: dict[str, tuple[Any, np.ndarray]] = {
    "erf": (mp.erf, np.array([-1.3, 0.2, 2.1])),
    "erfc": (mp.erfc, np.array([-1.3, 0.2, 2.1])),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), np.array([-1.3, 0.2, 7.0])),
    "erfinv": (mp.erfinv, np.array([-0.7, 0.1, 0.95])),
    "erfcinv": (lambda x: mp.erfinv(1 - x), np.array([0.3, 0.9, 1.7])),
    "gamma": (mp.gamma, np.array([0.4, 1.7, 4.2, -0.6])),
    "gammaln": (mp.loggamma, np.array([0.4, 1.7, 4.2])),
    "psi": (mp.digamma, np.array([0.4, 1.7, 4.2])),
    "tri_gamma": (lambda x: mp.psi(1, x), np.array([0.4, 1.7, 4.2])),
    "j0": (lambda x: mp.besselj(0, x), np.array([-2.3, 0.0, 5.1])),
    "j1": (lambda x: mp.besselj(1, x), np.array([-2.3, 0.7, 5.1])),
    "i0": (lambda x: mp.besseli(0, x), np.array([-2.3, 0.7, 3.1])),
    "i1": (lambda x: mp.besseli(1, x), np.array([-2.3, 0.7, 3.1])),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), np.array([-40.0, -1.2, 0.0, 3.0])),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), np.array([-40.0, -1.2, 0.0, 50.0])),
    "log1mexp": (lambda x: mp.log(-mp.expm1(x)), np.array([-30.0, -1.2, -1e-3])),
    "log1p": (mp.log1p, np.array([-0.9, 1e-9, 3.0])),
    "expm1": (mp.expm1, np.array([-3.0, 1e-9, 2.0])),
    "arccosh": (mp.acosh, np.array([1.01, 2.0])),
    "arctanh": (mp.atanh, np.array([-0.7, 0.95])),
    "exp2": (lambda x: 2**x, np.array([-1.0, 2.5])),
    "abs": (abs, np.array([-1.0, 2.5])),
}
TWO: dict[str, tuple[Any, tuple[np.ndarray, np.ndarray]]] = {
    "gammainc": (
        lambda a, x: mp.gammainc(a, 0, x, regularized=True),
        (np.array([0.6, 2.3, 8.0]), np.array([0.4, 3.0, 6.0]))),
    "gammaincc": (
        lambda a, x: mp.gammainc(a, x, regularized=True),
        (np.array([0.6, 2.3, 8.0]), np.array([0.4, 3.0, 6.0]))),
    "power": (lambda x, y: x**y, (np.array([0.6, 2.3]), np.array([-1.4, 3.0]))),
    "arctan2": (lambda y, x: mp.atan2(y, x), (np.array([0.6, -2.3]), np.array([-1.4, 3.0]))),
    "logaddexp": (
        lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), (np.array([0.6, -2.3]), np.array([-1.4, 3.0]))),
}  # fmt: skip


def compiled(function: Callable[..., Any], dimensions: tuple[int, ...]) -> Pair:
    """A function of tensors with the gradient that pytensor makes of it."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    mode = Mode(linker="py", optimizer=None)
    given = [pt.tensor(dtype="float64", shape=(None,) * each) for each in dimensions]
    out = function(*given)
    dout = out.type()
    run = pytensor.function(given, out, mode=mode)
    gradients = pytensor.grad(None, given, known_grads={out: dout})
    back = pytensor.function([*given, dout], gradients, mode=mode, on_unused_input="ignore")

    def backward(dout: Any, arrays: Any) -> Any:
        return tuple(back(*map(np.array, arrays), np.asarray(dout)))

    return Pair(lambda *arrays: (run(*map(np.array, arrays)), arrays), backward)


def cases() -> Iterator[Case]:
    import pytensor.tensor as pt

    for name, (exact, at) in ONE.items():
        yield Case(PACKAGE, name, compiled(getattr(pt, name), (1,)), (at,), "", exact)
    for name, (exact, two) in TWO.items():
        yield Case(PACKAGE, name, compiled(getattr(pt, name), (1, 1)), two, "", exact)
    yield from _arrays(pt)


def _arrays(pt: Any) -> Iterator[Case]:
    rng = np.random.default_rng(4)
    A, v, x = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(2, 4))
    S = A @ A.T + np.eye(3)
    for name, function, arrays in (
        ("softmax", lambda x: pt.special.softmax(x, axis=1), (x,)),
        ("log_softmax", lambda x: pt.special.log_softmax(x, axis=1), (x,)),
        ("logsumexp", lambda x: pt.logsumexp(x, axis=1), (x,)),
        ("prod", lambda x: pt.prod(x, axis=1), (x,)),
        ("max", lambda x: pt.max(x, axis=1), (x,)),
        ("cumprod", lambda x: pt.cumprod(x, axis=1), (x,)),
        ("sort", lambda x: pt.sort(x, axis=1), (x,)),
        ("betainc", lambda x: pt.betainc(1.3, 2.1, x), (np.array([0.2, 0.8]),)),
        ("det", pt.linalg.det, (A,)),
        ("inv", pt.linalg.inv, (A,)),
        ("solve", pt.linalg.solve, (A, v)),
        ("cholesky", pt.linalg.cholesky, (S,)),
        ("expm", pt.linalg.expm, (A,)),
    ):
        yield Case(PACKAGE, name, compiled(function, tuple(a.ndim for a in arrays)), arrays)
    zeros = np.array([[0.0, 2.0, 3.0, 1.0], [0.0, 0.0, 1.5, 2.0]])
    yield Case(PACKAGE, "prod", compiled(lambda x: pt.prod(x, axis=1), (2,)), (zeros,), "zeros")
