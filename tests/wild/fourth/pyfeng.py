"""pyfeng: prices of options and their derivatives, under several models."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "pyfeng"
STRIKES = np.array([80.0, 100.0, 130.0])
SPOTS = np.array([95.0, 103.0, 110.0])
MODELS = {
    "Bsm": {"sigma": 0.25},
    "Norm": {"sigma": 22.0},
    "Cev": {"sigma": 2.1, "beta": 0.5},
    "BsmDisp": {"sigma": 0.3, "beta": 0.6, "pivot": 100.0},
}


def cases() -> Iterator[Case]:
    import pyfeng

    for name, given in MODELS.items():
        for cp, side in ((1, "call"), (-1, "put")):

            def model(name: str = name, given: Any = given, **changed: Any) -> Any:
                return getattr(pyfeng, name)(**(given | {"intr": 0.03, "divr": 0.01} | changed))

            yield from _greeks(name, model, cp, side)
    forward = pyfeng.Bsm(0.25, intr=0.03, divr=0.01, is_fwd=True)
    pair = elementwise(lambda s: forward.price(STRIKES, s, 1.3),
                       lambda s: forward.delta(STRIKES, s, 1.3))  # fmt: skip
    yield Case(PACKAGE, "Bsm.delta", pair, (SPOTS,), "of a forward")
    at = np.array([0.15, 0.25, 0.6])
    pair = elementwise(lambda s: pyfeng.Bsm(s).vega(STRIKES, 100.0, 1.3),
                       lambda s: pyfeng.Bsm(s).vega_d2(STRIKES, 100.0, 1.3))  # fmt: skip
    yield Case(PACKAGE, "Bsm.vega_d2", pair, (at,))

    def of_variance(v: Any) -> Any:
        return pyfeng.Bsm(np.sqrt(v)).vega(STRIKES, 100.0, 1.3) / (2 * np.sqrt(v))

    pair = elementwise(of_variance, lambda v: pyfeng.Bsm(np.sqrt(v)).var_d2(STRIKES, 100.0, 1.3))
    yield Case(PACKAGE, "Bsm.var_d2", pair, (at**2,))
    pair = elementwise(lambda v: pyfeng.Bsm(np.sqrt(v)).var_d2(STRIKES, 100.0, 1.3),
                       lambda v: pyfeng.Bsm(np.sqrt(v)).var_d3(STRIKES, 100.0, 1.3))  # fmt: skip
    yield Case(PACKAGE, "Bsm.var_d3", pair, (at**2,))
    yield from _mills()


def _greeks(name: str, model: Any, cp: int, side: str) -> Iterator[Case]:
    years = np.array([0.4, 1.3, 2.0])
    for greek, value, slope, at in (
        ("delta", lambda s: model().price(STRIKES, s, 1.3, cp),
         lambda s: model().delta(STRIKES, s, 1.3, cp), SPOTS),
        ("gamma", lambda s: model().delta(STRIKES, s, 1.3, cp),
         lambda s: model().gamma(STRIKES, s, 1.3, cp), SPOTS),
        ("vega", lambda v: model(sigma=v).price(STRIKES, 100.0, 1.3, cp),
         lambda v: model(sigma=v).vega(STRIKES, 100.0, 1.3, cp),
         MODELS[name]["sigma"] * np.array([0.8, 1.0, 1.3])),
        ("theta", lambda t: -model().price(STRIKES, 100.0, t, cp),
         lambda t: model().theta(STRIKES, 100.0, t, cp), years),
    ):  # fmt: skip
        yield Case(PACKAGE, f"{name}.{greek}", elementwise(value, slope), (at,), side)


def _mills() -> Iterator[Case]:
    """Of Mills' ratio the derivative is given with the other sign."""
    import mathpf
    import mpmath as mp

    x = np.array([-1.3, 0.2, 2.5, 30.0])

    def ratio(x):
        return mp.ncdf(-x) / mp.npdf(x)

    pair = elementwise(mathpf.millsratio, lambda x: -mathpf.millsratio_d1(x))
    yield Case(PACKAGE, "mathpf.millsratio_d1", pair, (x,), "", ratio)

    def scaled(x):
        return mp.exp(x * x) * mp.erfc(x)

    pair = elementwise(mathpf.erfcx, mathpf.erfcx_d1)
    yield Case(PACKAGE, "mathpf.erfcx_d1", pair, (x,), "", scaled)
