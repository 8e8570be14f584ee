"""choclo: gravity and magnetic fields of points, dipoles and prisms, in compiled code."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian

PACKAGE = "choclo"
AXES = "enu"
BOX = (-70.0, 80.0, -50.0, 60.0, -140.0, -30.0)


def cases() -> Iterator[Case]:
    from choclo import point, prism

    at, source = np.array([31.0, -12.0, 25.0]), (4.0, 9.0, -80.0)
    mass, density, field = 1e12, 2670.0, (1.2, -0.7, 2.1)
    for of, extra, name in ((point, (*source, mass), "point"), (prism, (*BOX, density), "prism")):
        pair = by_jacobian(
            _rows(of, ["gravity_pot"], extra),
            _matrix(of, [["gravity_e", "gravity_n", "gravity_u"]], extra),
        )
        yield Case(PACKAGE, f"{name}.gravity_pot", pair, (at,))
        for axis in AXES:
            pair = by_jacobian(_rows(of, [f"gravity_{axis}"], extra),
                               _matrix(of, [_second("gravity", axis)], extra))  # fmt: skip
            yield Case(PACKAGE, f"{name}.gravity_{axis}", pair, (at,))
    heavy = np.array([31.0, -12.0, -30.0])
    top = by_jacobian(_rows(prism, ["gravity_pot"], (*BOX, density)),
                      _matrix(prism, [["gravity_e", "gravity_n", "gravity_u"]],
                              (*BOX, density)))  # fmt: skip
    yield Case(PACKAGE, "prism.gravity_pot", top, (heavy,), "on its top")
    for axis in AXES:
        pair = by_jacobian(_rows(prism, [f"magnetic_{axis}"], (*BOX, *field)),
                           _matrix(prism, [_second("magnetic", axis)], (*BOX, *field)))  # fmt: skip
        yield Case(PACKAGE, f"prism.magnetic_{axis}", pair, (at,))
    for first, second in ((prism, "ee"), (prism, "nu"), (prism, "uu")):
        names = [f"kernel_{''.join(sorted(second + axis, key=AXES.index))}" for axis in AXES]
        pair = by_jacobian(_kernel(first, [f"kernel_{second}"]), _kernels(first, names))
        yield Case(PACKAGE, f"prism.kernel_{second}", pair, (at,))


def _second(what: str, axis: str) -> list[str]:
    return [f"{what}_{''.join(sorted(axis + other, key=AXES.index))}" for other in AXES]


def _rows(of: Any, names: list[str], extra: Any) -> Any:
    return lambda x: np.array([getattr(of, name)(*map(float, x), *extra) for name in names])


def _matrix(of: Any, names: list[list[str]], extra: Any) -> Any:
    return lambda x: np.array([_rows(of, row, extra)(x) for row in names])


def _kernel(of: Any, names: list[str]) -> Any:
    def rows(x: Any) -> Any:
        radius = float(np.linalg.norm(x))
        return np.array([getattr(of, name)(*map(float, x), radius) for name in names])

    return rows


def _kernels(of: Any, names: list[str]) -> Any:
    return lambda x: _kernel(of, names)(x)[None]
