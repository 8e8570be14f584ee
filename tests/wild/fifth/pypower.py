"""PYPOWER: power flows by complex voltages, their derivatives and second derivatives."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.fifth.glue import by_jacobians
from tests.wild.glue import elementwise

PACKAGE = "PYPOWER"
Angles = np.ndarray


def cases() -> Iterator[Case]:
    from pypower import (
        d2AIbr_dV2,
        d2ASbr_dV2,
        d2Ibr_dV2,
        d2Sbr_dV2,
        d2Sbus_dV2,
        dAbr_dV,
        dIbr_dV,
        dSbr_dV,
        dSbus_dV,
    )
    from pypower.case9 import case9
    from pypower.ext2int import ext2int
    from pypower.makeYbus import makeYbus
    from pypower.polycost import polycost
    from scipy.sparse import csr_matrix

    of = ext2int(case9())
    branch, count = of["branch"], len(of["branch"])
    Ybus, Yf, Yt = makeYbus(of["baseMVA"], of["bus"], branch)
    buses = len(of["bus"])
    ends = branch[:, 0].astype(int), branch[:, 1].astype(int)
    Cf, Ct = (csr_matrix((np.ones(count), (np.arange(count), end)), (count, buses)) for end in ends)
    rng = np.random.default_rng(61)
    at = 0.2 * rng.normal(size=buses), 1 + 0.1 * rng.normal(size=buses)
    weights, bus_weights = rng.normal(size=count), rng.normal(size=buses)

    def bus_slopes(V: Any) -> Any:
        by_size, by_angle = dSbus_dV.dSbus_dV(Ybus, V)
        return by_angle, by_size

    flows: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "dSbus_dV": (lambda V: V * np.conj(Ybus @ V), bus_slopes),
        "dIbr_dV, from": (lambda V: Yf @ V, lambda V: dIbr_dV.dIbr_dV(branch, Yf, Yt, V)[:2]),
        "dIbr_dV, to": (lambda V: Yt @ V, lambda V: dIbr_dV.dIbr_dV(branch, Yf, Yt, V)[2:4]),
        "dSbr_dV, from": (
            lambda V: V[ends[0]] * np.conj(Yf @ V),
            lambda V: dSbr_dV.dSbr_dV(branch, Yf, Yt, V)[:2],
        ),
        "dSbr_dV, to": (
            lambda V: V[ends[1]] * np.conj(Yt @ V),
            lambda V: dSbr_dV.dSbr_dV(branch, Yf, Yt, V)[2:4],
        ),
    }
    for name, (function, slopes) in flows.items():
        for part in (np.real, np.imag):
            pair = _by_voltage(
                lambda V, f=function, p=part: p(f(V)),
                lambda V, s=slopes, p=part: [p(J.toarray()) for J in s(V)],
            )
            yield Case(PACKAGE, name, pair, at, part.__name__)

    def squares(V: Any) -> Any:
        found = dSbr_dV.dSbr_dV(branch, Yf, Yt, V)
        return [J.toarray() for J in dAbr_dV.dAbr_dV(*found)[:2]]

    def apparent(V: Any) -> Any:
        return np.abs(V[ends[0]] * np.conj(Yf @ V)) ** 2

    yield Case(PACKAGE, "dAbr_dV", _by_voltage(apparent, squares), at)

    def of_flow(V: Any) -> Any:
        by_angle, by_size, _, _, flow, _ = dSbr_dV.dSbr_dV(branch, Yf, Yt, V)
        return d2ASbr_dV2.d2ASbr_dV2(by_angle, by_size, flow, Cf, Yf, V, weights)

    def of_current(V: Any) -> Any:
        by_angle, by_size, _, _, current, _ = dIbr_dV.dIbr_dV(branch, Yf, Yt, V)
        return d2AIbr_dV2.d2AIbr_dV2(by_angle, by_size, current, Yf, V, weights)

    def by_squared_flow(V: Any) -> Any:
        return [J @ np.diag(weights) for J in map(np.transpose, squares(V))]

    def by_squared_current(V: Any) -> Any:
        by_angle, by_size, _, _, current, _ = dIbr_dV.dIbr_dV(branch, Yf, Yt, V)
        scaled = 2 * weights * np.conj(current)
        return [np.real(J.toarray().T * scaled) for J in (by_angle, by_size)]

    def weighted(slopes: Callable[[Any], Any], by: Any) -> Any:
        return lambda V: [J.toarray().T * by for J in slopes(V)]

    seconds = {
        "d2Sbus_dV2": (weighted(bus_slopes, bus_weights),
                       lambda V: d2Sbus_dV2.d2Sbus_dV2(Ybus, V, bus_weights)),
        "d2Sbr_dV2, from": (weighted(flows["dSbr_dV, from"][1], weights),
                            lambda V: d2Sbr_dV2.d2Sbr_dV2(Cf, Yf, V, weights)),
        "d2Sbr_dV2, to": (weighted(flows["dSbr_dV, to"][1], weights),
                          lambda V: d2Sbr_dV2.d2Sbr_dV2(Ct, Yt, V, weights)),
        "d2Ibr_dV2": (weighted(flows["dIbr_dV, from"][1], weights),
                      lambda V: d2Ibr_dV2.d2Ibr_dV2(Yf, V, weights)),
        "d2ASbr_dV2": (by_squared_flow, of_flow),
        "d2AIbr_dV2": (by_squared_current, of_current),
    }  # fmt: skip
    for name, (first, second) in seconds.items():
        for part in (np.real, np.imag)[: 1 if name.startswith("d2A") else 2]:
            yield Case(PACKAGE, name, _second(first, second, part), at, part.__name__)

    costs = of["gencost"]
    power = rng.uniform(50, 150, size=len(costs))
    for order in (0, 1):
        pair = elementwise(lambda p, n=order: polycost(costs, p, n),
                           lambda p, n=order: polycost(costs, p, n + 1))  # fmt: skip
        yield Case(PACKAGE, "polycost", pair, (power,), f"derivative {order + 1}")


def _by_voltage(function: Callable[[Any], Any], slopes: Callable[[Any], Any]) -> Pair:
    """A function of complex voltages, by their angles and sizes."""
    return by_jacobians(lambda angle, size: function(size * np.exp(1j * angle)),
                        lambda angle, size: slopes(size * np.exp(1j * angle)))  # fmt: skip


def _second(first: Any, second: Any, part: Any) -> Pair:
    """The sum over weighted flows of the first derivatives, by angles and sizes, and the second."""

    def slopes(V: Any) -> Any:
        return part(np.concatenate([np.asarray(J).sum(1) for J in first(V)]))

    def hessian(V: Any) -> Any:
        aa, av, va, vv = (part(block.toarray()) for block in second(V))
        return np.concatenate([aa, va]), np.concatenate([av, vv])

    return _by_voltage(slopes, hessian)
