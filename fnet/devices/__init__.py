"""Several devices that train as one: meshes, what is placed where, and rules to change that.

>>> from fnet import devices
>>> devices.mesh(1).axis_names
('data',)
"""

from fnet.devices.dividing import divided
from fnet.devices.meshes import mesh
from fnet.devices.placement import Placement, placement
from fnet.devices.placing import on_one, own_places, placed, replicated
from fnet.devices.rules import by_table, split_weights

__all__ = [
    "Placement",
    "by_table",
    "divided",
    "mesh",
    "on_one",
    "own_places",
    "placed",
    "placement",
    "replicated",
    "split_weights",
]
