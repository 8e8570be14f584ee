"""pySOT: interpolations by radial functions, with their gradients."""

from collections.abc import Iterator

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "pySOT"


def cases() -> Iterator[Case]:
    from pySOT import surrogate as of

    rng = np.random.default_rng(66)
    distances = rng.uniform(0.2, 2.0, size=(3, 2))
    lower, upper, points = -np.ones(3), 2 * np.ones(3), rng.uniform(-1, 2, size=(12, 3))
    values = np.sin(points).sum(1, keepdims=True)
    at = rng.uniform(-0.8, 1.8, size=(2, 3))
    for name, tail in (("CubicKernel", "LinearTail"), ("TPSKernel", "LinearTail"),
                       ("LinearKernel", "ConstantTail")):  # fmt: skip
        kernel, end = getattr(of, name)(), getattr(of, tail)(3)
        pair = elementwise(kernel.eval, kernel.deriv)
        yield Case(PACKAGE, f"{name}.deriv", pair, (distances,))
        made = of.RBFInterpolant(3, lower, upper, kernel=kernel, tail=end)
        made.add_points(points, values)
        pair = _predicted(made)
        yield Case(PACKAGE, f"RBFInterpolant.predict_deriv, {name}", pair, (at,))
        yield Case(PACKAGE, f"RBFInterpolant.predict_deriv, {name}", pair, (at[:1],), "one point")
        if tail == "LinearTail":
            yield Case(
                PACKAGE, f"RBFInterpolant.predict_deriv, {name}", pair, (points[2:3],), "a node"
            )
    tail = of.LinearTail(3)
    pair = Pair(lambda x: (tail.eval(x)[0], x), lambda dout, x: tail.deriv(x) @ dout)
    yield Case(PACKAGE, "LinearTail.deriv", pair, (at[0],))


def _predicted(made):
    return Pair(lambda x: (np.ravel(made.predict(x)), x),
                lambda dout, x: dout[:, None] * made.predict_deriv(x))  # fmt: skip
