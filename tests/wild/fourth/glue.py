"""How these packages hand over a derivative, beside `tests.wild.glue`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check import Pair

# Names that NumPy has dropped and some packages still write.
DROPPED = {
    "int": int,
    "float": float,
    "object": object,
    "product": np.prod,
    "sctypes": {"int": [np.int8, np.int16, np.int32, np.int64]},
}


def with_old_names() -> None:
    """Give NumPy back the names that it has dropped."""
    for name, meant in DROPPED.items():
        if name not in np.__dict__:
            setattr(np, name, meant)


def of_array(function: Callable[..., Any], gradient: Callable[..., Any]) -> Pair:
    """A number of one array of any shape, and its gradient of that shape."""
    return Pair(lambda x: (function(x), x), lambda dout, x: dout * gradient(x))


def per_row(function: Callable[..., Any], jacobian: Callable[..., Any]) -> Pair:
    """Rows to rows, and the Jacobian of each: (rows, inputs, outputs)."""
    return Pair(
        lambda x: (function(x), x), lambda dout, x: np.einsum("no,nio->ni", dout, jacobian(x))
    )
