"""python-picard: densities of independent components, with two derivatives."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "python-picard"


def cases() -> Iterator[Case]:
    from picard import densities as of

    x = np.random.default_rng(74).normal(size=(2, 3))
    for name, density in (("Tanh", of.Tanh()), ("Tanh, alpha", of.Tanh({"alpha": 0.6})),
                          ("Exp", of.Exp()), ("Exp, alpha", of.Exp({"alpha": 0.6})),
                          ("Cube", of.Cube())):  # fmt: skip
        first = elementwise(density.log_lik, lambda x, d=density: d.score_and_der(x)[0])
        second = elementwise(lambda x, d=density: d.score_and_der(x)[0],
                             lambda x, d=density: d.score_and_der(x)[1])  # fmt: skip
        yield Case(PACKAGE, f"{name}, score", first, (x,))
        yield Case(PACKAGE, f"{name}, derivative", second, (x,))
        yield Case(PACKAGE, f"{name}, score", first, (np.array([0.0, 1.0, -2.0]),), "zero")
