"""Hessians and Hessian-vector products, as backward passes of a gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.check.subjects.calls import accepts, called, drawn, named_as, required
from fnet.check.subjects.claims import differentiable, fits, unclaimed
from fnet.check.subjects.derivatives import of_derivative
from fnet.check.subjects.subject import Pair
from fnet.check.truth.functions import name_of
from fnet.errors import ConfigurationError

VECTORS = ("v", "p", "vec", "vector", "direction", "tangent", "u", "s", "d")


def of_gradient(
    gradient: Callable[..., Any],
    second: Callable[..., Any],
    arguments: tuple[Any, ...],
    names: tuple[str, ...],
    constants: tuple[str, ...],
) -> tuple[Pair, tuple[str, ...]]:
    """The pair of a gradient and its Hessian, or its product with a vector; and the arguments that
    neither is by."""
    gradient = _alone(gradient, arguments)
    found = called(gradient, arguments)
    trees = [arguments[n] for n in differentiable(arguments, names, constants)]
    if not any(fits(found, tree, 0.0) for tree in trees):
        raise ConfigurationError(
            f"{name_of(gradient)} returns no gradient of its arguments, and of='hessian' compares "
            f"with one:\n{LINES}"
        )
    if accepts(second, len(arguments)) and len(required(second)) <= len(arguments):
        hessian = called(second, arguments)
        left = unclaimed(hessian, arguments, names, constants, found) or ()
        return of_derivative(gradient, second, names, (*constants, *left)), left
    pair = _of_product(gradient, second, arguments, names, found)
    product = pair.backward(drawn(found), arguments)
    return pair, unclaimed(product, arguments, names, constants) or ()


def _alone(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The function of the gradient alone, where it returns (value, gradient)."""
    returned = called(function, arguments)
    if not (isinstance(returned, tuple) and len(returned) == 2 and np.ndim(returned[0]) == 0):
        return function

    @named_as(function)
    def gradient(*arguments: Any) -> Any:
        return function(*arguments)[1]

    return gradient


def _of_product(
    gradient: Callable[..., Any],
    product: Callable[..., Any],
    arguments: tuple[Any, ...],
    names: tuple[str, ...],
    found: Any,
) -> Pair:
    """The vector is the argument of such a name, or the second (as in SciPy), or where it runs."""
    count = len(arguments) + 1
    takes = required(product)[:count]
    places = [n for n, name in enumerate(takes) if name in VECTORS and name not in names]
    for place in (*places, 1, count - 1, 0):
        pair = _with_vector(gradient, product, place)
        try:
            once = pair.backward(drawn(found), arguments)
        except Exception:  # the vector is not there
            continue
        if fits(once, found, 0.0):
            return pair
    raise ConfigurationError(
        f"{name_of(product)} takes neither {len(arguments)} arguments, and returns a Hessian, nor "
        f"one more, and returns its product with a vector:\n{LINES}"
    )


def _with_vector(gradient: Callable[..., Any], product: Callable[..., Any], place: int) -> Pair:
    @named_as(gradient)
    def forward(*arguments: Any) -> Any:
        return gradient(*arguments), arguments

    @named_as(product)
    def backward(dout: Any, arguments: Any) -> Any:
        return product(*arguments[:place], dout, *arguments[place:])

    return Pair(forward, backward)


LINES = """\
  check_gradients(gradient, hessian, x, of="hessian")  # hessian(x) of shape (n, n)
  check_gradients(gradient, product, x, of="hessian")  # product(x, v) is hessian(x) @ v
  check_gradients(Pair(gradient, product), x, of="hessian")"""
