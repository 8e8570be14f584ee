"""Arrays of a PyTorch state, as NumPy has them."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from fnet.core.expect import require


class Unordered(dict[str, np.ndarray]):
    """Arrays by name, in an order that says nothing about that of the layers.

    >>> Unordered(w=np.zeros(3))["w"].shape
    (3,)
    """


def as_numpy(name: str, value: Any) -> np.ndarray:
    """A tensor, on whatever device, or an array, as a NumPy array of floating-point numbers."""
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        narrow = str(value.dtype) == "torch.bfloat16"  # which NumPy lacks, and float32 contains
        value = value.float().numpy().astype(jnp.bfloat16) if narrow else value.numpy()
    array = np.asarray(value)
    require(
        jnp.issubdtype(array.dtype, jnp.floating),
        f"{name} is {array.dtype}; it must be floating point: convert quantised weights first",
    )
    return array
