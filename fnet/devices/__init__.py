"""Several devices that train as one: meshes, what is placed where, and rules to change that.

>>> from fnet import devices
>>> devices.mesh(1).axis_names
('data',)
"""

from fnet.devices.meshes import mesh
from fnet.devices.placing import own_places, placed, replicated

__all__ = ["mesh", "own_places", "placed", "replicated"]
