"""Weights from elsewhere, and models for elsewhere: PyTorch, Keras, flax, .safetensors, ONNX.

Nothing here imports one of these: what comes from them is a mapping of names to arrays.

>>> import jax
>>> from fnet.layers import affine
>>> arrays = to_torch(affine(2), (3,), affine(2).init(jax.random.key(0), (3,))[0])
>>> {name: array.shape for name, array in arrays.items()}
{'weight': (2, 3), 'bias': (2,)}
"""

from fnet.interop.flax import from_flax, to_flax
from fnet.interop.keras import from_keras, to_keras
from fnet.interop.names import module_names
from fnet.interop.onnx import to_onnx
from fnet.interop.safetensors import load_safetensors, save_safetensors
from fnet.interop.torch import from_torch, to_torch

__all__ = [
    "from_flax",
    "from_keras",
    "from_torch",
    "load_safetensors",
    "module_names",
    "save_safetensors",
    "to_flax",
    "to_keras",
    "to_onnx",
    "to_torch",
]
