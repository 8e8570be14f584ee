"""thermo: how attraction, free energies and volumes change with temperature."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.second.glue import of_numbers

PACKAGE = "thermo"
ALPHAS = {
    "Poly": 3, "Soave_1972": 1, "Heyen": 2, "Harmens_Knapp": 2, "Mathias_1983": 2,
    "Mathias_Copeman_untruncated": 3, "Mathias_Copeman": 3, "Gibbons_Laughton": 2,
    "Soave_1984": 2, "Yu_Lu": 4, "Trebble_Bishnoi": 1, "Melhem": 2, "Androulakis": 3,
    "Schwartzentruber": 4, "Almeida": 3, "Twu91": 3, "Soave_1993": 2, "Gasem": 3, "Coquelet": 3,
    "Haghtalab": 3, "Saffari": 3, "Chen_Yang": 7, "TwuSRK95": 0, "TwuPR95": 0, "Soave_1979": 2,
}  # fmt: skip
COEFFICIENTS = [0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]
CRITICAL = {"Tc": 507.6, "Pc": 3025000.0, "omega": 0.2975}


def cases() -> Iterator[Case]:
    import thermo
    from thermo import eos_alpha_functions as of

    T = np.array([350.0, 480.0])
    for name, count in ALPHAS.items():
        kind = getattr(of, f"{name}_a_alpha")
        made = kind.__new__(kind)
        of.a_alpha_base._init_test(made, 500.0, 1.3, COEFFICIENTS[:count], omega=0.3)
        made.alpha_coeffs = COEFFICIENTS[:count]
        for order, label in ((0, ""), (1, "second")):
            function, slope = (_number(made, order + more) for more in (0, 1))
            yield Case(PACKAGE, f"{name}_a_alpha", of_numbers(function, slope), (T,), label)
    yield from _equations(thermo)
    yield from _mixtures(thermo)


def _number(made: Any, order: int) -> Any:
    return lambda T: made.a_alpha_and_derivatives_pure(float(T))[order]


def _equations(thermo: Any) -> Iterator[Case]:
    T = np.array([430.0, 520.0])
    for name in ("PR", "SRK", "RK", "VDW", "PRSV", "TWUPR", "APISRK"):
        kind = getattr(thermo, name)
        given = dict(CRITICAL)
        if name in ("VDW", "RK"):
            del given["omega"]
        given |= {"kappa1": 0.05} if name == "PRSV" else {}
        given |= {"S2": 0.1} if name == "APISRK" else {}

        def of_temperature(quantity: str, kind: Any = kind, given: Any = given) -> Any:
            return lambda T: getattr(kind(T=float(T), P=1e5, **given), quantity)

        for value, slope in (
            ("V_g", "dV_dT_g"),
            ("phi_g", "dphi_dT_g"),
            ("H_dep_g", "dH_dep_dT_g"),
        ):
            pair = of_numbers(of_temperature(value), of_temperature(slope))
            yield Case(PACKAGE, f"{name}.{slope}", pair, (T,))


def _mixtures(thermo: Any) -> Iterator[Case]:
    from thermo.nrtl import NRTL
    from thermo.regular_solution import RegularSolution
    from thermo.uniquac import UNIQUAC
    from thermo.wilson import Wilson

    xs, zero = [0.3, 0.5, 0.2], [[0.0] * 3 for _ in range(3)]
    pairs = [[0.0, 0.4, -0.2], [0.3, 0.0, 0.6], [0.1, -0.3, 0.0]]
    by_T = [[0.0, 90.0, -60.0], [70.0, 0.0, 120.0], [40.0, -80.0, 0.0]]
    alphas = [[0.0, 0.3, 0.2], [0.3, 0.0, 0.4], [0.2, 0.4, 0.0]]
    rs, qs = [1.4, 2.1, 3.3], [1.43, 1.97, 2.7]
    T = np.array([310.0, 360.0])
    for name, made in (
        ("NRTL", NRTL(T=300.0, xs=xs, tau_as=pairs, tau_bs=by_T, alpha_cs=alphas, alpha_ds=zero)),
        ("UNIQUAC", UNIQUAC(T=300.0, xs=xs, rs=rs, qs=qs, tau_as=pairs, tau_bs=by_T)),
        ("Wilson", Wilson(T=300.0, xs=xs, lambda_as=pairs, lambda_bs=by_T)),
        ("RegularSolution", RegularSolution(
            T=300.0, xs=xs, Vs=[8e-5, 9e-5, 1e-4], SPs=[18000.0, 15000.0, 17000.0])),
    ):  # fmt: skip
        names = ("GE", "dGE_dT", "d2GE_dT2")
        for value, slope in itertools.pairwise(names):
            function, derivative = (_at(made, one, xs) for one in (value, slope))
            yield Case(PACKAGE, f"{name}.{slope}", of_numbers(function, derivative), (T,))


def _at(made: Any, name: str, xs: Any) -> Any:
    return lambda T: getattr(made.to_T_xs(float(T), xs), name)()
