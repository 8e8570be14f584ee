"""autograd-gamma: incomplete gamma and beta functions as primitives of autograd."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "autograd-gamma"


def _primitive(function: Any) -> Pair:
    import autograd

    def backward(dout: Any, arguments: Any) -> Any:
        return tuple(
            autograd.elementwise_grad(function, place)(*arguments) * dout
            for place in range(len(arguments))
        )

    return Pair(lambda *arguments: (function(*arguments), arguments), backward)


def _lower(a: Any, x: Any) -> Any:
    return mp.gammainc(a, 0, x, regularized=True)


def _upper(a: Any, x: Any) -> Any:
    return mp.gammainc(a, x, mp.inf, regularized=True)


def _beta(a: Any, b: Any, x: Any) -> Any:
    return mp.betainc(a, b, 0, x, regularized=True)


def cases() -> Iterator[Case]:
    import autograd_gamma as of

    rng = np.random.default_rng(15)
    a, b, x = rng.uniform(0.5, 3, 5), rng.uniform(0.5, 3, 5), rng.uniform(0.2, 4, 5)
    p = rng.uniform(0.1, 0.9, 5)
    two = {
        "gammainc": _lower,
        "gammaincc": _upper,
        "gammaincln": lambda a, x: mp.log(_lower(a, x)),
        "gammainccln": lambda a, x: mp.log(_upper(a, x)),
    }
    for name, exact in two.items():
        yield Case(PACKAGE, name, _primitive(getattr(of, name)), (a, x), "", exact)
    far = np.array([2.0, 20.0]), np.array([60.0, 1.0])
    yield Case(PACKAGE, "gammainccln", _primitive(of.gammainccln), far, "far", two["gammainccln"])
    yield Case(PACKAGE, "betainc", _primitive(of.betainc), (a, b, p), "", _beta)
    yield Case(PACKAGE, "betaincln", _primitive(of.betaincln), (a, b, p), "",
               lambda a, b, x: mp.log(_beta(a, b, x)))  # fmt: skip
    for name in ("gammaincinv", "gammainccinv"):
        yield Case(PACKAGE, name, _primitive(getattr(of, name)), (a, p))
    yield Case(PACKAGE, "betaincinv", _primitive(of.betaincinv), (a, b, p))
