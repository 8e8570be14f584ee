"""matscipy: potentials of pairs and triplets of atoms, their gradients and Hessians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise
from tests.wild.third.glue import partials

PACKAGE = "matscipy"
SECOND = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # Voigt's order of a Hessian's entries


def cases() -> Iterator[Case]:
    yield from _pairs()
    yield from _many()


def _pairs() -> Iterator[Case]:
    from matscipy.calculators.pair_potential import calculator as of

    r = np.array([0.97, 1.1, 1.35, 1.9])
    for name, made in (
        ("LennardJonesCut", of.LennardJonesCut(1.3, 0.9, 2.5)),
        ("LennardJonesQuadratic", of.LennardJonesQuadratic(1.3, 0.9, 2.5)),
        ("LennardJonesLinear", of.LennardJonesLinear(1.3, 0.9, 2.5)),
        ("LennardJones84", of.LennardJones84(1.1, 0.7, 0.4, 0.2, 2.5)),
        ("BeestKramerSanten", of.BeestKramerSanten(11.0, 2.3, 4.0, 2.5)),
    ):
        charges = (1.0, -1.0)
        one, two = (
            _of_distance(getattr(made, f"{o}_derivative"), charges) for o in ("first", "second")
        )
        yield Case(PACKAGE, name, elementwise(_of_distance(made, charges), one), (r,))
        yield Case(PACKAGE, name, elementwise(one, two), (r,), "second")


def _of_distance(function: Any, charges: Any) -> Any:
    return lambda r: np.asarray(function(r, *charges), float)


def _many() -> Iterator[Case]:
    from matscipy.calculators.manybody import potentials as of

    rng = np.random.default_rng(8)
    squared, xi = rng.uniform(1.0, 3.0, 4), rng.uniform(0.2, 1.5, 4)
    triplet = tuple(rng.uniform(1.0, 1.4, (3, 4)))
    for name, made, arguments in (
        ("HarmonicPair", of.HarmonicPair(1.3, 0.9), (squared, xi)),
        ("LennardJones", of.LennardJones(1.3, 0.9, 4.0), (squared, xi)),
        ("BornMayerCut", of.BornMayerCut(1.3, 0.9, 0.4, 0.3, 0.2, 4.0), (squared, xi)),
        ("HarmonicAngle", of.HarmonicAngle(1.3, 1.2), triplet),
    ):
        yield Case(PACKAGE, name, partials(made, made.gradient), arguments)
        for row in range(len(arguments)):
            pair = partials(_entry(made.gradient, row), _row(made.hessian, row, len(arguments)))
            yield Case(PACKAGE, name, pair, arguments, f"Hessian, row {row}")


def _entry(gradient: Any, row: int) -> Any:
    return lambda *arguments: np.asarray(gradient(*arguments))[row]


def _row(hessian: Any, row: int, size: int) -> Any:
    order = SECOND if size == 3 else ((0, 0), (1, 1), (0, 1))
    places = [order.index((min(row, other), max(row, other))) for other in range(size)]
    return lambda *arguments: np.asarray(hessian(*arguments))[places]
