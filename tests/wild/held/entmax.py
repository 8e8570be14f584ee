"""entmax: sparse relatives of softmax, each an autograd.Function of PyTorch, and their losses."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "entmax"


def _case(name: str, function: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, from_torch(function), arguments, label)


def cases() -> Iterator[Case]:
    import entmax
    import torch

    rng = np.random.default_rng(7)
    x, labels = rng.normal(size=(2, 4)), torch.tensor([0, 3])
    alpha = np.array([[1.3], [2.2]])
    yield _case("sparsemax", entmax.sparsemax, x)
    yield _case("sparsemax", entmax.sparsemax, 5 * x, label="one-hot")
    yield _case("entmax15", entmax.entmax15, x)
    yield _case("entmax15", entmax.entmax15, 5 * x, label="one-hot")
    yield _case("sparsemax_bisect", entmax.sparsemax_bisect, x)
    yield _case("entmax_bisect", lambda x: entmax.entmax_bisect(x, 1.7), x)
    yield _case("entmax_bisect", entmax.entmax_bisect, x, alpha, label="by alpha")
    yield _case("normmax_bisect", lambda x: entmax.normmax_bisect(x, 3), x)
    yield _case("budget_bisect", lambda x: entmax.budget_bisect(x, 2), x)
    for name in ("sparsemax", "sparsemax_bisect", "entmax15", "entmax_bisect", "normmax_bisect"):
        loss = getattr(entmax, f"{name}_loss")
        yield _case(f"{name}_loss", lambda x, loss=loss: loss(x, labels), x)
