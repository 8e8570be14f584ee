"""How the held packages hand over a derivative, beside `tests.wild.glue`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check import Pair

Function = Callable[..., Any]


def from_torch(function: Function) -> Pair:
    """A function of tensors with the gradients of PyTorch, as NumPy sees them."""
    import torch

    def tensors(arrays):
        given = [torch.from_numpy(np.array(array)) for array in arrays]
        return [one.requires_grad_(one.is_floating_point()) for one in given]

    def forward(*arrays):
        return function(*tensors(arrays)).detach().numpy(), arrays

    def backward(dout, arrays):
        given = tensors(arrays)
        floats = [one for one in given if one.requires_grad]
        out = function(*given)
        found = torch.autograd.grad(out, floats, torch.from_numpy(np.array(dout)))
        return tuple(gradient.numpy() for gradient in found)

    return Pair(forward, backward)
