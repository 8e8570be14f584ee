"""How these packages hand over a derivative, beside `tests.wild.glue`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check import Pair


def adjoint(operator: Any) -> Pair:
    """A linear operator and its adjoint, of vectors."""
    return Pair(lambda x: (operator.matvec(x), None), lambda dout, _: operator.rmatvec(dout))


def partials(function: Callable[..., Any], gradient: Callable[..., Any]) -> Pair:
    """A function of several arrays, entry by entry, and its partial derivatives, stacked."""

    def backward(dout: Any, arguments: Any) -> Any:
        return tuple(dout * each for each in np.asarray(gradient(*arguments)))

    return Pair(lambda *arguments: (function(*arguments), arguments), backward)
