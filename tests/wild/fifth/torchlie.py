"""torchlie: SO3 and SE3 in PyTorch, with backward passes written by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "torchlie"


def cases() -> Iterator[Case]:
    from torchlie.functional import SE3, SO3

    rng = np.random.default_rng(84)
    for name, group, size in (("SO3", SO3, 3), ("SE3", SE3, 6)):
        xi, eta = 0.7 * rng.normal(size=(2, size)), 0.5 * rng.normal(size=(2, size))
        p = rng.normal(size=(2, 3))
        functions: dict[str, tuple[Any, Any]] = {
            "exp": (group.exp, (xi,)),
            "log": (lambda x, g=group: g.log(g.exp(x)), (xi,)),
            "inv": (lambda x, g=group: g.inv(g.exp(x)), (xi,)),
            "compose": (lambda x, y, g=group: g.compose(g.exp(x), g.exp(y)), (xi, eta)),
            "transform": (lambda x, p, g=group: g.transform(g.exp(x), p), (xi, p)),
            "untransform": (lambda x, p, g=group: g.untransform(g.exp(x), p), (xi, p)),
            "adj": (lambda x, g=group: g.adj(g.exp(x)), (xi,)),
            "hat": (group.hat, (xi,)),
        }
        for what, (function, arguments) in functions.items():
            yield Case(PACKAGE, f"{name}.{what}", from_torch(function), arguments)
            if what in ("exp", "log"):
                yield Case(PACKAGE, f"{name}.{what}", from_torch(function), (1e-3 * xi,), "small")
        yield Case(PACKAGE, f"{name}.exp", from_torch(group.exp), (np.zeros((1, size)),), "zero")
