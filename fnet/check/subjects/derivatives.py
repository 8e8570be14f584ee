"""A derivative returned as an array, as a backward pass: gradients, slopes, Jacobians."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.subjects.calls import named_as
from fnet.check.subjects.subject import Pair
from fnet.check.truth.arguments import is_none
from fnet.check.truth.functions import Gradients, aligned, name_of
from fnet.errors import ConfigurationError


def shape_of(array: Any) -> tuple[int, ...]:
    """Its shape; () for a Python number."""
    return tuple(getattr(array, "shape", ()))


def is_derivative(found: Any, out: Any, by: Any) -> bool:
    """Whether arrays of these shapes can be a derivative of `out` by `by`."""
    d, o, s = map(shape_of, (found, out, by))
    return d == o + s or (d == s and o == s[: len(o)]) or (d == () and o == s)


def pulled(dout: Any, found: Any, by: Any, who: str = "") -> Any:
    """The gradient: dout through a derivative of the output by this array.

    gradient   out ()          derivative of the shape of the argument
    slopes     out as argument the derivative of each entry
    by row     out (N,)        argument and derivative (N, …)
    Jacobian   out             derivative of the shape of out, then that of the argument
    """
    found = found.toarray() if hasattr(found, "toarray") else found
    d, o, s = map(shape_of, (found, dout, by))
    if d == s and o == s[: len(o)]:
        return np.reshape(dout, o + (1,) * (len(s) - len(o))) * found if o else dout * found
    if d == o + s:
        return np.tensordot(dout, found, len(o))
    if d == () and o == s:
        return dout * found
    if not o:
        return dout * found  # of the wrong shape, which is reported
    raise ConfigurationError(
        f"{who} returns {d} for an output of {o} by an argument of {s}; a derivative is {s} where "
        f"it is by entry, and {o + s} where it is a Jacobian"
    )


def through(
    dout: Any,
    found: Any,
    names: tuple[str, ...],
    arguments: tuple[Any, ...],
    who: str,
    constants: tuple[str, ...],
) -> Gradients:
    """dout through the derivatives of all arguments."""
    each = aligned(found, names, arguments, who, constants)
    return tuple(
        None
        if derivative is None
        else jax.tree.map(
            lambda d, x: None if d is None else pulled(dout, d, x, who),
            derivative,
            argument,
            is_leaf=is_none,
        )
        for derivative, argument in zip(each, arguments, strict=True)
    )


def of_derivative(
    function: Callable[..., Any],
    derivative: Callable[..., Any],
    names: tuple[str, ...],
    constants: tuple[str, ...],
) -> Pair:
    """The pair of a function and its derivative, both of the same arguments."""
    who = name_of(derivative)

    @named_as(function)
    def forward(*arguments: Any) -> Any:
        return function(*arguments), arguments

    @named_as(derivative)
    def backward(dout: Any, arguments: Any) -> Any:
        return through(dout, derivative(*arguments), names, arguments, who, constants)

    return Pair(forward, backward)


def of_values(
    function: Callable[..., Any],
    places: tuple[int, int],
    names: tuple[str, ...],
    constants: tuple[str, ...],
) -> Pair:
    """The pair of a function that returns an output and its derivative, at these places."""
    value, slope = places
    who = name_of(function)

    @named_as(function)
    def forward(*arguments: Any) -> Any:
        returned = function(*arguments)
        return returned[value], (returned[slope], arguments)

    @named_as(function)
    def backward(dout: Any, cache: Any) -> Any:
        return through(dout, cache[0], names, cache[1], who, constants)

    return Pair(forward, backward)
