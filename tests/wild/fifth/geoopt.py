"""geoopt: operations in spaces of constant curvature, some with gradients of their own."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "geoopt"


def cases() -> Iterator[Case]:
    from geoopt.manifolds.stereographic import math as of

    rng = np.random.default_rng(82)
    x, y = 0.25 * rng.normal(size=(2, 2, 3))
    u, numbers = 0.3 * rng.normal(size=(2, 3)), 0.6 * rng.normal(size=5)
    for name in ("artanh", "arsinh", "tanh"):
        yield Case(PACKAGE, name, from_torch(getattr(of, name)), (numbers,))
    for sign, k in (("hyperbolic", -1.0), ("spherical", 1.0), ("nearly flat", 1e-5), ("flat", 0.0)):
        curvature = np.array(k)
        for name in ("tan_k", "artan_k", "sin_k", "arsin_k"):
            function = getattr(of, name)
            yield Case(PACKAGE, name, from_torch(function), (numbers, curvature), sign)
        for name, arguments in (
            ("mobius_add", (x, y)),
            ("dist", (x, y)),
            ("expmap", (x, u)),
            ("logmap", (x, y)),
            ("expmap0", (u,)),
            ("gyration", (x, y, u)),
        ):
            if sign in ("hyperbolic", "spherical"):
                pair = from_torch(
                    lambda *given, name=name: getattr(of, name)(*given[:-1], k=given[-1])
                )
                yield Case(PACKAGE, name, pair, (*arguments, curvature), sign)
