"""pyunlocbox: functions to minimise, with `eval` and `grad`."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "pyunlocbox"


def cases() -> Iterator[Case]:
    from pyunlocbox import functions as of

    rng = np.random.default_rng(12)
    a, y, w = rng.normal(size=(4, 3)), rng.normal(size=4), rng.uniform(0.5, 2, 4)
    x = rng.normal(size=3)
    for label, made, at in (
        ("plain", of.norm_l2(), x),
        ("of a matrix", of.norm_l2(A=a, y=y), x),
        ("weighted", of.norm_l2(y=y, w=w, tight=False), y + 1),
        ("scaled", of.norm_l2(lambda_=2.5, A=a, y=y), x),
    ):
        yield Case(PACKAGE, "norm_l2", two_functions(made.eval, made.grad), (at,), label)
