"""fluids: polynomials in several forms, each evaluated with its derivatives."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case

PACKAGE = "fluids"
COEFFICIENTS = [0.3, -1.2, 0.7, 2.1, -0.4]


def cases() -> Iterator[Case]:
    from fluids.numerics import polynomial_evaluation as of

    x = np.array(0.7)
    for name, after in (
        ("horner_and_der", ()),
        ("horner_stable_and_der", (0.3, 1.7)),
    ):
        function = functools.partial(_called, getattr(of, name), after)
        yield Case(PACKAGE, name, ValueAndGrad(function), (x,))
        yield Case(PACKAGE, name, ValueAndGrad(function), (np.array(-4.0),), "negative")
    for name, before, after in (
        ("exp_horner_backwards_and_der", (), ()),
        ("exp_horner_stable_and_der", (), (0.3, 1.7)),
        ("horner_backwards_ln_tau_and_der", (2.0,), ()),
        ("exp_horner_backwards_ln_tau_and_der", (2.0,), ()),
        ("horner_stable_ln_tau_and_der", (2.0,), (0.3, 1.7)),
        ("exp_horner_stable_ln_tau_and_der", (2.0,), (0.3, 1.7)),
    ):
        function = functools.partial(_called_at, getattr(of, name), (*before, COEFFICIENTS, *after))
        yield Case(PACKAGE, name, ValueAndGrad(function), (x,))
        second = functools.partial(
            _called_at, getattr(of, f"{name}2"), (*before, COEFFICIENTS, *after)
        )
        yield Case(PACKAGE, f"{name}2", _higher(second), (x,))


def _called(function: Any, after: tuple[float, ...], x: Any) -> Any:
    """The argument that comes first in some of them comes second in others."""
    if function.__name__ == "horner_and_der":
        return function(COEFFICIENTS, float(x))
    return function(float(x), COEFFICIENTS, *after)


def _called_at(function: Any, constants: tuple[Any, ...], x: Any) -> Any:
    return function(float(x), *constants)


def _higher(function: Any) -> Pair:
    """Of (f, f', f''): f' and its derivative."""
    return Pair(lambda x: (function(x)[1], x), lambda dout, x: dout * function(x)[2])
