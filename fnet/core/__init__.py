"""The nouns of fnet as values of pure functions, and what every package above builds them with.

>>> from fnet.layers import relu
>>> isinstance(relu(), Layer)
True
"""

from fnet.core.contract import (
    Layer,
    Loss,
    Optimizer,
    Penalty,
    Shape,
)
from fnet.core.wiring import layer, loss, penalty, rows

__all__ = [
    "Layer",
    "Loss",
    "Optimizer",
    "Penalty",
    "Shape",
    "layer",
    "loss",
    "penalty",
    "rows",
]
