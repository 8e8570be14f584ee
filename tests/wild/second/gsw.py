"""gsw: thermodynamic functions of seawater and their first derivatives."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_arguments

PACKAGE = "gsw"
PASCAL = 1e4  # derivatives are by the pascal, pressures in decibar


def cases() -> Iterator[Case]:
    import gsw as of

    salinity, temperature = np.array([34.7, 35.1]), np.array([28.8, 4.3])
    three = salinity, temperature, np.array([10.0, 1000.0])
    for name in ("rho", "specvol"):
        pair = of_arguments(getattr(of, name), functools.partial(_with_pressure, of, name))
        yield Case(PACKAGE, name, pair, three)
    at = three[2]
    enthalpy = of_arguments(lambda SA, CT: of.enthalpy(SA, CT, at),
                            lambda SA, CT: of.enthalpy_first_derivatives(SA, CT, at))  # fmt: skip
    yield Case(PACKAGE, "enthalpy", enthalpy, three[:2])
    for name, function, derivatives in (
        ("entropy", of.entropy_from_CT, of.entropy_first_derivatives),
        ("CT", of.CT_from_pt, of.CT_first_derivatives),
        ("pt", of.pt_from_CT, of.pt_first_derivatives),
    ):
        yield Case(PACKAGE, name, of_arguments(function, derivatives), three[:2])
    freezing = of_arguments(lambda SA, p: of.CT_freezing_poly(SA, p, 0.5),
                            functools.partial(_freezing, of))  # fmt: skip
    yield Case(PACKAGE, "CT_freezing_poly", freezing, (salinity, at))


def _with_pressure(of: Any, name: str, SA: Any, CT: Any, p: Any) -> Any:
    by_salinity, by_temperature, by_pressure = getattr(of, f"{name}_first_derivatives")(SA, CT, p)
    return by_salinity, by_temperature, PASCAL * by_pressure


def _freezing(of: Any, SA: Any, p: Any) -> Any:
    by_salinity, by_pressure = of.CT_freezing_first_derivatives_poly(SA, p, 0.5)
    return by_salinity, PASCAL * by_pressure
