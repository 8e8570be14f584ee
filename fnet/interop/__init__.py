"""Weights from elsewhere, and models for elsewhere: PyTorch, .safetensors files, ONNX.

Nothing here imports PyTorch: what comes from it is a mapping of names to arrays or tensors.

>>> import jax
>>> from fnet.layers import affine
>>> arrays = to_torch(affine(2), (3,), affine(2).init(jax.random.key(0), (3,))[0])
>>> {name: array.shape for name, array in arrays.items()}
{'weight': (2, 3), 'bias': (2,)}
"""

from fnet.interop.names import module_names
from fnet.interop.onnx import to_onnx
from fnet.interop.safetensors import load_safetensors, save_safetensors
from fnet.interop.torch import from_torch, to_torch

__all__ = [
    "from_torch",
    "load_safetensors",
    "module_names",
    "save_safetensors",
    "to_onnx",
    "to_torch",
]
