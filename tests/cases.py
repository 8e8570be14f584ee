"""One row for every public layer, and for compositions: the layer, and the shape of one example.

Shapes are of distinct primes and never square, so that a transposed or misplaced axis shows. Every
row inherits every law in test_laws.py. A layer that mixes the rows of a batch would say so here.
"""

from typing import NamedTuple

import pytest

from fnet import layers, serial
from fnet.core import Layer
from fnet.initializers import glorot_normal, normal
from fnet.layers import affine, flatten, leaky_relu, relu, sigmoid, squeeze, tanh
from fnet.models import classification_net, logistic_regression

BATCH = 5


class Case(NamedTuple):
    layer: Layer
    shape: tuple[int, ...]


CASES = [
    Case(affine(3), (7,)),
    Case(affine(3, w_init=glorot_normal), (2, 7, 11)),
    Case(affine(2, w_init=normal(0.5), l2=0.3), (13,)),
    Case(relu(), (3, 7)),
    Case(leaky_relu(), (3, 7)),
    Case(leaky_relu(0.3), (11,)),
    Case(sigmoid(), (3, 7)),
    Case(tanh(), (2, 3, 7)),
    Case(flatten(), (2, 3, 7)),
    Case(squeeze(), (7, 1)),
    Case(serial(), (3,)),
    Case(serial(affine(3), relu()), (7,)),
    Case(serial(serial(affine(11), tanh()), serial(flatten(), affine(2, l2=0.1))), (3, 7)),
    Case(logistic_regression(l2=0.2), (7,)),
    Case(classification_net(3, hidden=11, layers=3, activation=sigmoid(), l2=0.1), (2, 7)),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.layer}-{case.shape}")


def covered() -> set[str]:
    """The names of the constructors that stand alone in a row."""
    return {repr(case.layer).split("(")[0] for case in CASES} & set(layers.__all__)
