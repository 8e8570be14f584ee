"""Layers made from layers.

>>> from fnet.layers import affine, relu
>>> serial(affine(3), relu())
serial(affine(3), relu())
"""

from fnet.compose.mixed_precision import mixed_precision
from fnet.compose.serial import serial

__all__ = ["mixed_precision", "serial"]
