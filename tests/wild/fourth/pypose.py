"""pypose: Lie groups whose derivatives are autograd.Functions in the tangent space."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "pypose"


def cases() -> Iterator[Case]:
    import pypose

    rng = np.random.default_rng(43)
    for name, size in (("so3", 3), ("se3", 6), ("rxso3", 4), ("sim3", 7)):
        algebra = getattr(pypose, name)
        xi, eta, p = 0.7 * rng.normal(size=(3, size))[:2], 0.5 * rng.normal(size=(2, size)), None
        p = rng.normal(size=(2, 3))
        for what, function, arrays in (
            ("Exp.Act", lambda x, p, a=algebra: a(x).Exp().Act(p), (xi, p)),
            ("Exp.Log", lambda x, a=algebra: _plain(a(x).Exp().Log()), (xi,)),
            ("Exp.Inv.Log", lambda x, a=algebra: _plain(a(x).Exp().Inv().Log()), (xi,)),
            ("Mul.Log", lambda x, y, a=algebra: _plain((a(x).Exp() @ a(y).Exp()).Log()), (xi, eta)),
            ("Adj", lambda x, y, a=algebra: _plain(a(x).Exp().Adj(a(y))), (xi, eta)),
            ("AdjT", lambda x, y, a=algebra: _plain(a(x).Exp().AdjT(a(y))), (xi, eta)),
        ):
            yield Case(PACKAGE, f"{name} {what}", from_torch(function), arrays)
        act = from_torch(lambda x, p, a=algebra: a(x).Exp().Act(p))
        yield Case(PACKAGE, f"{name} Exp.Act", act, (np.zeros((2, size)), p), "at zero")
        yield Case(PACKAGE, f"{name} Exp.Act", act, (1e-5 * xi, p), "small")


def _plain(x: Any) -> Any:
    return x.tensor()
