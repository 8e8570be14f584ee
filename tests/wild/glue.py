"""How packages hand over a derivative, as `Pair` or `ValueAndGrad`."""

from collections.abc import Callable
from typing import Any

from fnet.check import Pair, ValueAndGrad


def elementwise(function: Callable[..., Any], derivative: Callable[..., Any]) -> Pair:
    """f and f' of one array, entry by entry."""
    return Pair(lambda x: (function(x), x), lambda dout, x: dout * derivative(x))


def two_functions(function: Callable[..., Any], gradient: Callable[..., Any]) -> ValueAndGrad:
    """A scalar function and its gradient, as optimizers take them."""
    return ValueAndGrad(lambda x: (function(x), gradient(x)))


def by_jacobian(function: Callable[..., Any], jacobian: Callable[..., Any]) -> Pair:
    """A function from vectors to vectors and its Jacobian, (outputs, inputs)."""
    return Pair(lambda x: (function(x), x), lambda dout, x: dout @ jacobian(x))
