"""fnet: functional deep learning over JAX, with backward passes written by hand and proved.

A layer is four pure functions, an optimizer is two, and nothing is hidden in an object:

>>> import jax
>>> from fnet import serial
>>> from fnet.layers import affine, relu
>>> model = serial(affine(100), relu(), affine(10))
>>> params, out_shape = model.init(jax.random.key(0), (3072,))
>>> model, out_shape
(serial(affine(100), relu(), affine(10)), (10,))
"""

from typing import TYPE_CHECKING

from fnet import (
    check,
    checkpoint,
    data,
    devices,
    errors,
    initializers,
    layers,
    losses,
    models,
    optimizers,
    solvers,
    summary,
    training,
)
from fnet.compose import serial
from fnet.core.guessed import answering, written

# fnet.plots is imported by name: it needs matplotlib.
__all__ = [
    "check",
    "checkpoint",
    "data",
    "devices",
    "errors",
    "initializers",
    "layers",
    "losses",
    "models",
    "optimizers",
    "serial",
    "solvers",
    "summary",
    "training",
]
__version__ = "0.1.0"

if not TYPE_CHECKING:
    _rooms = {"check": check, "layers": layers, "losses": losses, "optimizers": optimizers}
    _rooms |= {"models": models, "data": data, "training": training}
    __getattr__ = answering(
        "fnet", written(**{name: room.__all__ for name, room in _rooms.items()})
    )
