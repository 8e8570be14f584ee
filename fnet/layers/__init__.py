"""Layers. `__all__` is their registry: each name in it has a row in tests/cases.py."""

from fnet.layers.activations import leaky_relu, relu, sigmoid, tanh
from fnet.layers.affine import Affine as Affine
from fnet.layers.affine import affine
from fnet.layers.reshape import flatten, squeeze

__all__ = ["affine", "flatten", "leaky_relu", "relu", "sigmoid", "squeeze", "tanh"]
