"""uncertainties: the derivatives by which errors of functions of `math` are propagated."""

import math
from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_arguments, of_numbers

PACKAGE = "uncertainties"
WITHIN = {"acos", "asin", "atanh"}
POSITIVE = {"log", "log10", "log1p", "sqrt"}
IN_MPMATH = {"fabs": abs, "log10": lambda x: mp.log(x) / mp.log(10)}


def cases() -> Iterator[Case]:
    from uncertainties.umath_core import fixed_derivatives as of

    ordinary = np.array([-1.3, -0.2, 0.4, 2.6])
    for name, (first, *more) in of.items():
        if more:
            continue
        at = ordinary
        if name in WITHIN:
            at = np.array([-0.9, 0.0, 0.3])
        if name in POSITIVE or name == "acosh":
            at = np.array([1.2, 3.0, 40.0])
        exact = IN_MPMATH.get(name, getattr(mp, name, None))
        yield Case(PACKAGE, name, of_numbers(getattr(math, name), first), (at,), "", exact)
    x, y = np.array([-1.3, 0.4, 2.6]), np.array([0.7, -0.8, 1.9])
    positive = np.array([0.3, 1.4, 6.0])
    for name, at in (
        ("atan2", (x, y)),
        ("hypot", (x, y)),
        ("pow", (positive, y)),
        ("copysign", (x, y)),
        ("log", (positive, positive + 1)),
    ):
        each = [np.vectorize(one, otypes=[float]) for one in (getattr(math, name), *of[name])]
        yield Case(PACKAGE, name, of_arguments(each[0], _partials(each[1:])), at, "of two")
    for name, at in (("hypot", (np.array([0.0]), np.array([2.0]))),
                     ("pow", (np.array([0.0]), np.array([2.5]))),
                     ("atan2", (np.array([0.0]), np.array([-1.0])))):  # fmt: skip
        each = [np.vectorize(one, otypes=[float]) for one in (getattr(math, name), *of[name])]
        yield Case(PACKAGE, name, of_arguments(each[0], _partials(each[1:])), at, "edge")


def _partials(each: list[Any]) -> Any:
    return lambda *given: [one(*given) for one in each]
