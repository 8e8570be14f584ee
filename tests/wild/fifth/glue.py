"""How these packages hand over a derivative, beside `tests.wild.glue`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check import Pair

Function = Callable[..., Any]


def parts(z: Any) -> np.ndarray:
    """A complex array as its real and imaginary parts, stacked."""
    return np.stack([np.real(z), np.imag(z)])


def by_jacobians(function: Function, jacobians: Function) -> Pair:
    """A function of arrays, and by each the derivatives of shape (*output, *input), in a tuple."""

    def backward(dout: Any, arrays: Any) -> Any:
        found = jacobians(*arrays)
        return tuple(np.tensordot(dout, np.asarray(J), np.ndim(dout)) for J in found)

    return Pair(lambda *arrays: (np.asarray(function(*arrays)), arrays), backward)


def by_jacobian(function: Function, jacobian: Function) -> Pair:
    """The same of one array."""
    return by_jacobians(function, lambda x: (jacobian(x),))


def with_old_special_functions() -> None:
    """Give SciPy back names that it has dropped; the code that is tried here does not call them."""
    import scipy.special

    for name in ("sph_harm", "lpmn"):
        if name not in scipy.special.__dict__:
            setattr(scipy.special, name, None)
