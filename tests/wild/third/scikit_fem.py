"""scikit-fem: shape functions of finite elements, and their gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "scikit-fem"
# Of each element, shape functions of a vertex, an edge, a face and the interior, as it has them.
ELEMENTS = {
    "LineP1": (0,), "LineP2": (2,), "LineMini": (2,),
    "TriP1": (0, 2), "TriP2": (1, 4), "TriP3": (0, 5, 9), "TriP4": (1, 6, 12),
    "TriCR": (1,), "TriP1B": (3,), "TriP2B": (6,),
    "Quad1": (2,), "Quad2": (0, 5, 8), "QuadS2": (1, 6),
    "TetP1": (0,), "TetP2": (1, 7), "TetCR": (2,), "TetMini": (4,), "TetCCR": (0, 11, 14),
    "Hex1": (5,), "Hex2": (3, 15, 26), "HexS2": (2, 17),
}  # fmt: skip


def cases() -> Iterator[Case]:
    import skfem

    rng = np.random.default_rng(1)
    for name, numbers in ELEMENTS.items():
        element = getattr(skfem, f"Element{name}")()
        points = rng.uniform(0.1, 0.3, (element.dim, 4))
        for number in numbers:
            yield Case(PACKAGE, name, _shape_function(element, number), (points,), str(number))
    for degree in (3, 6):
        element = skfem.ElementLinePp(degree)
        points = rng.uniform(0.1, 0.9, (1, 4))
        yield Case(PACKAGE, "LinePp", _shape_function(element, degree), (points,), f"{degree}")
    vertices = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # where elements are asked most
    for name in ("TriP2", "TriP3", "TriCR"):
        element = getattr(skfem, f"Element{name}")()
        yield Case(PACKAGE, name, _shape_function(element, 0), (vertices,), "0, at the vertices")


def _shape_function(element: Any, number: int) -> Pair:
    def backward(dout: Any, points: Any) -> Any:
        return dout * element.lbasis(points, number)[1]

    return Pair(lambda points: (element.lbasis(points, number)[0], points), backward)
