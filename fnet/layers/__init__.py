"""The layers, each with its formulas and its own backward pass.

`__all__` is their registry: each name in it has a row in tests/cases.py.

>>> import jax
>>> params, out_shape = affine(10).init(jax.random.key(0), (32, 32, 3))
>>> params.w.shape, out_shape
((10, 3072), (10,))
"""

from fnet.layers.activations import leaky_relu, relu, sigmoid, tanh
from fnet.layers.affine import Affine as Affine
from fnet.layers.affine import affine
from fnet.layers.reshape import flatten, squeeze

__all__ = ["affine", "flatten", "leaky_relu", "relu", "sigmoid", "squeeze", "tanh"]
