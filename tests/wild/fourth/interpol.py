"""torch-interpol: splines on grids, each an autograd.Function by hand."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "torch-interpol"


def cases() -> Iterator[Case]:
    import interpol as of

    rng = np.random.default_rng(44)
    line, image = rng.normal(size=(1, 2, 6)), rng.normal(size=(1, 1, 4, 5))
    where, points = rng.uniform(0.6, 4.4, (1, 3, 1)), rng.uniform(0.6, 2.4, (1, 2, 3, 2))
    outside = where - 4.0
    for order in (1, 2, 3, 5):
        pull = from_torch(lambda x, g, n=order: of.grid_pull(x, g, n, "dct2", True))
        yield Case(PACKAGE, "grid_pull", pull, (line, where), f"order {order}")
        yield Case(PACKAGE, "grid_pull", pull, (image, points), f"order {order}, an image")
        push = from_torch(lambda x, g, n=order: of.grid_push(x, g, [6], n, "dct2", True))
        yield Case(PACKAGE, "grid_push", push, (line[..., :3].copy(), where), f"order {order}")
        count = from_torch(lambda g, n=order: of.grid_count(g, [6], n, "dct2", True))
        yield Case(PACKAGE, "grid_count", count, (where,), f"order {order}")
        slope = from_torch(lambda x, g, n=order: of.grid_grad(x, g, n, "dct2", True))
        yield Case(PACKAGE, "grid_grad", slope, (line, where), f"order {order}")
    for bound in ("zero", "replicate", "dct1", "dst2", "dft"):
        pull = from_torch(lambda x, g, b=bound: of.grid_pull(x, g, 3, b, True))
        yield Case(PACKAGE, "grid_pull", pull, (line, outside), f"outside, {bound}")
