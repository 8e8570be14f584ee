"""sphericart: spherical harmonics, their gradients and second derivatives, in compiled code."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.fourth.glue import per_row

PACKAGE = "sphericart"


def cases() -> Iterator[Case]:
    import sphericart

    rng = np.random.default_rng(47)
    xyz, axis = rng.normal(size=(3, 3)), np.array([[0.0, 0.0, 1.3], [0.0, 0.0, -0.4]])
    for name in ("SphericalHarmonics", "SolidHarmonics"):
        for degree in (1, 3, 8):
            made = getattr(sphericart, name)(degree)
            first = per_row(
                made.compute, lambda x, m=made: m.compute_with_gradients(np.array(x))[1]
            )
            yield Case(PACKAGE, name, first, (xyz,), f"degree {degree}")
            yield Case(PACKAGE, name, first, (axis,), f"degree {degree}, on the axis")
            yield Case(PACKAGE, name, _second(made), (xyz,), f"degree {degree}, second derivatives")


def _second(made: Any) -> Pair:
    def backward(dout: Any, x: Any) -> Any:
        return np.einsum("nio,nijo->nj", dout, made.compute_with_hessians(np.array(x))[2])

    return Pair(lambda x: (made.compute_with_gradients(np.array(x))[1], x), backward)
