"""blackscholes: prices of options and their Greeks."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "blackscholes"
SPOT = tuple(map(np.array, (55.0, 50.0, 0.8, 0.03, 0.25, 0.01)))
FORWARD = tuple(map(np.array, (55.0, 50.0, 0.8, 0.03, 0.25)))
TWICE = {"delta": ("gamma", "vanna"), "gamma": ("speed", "zomma")}


def cases() -> Iterator[Case]:
    import blackscholes as of

    for name in ("BlackScholesCall", "BlackScholesPut"):
        kind = getattr(of, name)
        yield Case(PACKAGE, name, ValueAndGrad(functools.partial(_price, kind)), SPOT)
        out = (np.array(40.0), np.array(60.0), *SPOT[2:])
        yield Case(PACKAGE, name, ValueAndGrad(functools.partial(_price, kind)), out, "other side")
        for greek, partials in TWICE.items():
            function = functools.partial(_of_spot_and_volatility, kind, greek, partials)
            yield Case(PACKAGE, f"{name}.{greek}", ValueAndGrad(function), (SPOT[0], SPOT[4]))
        function = functools.partial(_of_volatility, kind, "vega", "vomma")
        yield Case(PACKAGE, f"{name}.vega", ValueAndGrad(function), (SPOT[4],))
        function = functools.partial(_of_volatility, kind, "vomma", "ultima")
        yield Case(PACKAGE, f"{name}.vomma", ValueAndGrad(function), (SPOT[4],))
    for name in ("Black76Call", "Black76Put"):
        function = functools.partial(_forward, getattr(of, name))
        yield Case(PACKAGE, name, ValueAndGrad(function), FORWARD)


def _price(kind: Any, S: Any, K: Any, T: Any, r: Any, sigma: Any, q: Any) -> Any:
    made = kind(S=float(S), K=float(K), T=float(T), r=float(r), sigma=float(sigma), q=float(q))
    rate = (made.rho(), made.vega(), made.epsilon())
    return made.price(), (made.delta(), _by_strike(kind, made), -made.theta(), *rate)


def _by_strike(kind: Any, made: Any) -> Any:
    """The dual delta of a call is that of the price's negative."""
    return -made.dual_delta() if "Call" in kind.__name__ else made.dual_delta()


def _of_spot_and_volatility(kind: Any, greek: str, partials: Any, S: Any, sigma: Any) -> Any:
    made = kind(float(S), 50.0, 0.8, 0.03, float(sigma), 0.01)
    return getattr(made, greek)(), tuple(getattr(made, each)() for each in partials)


def _of_volatility(kind: Any, greek: str, partial: str, sigma: Any) -> Any:
    made = kind(55.0, 50.0, 0.8, 0.03, float(sigma), 0.01)
    return getattr(made, greek)(), getattr(made, partial)()


def _forward(kind: Any, F: Any, K: Any, T: Any, r: Any, sigma: Any) -> Any:
    made = kind(F=float(F), K=float(K), T=float(T), r=float(r), sigma=float(sigma))
    return made.price(), (made.delta(), None, -made.theta(), made.rho(), made.vega())
