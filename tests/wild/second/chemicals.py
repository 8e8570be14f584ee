"""chemicals: correlations of temperature, equations of state of water, virial coefficients."""

import functools
from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import by_jacobian
from tests.wild.second.glue import of_arguments, of_numbers, of_parameters

PACKAGE = "chemicals"
WAGNER = (190.551, 4599200.0, -6.02242, 1.26652, -1.5707, -1.366)
ORIGINAL = (190.53, 4596420.0, -6.00435, 1.1885, -0.834082, -1.22833)
TRC = (227.51, -120.0, 8.95894, 510.595, -15.95, 2.41377, -93.74, 7425.9)
YAWS = (28.588, -2469.0, -7.351, 2.8025e-10, 2.7361e-6)


def cases() -> Iterator[Case]:
    yield from _vapor_pressures()
    yield from _dippr()
    yield from _water()
    yield from _mixtures()


def _vapor_pressures() -> Iterator[Case]:
    from chemicals import vapor_pressure as of
    from chemicals import viscosity

    at = np.array([110.0, 150.0, 180.0])
    for name, constants in (
        ("Yaws_Psat", YAWS),
        ("Antoine", (8.7687, 395.744, -6.469)),
        ("TRC_Antoine_extended", TRC),
        ("Wagner_original", ORIGINAL),
        ("Wagner", WAGNER),
        ("Arrhenius_extrapolation", (150.0, 1e5, 12.0)),
    ):
        orders = [name, f"d{name}_dT", f"d2{name}_dT2"]
        functions = [_with(getattr(of, each), constants) for each in orders]
        where = at + 120 if name == "Yaws_Psat" else at
        for low in (0, 1):
            pair = of_numbers(functions[low], functions[low + 1])
            yield Case(PACKAGE, orders[low + 1], pair, (where,))
    exact = lambda t: mp.mpf(10) ** (mp.mpf("8.7687") - mp.mpf("395.744") / (t - mp.mpf("6.469")))  # noqa: E731
    antoine = (8.7687, 395.744, -6.469)
    pair = of_numbers(_with(of.Antoine, antoine), _with(of.dAntoine_dT, antoine))
    yield Case(PACKAGE, "dAntoine_dT", pair, (np.array(100.0),), "one number", exact)
    yield Case(PACKAGE, "dPsat_IAPWS_dT", of_numbers(of.Psat_IAPWS, of.dPsat_IAPWS_dT), (at + 200,))
    yaws = (-6.4406, 1117.6, 0.0137, -1.5465e-5)
    pair = of_numbers(_with(viscosity.mu_Yaws, yaws), _with(viscosity.dmu_Yaws_dT, yaws))
    yield Case(PACKAGE, "dmu_Yaws_dT", pair, (at + 200,))
    ppds = (1.74793, 1.33728, 482.347, 41.78, 9.963e-05)
    pair = ValueAndGrad(lambda T: viscosity.dPPDS9_dT(T, *ppds)[::-1])
    yield Case(PACKAGE, "dPPDS9_dT", pair, (np.array(400.0),))


def _with(function: Any, constants: tuple[float, ...]) -> Any:
    return lambda T: function(T, *constants)


def _dippr() -> Iterator[Case]:
    from chemicals import dippr as of

    at = np.array([270.0, 300.0, 340.0])
    for name, constants in (
        ("EQ100", (276370.0, -2090.1, 8.125, -0.014116, 0.0000093701)),
        ("EQ101", (73.649, -7258.2, -7.3037, 4.1653e-6, 2.0)),
        ("EQ102", (1.7096e-8, 1.1146, 3.0, 10.0)),
        ("EQ104", (0.02222, -26.38, -16750000.0, -3.894e19, 3.133e21)),
        ("EQ105", (0.70824, 0.26411, 507.6, 0.27537)),
        ("EQ106", (647.096, 5.2053e7, 0.3199, -0.212, 0.25795)),
        ("EQ107", (33363.0, 26790.0, 2610.5, 8896.0, 1169.0)),
        ("EQ114", (733.19, 66.653, 6765.9, -123.63, 478.27)),
        ("EQ115", (0.1, -20.0, 0.3, 1e-6, 0.2)),
        ("EQ116", (647.096, 17.863, 58.606, -95.396, 213.89, -141.26)),
        ("EQ127", (3.3258e4, 3.6199e4, 1.2057e3, 1.5373e7, 3.2122e3, -1.5318e7, 3.2122e3)),
    ):
        function = getattr(of, name)
        value = functools.partial(_order, function, constants, 0)
        pair = of_numbers(value, functools.partial(_order, function, constants, 1))
        yield Case(PACKAGE, name, pair, (at,), "order 0 and 1")
    for name, constants in (
        ("EQ101", (3.0, -200.0, 0.7, 4e-6, 2.0)),
        ("EQ102", (1.7, 0.6, 3.0, 10.0)),
        ("EQ105", (0.70824, 0.26411, 507.6, 0.27537)),
        ("EQ107", (33363.0, 26790.0, 2610.5, 8896.0, 1169.0)),
    ):
        function, jacobian = getattr(of, name), getattr(of, f"{name}_fitting_jacobian")
        pair = of_parameters(functools.partial(_at_each, function, at),
                             functools.partial(_columns, jacobian, at))  # fmt: skip
        yield Case(PACKAGE, f"{name}_fitting_jacobian", pair, tuple(map(np.array, constants)))


def _order(function: Any, constants: tuple[float, ...], order: int, T: float) -> Any:
    return function(T, *constants, order=order)


def _at_each(function: Any, at: np.ndarray, *constants: Any) -> np.ndarray:
    return np.array([function(float(T), *map(float, constants)) for T in at])


def _columns(jacobian: Any, at: np.ndarray, *constants: Any) -> Any:
    return list(np.asarray(jacobian(list(at), *map(float, constants))).T)


def _water() -> Iterator[Case]:
    from chemicals import iapws as of

    for name, first, second, at in (
        ("G_region1", "tau", "pi", (np.array([1.3, 2.1]), np.array([0.2, 1.5]))),
        ("Gr_region2", "tau", "pi", (np.array([0.7, 1.2]), np.array([0.5, 3.0]))),
        ("A_region3", "tau", "delta", (np.array([0.9, 1.04]), np.array([1.2, 1.7]))),
        ("Gr_region5", "tau", "pi", (np.array([0.55, 0.8]), np.array([0.5, 9.0]))),
    ):
        letter, region = name.split("_")
        value = getattr(of, f"iapws97_{name}")
        partials = [getattr(of, f"iapws97_d{letter}_d{by}_{region}") for by in (first, second)]
        yield _partials(f"iapws97_{name}", value, partials, at)
        again = getattr(of, f"iapws97_d2{letter}_d{second}2_{region}")
        mixed = getattr(of, f"iapws97_d2{letter}_d{second}d{first}_{region}")
        yield _partials(f"iapws97_d2{letter}_d{second}_{region}", partials[1], [mixed, again], at)
    at = (np.array([0.8, 1.5]), np.array([0.4, 1.9]))
    partials = [of.iapws95_dAr_dtau, of.iapws95_dAr_ddelta]
    yield _partials("iapws95_Ar", of.iapws95_Ar, partials, at)
    second = [of.iapws95_d2Ar_dtau2, of.iapws95_d2Ar_ddeltadtau]
    yield _partials("iapws95_dAr_dtau", of.iapws95_dAr_dtau, second, at)
    second = [of.iapws95_d2Ar_ddeltadtau, of.iapws95_d2Ar_ddelta2]
    yield _partials("iapws95_dAr_ddelta", of.iapws95_dAr_ddelta, second, at)
    tau = np.array([0.7, 1.4])
    for name, of_name in (("dA0_dtau", "A0"), ("d2A0_dtau2", "dA0_dtau")):
        lower, upper = getattr(of, f"iapws95_{of_name}"), getattr(of, f"iapws95_{name}")
        pair = of_numbers(functools.partial(_second_one, lower),
                          functools.partial(_second_one, upper))  # fmt: skip
        yield Case(PACKAGE, f"iapws95_{name}", pair, (tau,))


def _second_one(function: Any, tau: float) -> Any:
    return function(tau, 1.0)


def _partials(name: str, value: Any, partials: list[Any], at: Any) -> Case:
    each = [np.vectorize(one, otypes=[float]) for one in (value, *partials)]
    pair = of_arguments(each[0], lambda *given: [one(*given) for one in each[1:]])
    return Case(PACKAGE, name, pair, at)


def _mixtures() -> Iterator[Case]:
    from chemicals import virial as of

    rng = np.random.default_rng(3)
    zs = np.array([0.2, 0.5, 0.3])
    b = rng.normal(size=(3, 3)) * 1e-4
    b += b.T
    pair = ValueAndGrad(lambda zs: (of.BVirial_mixture(zs, b),
                                    np.array(of.dBVirial_mixture_dzs(zs, b))))  # fmt: skip
    yield Case(PACKAGE, "dBVirial_mixture_dzs", pair, (zs,))
    pair = by_jacobian(lambda zs: np.array(of.dBVirial_mixture_dzs(zs, b)),
                       lambda zs: np.array(of.d2BVirial_mixture_dzizjs(zs, b)))  # fmt: skip
    yield Case(PACKAGE, "d2BVirial_mixture_dzizjs", pair, (zs,))
    c = np.abs(rng.normal(size=(3, 3))) * 1e-9
    c += c.T
    by_fraction = of.dCVirial_mixture_Orentlicher_Prausnitz_dzs
    pair = ValueAndGrad(lambda zs: (of.CVirial_mixture_Orentlicher_Prausnitz(zs, c),
                                    np.array(by_fraction(zs, c))))  # fmt: skip
    yield Case(PACKAGE, "dCVirial_mixture_Orentlicher_Prausnitz_dzs", pair, (zs,))
    moved = rng.normal(size=(3, 3)) * 1e-11
    moved += moved.T

    def forward(c: Any) -> Any:
        return of.CVirial_mixture_Orentlicher_Prausnitz(zs, c), c

    def backward(dout: Any, c: Any) -> Any:
        basis = np.eye(9).reshape(9, 3, 3)
        each = [of.dCVirial_mixture_dT_Orentlicher_Prausnitz(zs, c, e) for e in basis]
        return dout * np.reshape(each, (3, 3))

    name = "dCVirial_mixture_dT_Orentlicher_Prausnitz"
    yield Case(PACKAGE, name, Pair(forward, backward), (c,))
