"""CoolProp: equations of state of fluids, and partial derivatives of what they give."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.third.glue import partials

PACKAGE = "CoolProp"
STATES = {  # density in mol/m³ and temperature in K, of one phase
    "Water": (np.array([100.0, 54000.0]), np.array([600.0, 320.0])),
    "Nitrogen": (np.array([400.0, 9000.0]), np.array([300.0, 200.0])),
    "R134a": (np.array([50.0, 11000.0]), np.array([350.0, 290.0])),
}


def cases() -> Iterator[Case]:
    from CoolProp import CoolProp

    for backend in ("HEOS", "PR"):
        for fluid, state in STATES.items():
            if backend == "PR" and fluid != "Nitrogen":
                continue
            made = CoolProp.AbstractState(backend, fluid)
            for name in ("P", "Hmolar", "Smolar", "Umolar", "Gmolar"):
                pair = partials(*_of_state(CoolProp, made, name))
                yield Case(PACKAGE, f"{backend} {name}", pair, state, fluid)


def _of_state(of: Any, made: Any, name: str) -> Any:
    number = getattr(of, f"i{name}")

    def each(give: Any, rho: Any, T: Any) -> np.ndarray:
        found = []
        for one in zip(np.ravel(rho), np.ravel(T), strict=True):
            made.update(of.DmolarT_INPUTS, *map(float, one))
            found.append(give())
        return np.array(found)

    def slopes() -> Any:
        by, others = (of.iDmolar, of.iT), (of.iT, of.iDmolar)
        return [made.first_partial_deriv(number, *two) for two in zip(by, others, strict=True)]

    def value(rho: Any, T: Any) -> np.ndarray:
        return each(lambda: made.keyed_output(number), rho, T)

    return value, lambda rho, T: each(slopes, rho, T).T
