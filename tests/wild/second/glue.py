"""How these packages hand over derivatives, beside `tests.wild.glue`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.glue import elementwise

Function = Callable[..., Any]


def of_numbers(function: Function, derivative: Function) -> Pair:
    """f and f' of one number, for each entry of an array."""
    return elementwise(*(np.vectorize(each, otypes=[float]) for each in (function, derivative)))


def of_arguments(function: Function, gradient: Function) -> Pair:
    """A function of several arrays, entry by entry, and its partial derivatives in a tuple."""

    def backward(dout: Any, arguments: Any) -> Any:
        return tuple(dout * partial for partial in gradient(*arguments))

    return Pair(lambda *arguments: (function(*arguments), arguments), backward)


def of_parameters(function: Function, jacobian: Function) -> Pair:
    """A function of numbers with an array of values, and its derivatives, an array for each."""

    def backward(dout: Any, parameters: Any) -> Any:
        return tuple(np.sum(dout * partial) for partial in jacobian(*parameters))

    return Pair(lambda *parameters: (function(*parameters), parameters), backward)
