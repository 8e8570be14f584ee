"""basix: finite elements of compiled code, tabulated with their derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "fenics-basix"
ELEMENTS = (
    ("P", "interval", 3), ("P", "triangle", 2), ("P", "tetrahedron", 2), ("P", "quadrilateral", 2),
    ("P", "hexahedron", 1), ("P", "prism", 2), ("RT", "triangle", 2), ("N1E", "triangle", 2),
    ("N2E", "tetrahedron", 1), ("BDM", "triangle", 2), ("CR", "triangle", 1),
    ("bubble", "triangle", 3), ("serendipity", "quadrilateral", 3), ("Hermite", "triangle", 3),
    ("Regge", "triangle", 1), ("HHJ", "triangle", 1),
)  # fmt: skip


def cases() -> Iterator[Case]:
    import basix as of

    rng = np.random.default_rng(15)
    for family, cell, degree in ELEMENTS:
        variant = of.LagrangeVariant.unset
        if family == "P":
            variant = of.LagrangeVariant.gll_warped
        if family == "serendipity":
            variant = of.LagrangeVariant.legendre
        dual = of.DPCVariant.legendre if family == "serendipity" else of.DPCVariant.unset
        shape = getattr(of.CellType, cell)
        kind = getattr(of.ElementFamily, family)
        element = of.create_element(kind, shape, degree, variant, dual)
        dimension = len(of.topology(shape)) - 1
        points = rng.uniform(0.1, 0.3, (2, dimension))
        yield Case(PACKAGE, family, _tabulated(element), (points,), f"{cell}, {degree}")


def _tabulated(element: Any) -> Pair:
    def backward(dout: Any, points: Any) -> Any:
        slopes = element.tabulate(1, np.array(points))[1:]
        return np.einsum("nds,knds->nk", np.asarray(dout), slopes)

    return Pair(lambda points: (element.tabulate(0, np.array(points))[0], points), backward)
