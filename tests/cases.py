"""One row for every registered example of a layer or a composition, and some more of each.

Shapes are of distinct primes and never square, so that a transposed or misplaced axis shows. Every
row inherits every law in test_laws.py.
"""

from typing import Any, NamedTuple

import jax
import pytest

from fnet import registry, serial
from fnet.compose import remat, repeat
from fnet.core import Layer
from fnet.core.examples import drawn, is_input, shapes_of
from fnet.initializers import glorot_normal, normal
from fnet.layers import affine, flatten, gelu, leaky_relu, sigmoid, tanh
from fnet.models import classification_net, logistic_regression

BATCH = 5


class Case(NamedTuple):
    layer: Layer
    takes: Any  # the shape of one example, or a tree of shapes

    @property
    def shape(self) -> Any:
        return shapes_of(self.takes)

    def inputs(self, rows: int = BATCH) -> Any:
        return drawn(self.takes, rows, seed=7)

    @property
    def eps(self) -> float:
        """How coarsely it computes, whatever the dtype of its input."""
        return 2.0**-8 if "mixed_precision" in repr(self.layer) else 0.0

    @property
    def parts(self) -> list[Any]:
        """What describes each array of an input."""
        return jax.tree.leaves(self.takes, is_leaf=is_input)


CASES = [
    *(Case(layer, takes) for layer, takes in registry.examples("model")),
    Case(affine(3, w_init=glorot_normal), (2, 7, 11)),
    Case(affine(2, w_init=normal(0.5), l2=0.3), (13,)),
    Case(affine(3), ()),  # one number per example
    Case(leaky_relu(0.3), (11,)),
    Case(tanh(), (2, 3, 7)),
    Case(serial(), (3,)),
    Case(remat(serial(affine(11), gelu())), (7,)),
    Case(repeat(remat(serial(affine(7), gelu())), 3), (7,)),
    Case(serial(serial(affine(11), tanh()), serial(flatten(), affine(2, l2=0.1))), (3, 7)),
    Case(logistic_regression(l2=0.2), (7,)),
    Case(classification_net(3, hidden=11, layers=3, activation=sigmoid(), l2=0.1), (2, 7)),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.layer}-{case.takes}")


def covered() -> set[str]:
    """The names of the constructors that stand alone in a row."""
    return {repr(case.layer).split("(")[0] for case in CASES} & set(registry.names("model"))
