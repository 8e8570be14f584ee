"""The nouns of fnet, values made of pure functions, and the tools that build them.

>>> from fnet.layers import relu
>>> isinstance(relu(), Layer)
True
"""

from fnet.core.broadcasting import columns, rows
from fnet.core.contract import (
    Layer,
    Loss,
    Optimizer,
    Penalty,
    Recipe,
    Stream,
)
from fnet.core.contract import Shape as Shape
from fnet.core.shapes import out_shape
from fnet.core.streams import by_itself
from fnet.core.tape import Tape
from fnet.core.trees import NonTrainable
from fnet.core.watching import watching
from fnet.core.wiring import afresh, layer, loss, penalty, split

__all__ = [
    "Layer",
    "Loss",
    "NonTrainable",
    "Optimizer",
    "Penalty",
    "Recipe",
    "Stream",
    "Tape",
    "afresh",
    "by_itself",
    "columns",
    "layer",
    "loss",
    "out_shape",
    "penalty",
    "rows",
    "split",
    "watching",
]
