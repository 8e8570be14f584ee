"""QuantLib: Greeks of calculators, and splines with their derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_numbers

PACKAGE = "QuantLib"
SPOT, STRIKE, RATE, DIVIDEND, YEARS = 98.0, 103.0, 0.04, 0.015, 1.6
GREEKS = ("delta", "gamma", "vega", "volga", "vanna", "rho", "dividendRho", "strikeSensitivity",
          "strikeGamma", "deltaForward", "theta")  # fmt: skip


def cases() -> Iterator[Case]:
    import QuantLib as ql  # noqa: N813  (its own name for itself)

    for name, sigma in (("BlackCalculator", 0.23), ("BachelierCalculator", 21.0)):
        for kind in ("Call", "Put"):
            for greek in GREEKS:
                pair, at = _greek(ql, name, kind, greek, sigma)
                yield Case(PACKAGE, f"{name}.{greek}", pair, (np.array(at),), kind)
    yield from _splines(ql)


def _calculator(ql: Any, name: str, kind: str, spot: float, strike: float, sigma: float,
                rate: float, dividend: float, years: float) -> Any:  # fmt: skip
    payoff = ql.PlainVanillaPayoff(getattr(ql.Option, kind), strike)
    forward = spot * np.exp((rate - dividend) * years)
    made = getattr(ql, name)
    return made(payoff, forward, sigma * np.sqrt(years), np.exp(-rate * years))


def _greek(ql: Any, name: str, kind: str, greek: str, sigma: float) -> Any:
    given = {"spot": SPOT, "strike": STRIKE, "sigma": sigma, "rate": RATE, "dividend": DIVIDEND,
             "years": YEARS}  # fmt: skip

    def made(**changed: Any) -> Any:
        return _calculator(ql, name, kind, **{**given, **changed})

    by = {"gamma": "spot", "delta": "spot", "vega": "sigma", "volga": "sigma", "vanna": "sigma",
          "rho": "rate", "dividendRho": "dividend", "strikeSensitivity": "strike",
          "strikeGamma": "strike", "deltaForward": "forward", "theta": "years"}[greek]  # fmt: skip
    if by == "forward":
        return _by_forward(ql, name, kind, sigma)
    before = {"gamma": lambda c: c.delta(SPOT), "volga": lambda c: c.vega(YEARS),
              "vanna": lambda c: c.delta(SPOT), "strikeGamma": lambda c: c.strikeSensitivity(),
              "theta": lambda c: -c.value()}.get(greek, lambda c: c.value())  # fmt: skip
    spot, years = (SPOT,), (YEARS,)
    arguments = {"delta": spot, "gamma": spot, "vega": years, "volga": years, "rho": years,
                 "dividendRho": years,
                 "vanna": spot + years if name == "BlackCalculator" else years}  # fmt: skip

    def value(x: float) -> float:
        if greek == "gamma":
            return made(spot=float(x)).delta(float(x))
        return before(made(**{by: float(x)}))

    def slope(x: float) -> float:
        calculator = made(**{by: float(x)})
        if by == "spot":
            return getattr(calculator, greek)(float(x))
        if greek == "theta":
            return calculator.theta(SPOT, float(x))
        return getattr(calculator, greek)(*arguments.get(greek, ()))

    at = given[by]
    return of_numbers(value, slope), [at, 1.1 * at]


def _by_forward(ql: Any, name: str, kind: str, sigma: float) -> Any:
    def made(forward: float) -> Any:
        payoff = ql.PlainVanillaPayoff(getattr(ql.Option, kind), STRIKE)
        return getattr(ql, name)(payoff, float(forward), 1.3 * sigma, 0.95)

    pair = of_numbers(lambda f: made(f).value(), lambda f: made(f).deltaForward())
    return pair, [SPOT, 1.1 * SPOT]


def _splines(ql: Any) -> Iterator[Case]:
    xs, ys = [0.0, 0.5, 1.2, 2.0, 3.0], [1.0, 1.4, 0.7, 0.9, 2.0]
    at = np.array([0.2, 0.9, 1.2, 2.6])
    for name in ("CubicNaturalSpline", "MonotonicCubicNaturalSpline", "LogCubicNaturalSpline"):
        made = getattr(ql, name)(xs, ys)
        first = of_numbers(lambda x, m=made: m(float(x)), lambda x, m=made: m.derivative(float(x)))
        yield Case(PACKAGE, f"{name}.derivative", first, (at,))
        second = of_numbers(lambda x, m=made: m.derivative(float(x)),
                            lambda x, m=made: m.secondDerivative(float(x)))  # fmt: skip
        yield Case(PACKAGE, f"{name}.secondDerivative", second, (at,))
        if name.startswith("Log"):
            continue  # it has none
        back = of_numbers(lambda x, m=made: m.primitive(float(x)), lambda x, m=made: m(float(x)))
        yield Case(PACKAGE, f"{name}.primitive", back, (at,))
