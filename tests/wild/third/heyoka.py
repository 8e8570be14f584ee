"""heyoka: expressions with special functions, and the derivatives that it takes of them."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case
from tests.wild.third.glue import partials

PACKAGE = "heyoka"
X, Y = np.array([0.1, 0.5, 0.8]), np.array([0.3, 1.7, 2.9])


def cases() -> Iterator[Case]:
    import heyoka as hy

    for name, function, exact in (
        ("sigmoid", hy.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
        ("erf", hy.erf, mp.erf),
        ("asinh", hy.asinh, mp.asinh),
        ("atanh", hy.atanh, mp.atanh),
        ("relu", hy.relu, lambda x: max(x, 0)),
        ("leaky_relu", hy.leaky_relu(0.1), None),
        ("tan", hy.tan, mp.tan),
    ):
        yield Case(PACKAGE, name, _of(hy, function, 1), (X - 0.3,), "", exact)
    for name, function in (
        ("kepE", hy.kepE),
        ("atan2", hy.atan2),
        ("power", lambda x, y: x**y),
        ("quotient", lambda x, y: hy.sin(x * y) / (1 + x * x)),
        ("sqrt of squares", lambda x, y: hy.sqrt(x * x + y * y)),
    ):
        yield Case(PACKAGE, name, _of(hy, function, 2), (X, Y))
    three = 0.2 * X, 0.3 * X[::-1].copy(), Y
    for name in ("kepF", "kepDE"):
        yield Case(PACKAGE, name, _of(hy, getattr(hy, name), 3), three)


def _of(hy: Any, function: Any, count: int) -> Any:
    given = [hy.make_vars(name) for name in "xyz"[:count]]
    expression = function(*given)
    value = hy.cfunc([expression], given)
    slopes = hy.cfunc([hy.diff(expression, one) for one in given], given)

    def run(compiled: Any, arrays: Any) -> np.ndarray:
        return np.array(compiled(np.ascontiguousarray(np.stack(arrays), float)))

    return partials(lambda *a: run(value, a)[0], lambda *a: run(slopes, a))
