"""Two functions, or one that returns its backward pass, as a pair; and what every form is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnet.check import thresholds
from fnet.check.subjects import claims
from fnet.check.subjects.backwards import FEW, as_called, by_names, first_of, split, usual_gradients
from fnet.check.subjects.calls import (
    LINES,
    accepts,
    called,
    is_cotangent,
    is_number,
    named_as,
    require_two,
    required,
)
from fnet.check.subjects.derivatives import of_derivative
from fnet.check.subjects.subject import Pair
from fnet.check.truth.functions import name_of
from fnet.errors import ConfigurationError


class Form(NamedTuple):
    """A Pair, a ValueAndGrad or a JAX function, its arguments, and those that are constants."""

    subject: Any
    arguments: tuple[Any, ...]
    constants: tuple[str, ...] = ()
    note: str = ""


class Given(NamedTuple):
    """What a form is made from."""

    arguments: tuple[Any, ...]
    names: tuple[str, ...]
    constants: tuple[str, ...]

    def form(self, subject: Any, left: tuple[str, ...] = ()) -> Form:
        """The form, where `left` are further arguments without a gradient."""
        return Form(subject, self.arguments, (*self.constants, *left), claims.note(left))


def of_two(function: Callable[..., Any], second: Callable[..., Any], given: Given) -> Form:
    """Of forward and backward, or of a function and its derivative."""
    out = called(function, given.arguments)
    if isinstance(out, tuple) and len(out) > 1:
        return of_pair(Pair(function, second), given, sure=False)
    named = by_names(Pair(function, second), given.names, cached=False)
    if named is not None:
        return of_pair(named, given, sure=True)
    count, takes = len(given.arguments), required(second)
    if len(takes) == 1 and len(takes[0]) > 1 and is_cotangent(takes[0]):
        return of_pair(_with_cache(function, Pair(function, second), True), given, sure=True)
    if accepts(second, count) and "cache" not in takes:
        if count == 1 and takes != list(given.names) and _is_of_output(second, given, function):
            at_output = named_as(second)(lambda x: second(function(x)))
            form = given.form(of_derivative(function, at_output, given.names, given.constants))
            return form._replace(note=OF_OUTPUT.format(name_of(second)))
        found = called(second, given.arguments)
        left = claims.unclaimed(found, *given, out) or ()
        fixed = (*given.constants, *left)
        return given.form(of_derivative(function, second, given.names, fixed), left)
    if accepts(second, count + 1):
        return of_pair(_with_cache(function, Pair(function, second), False), given, sure=True)
    raise ConfigurationError(
        f"{name_of(function)} returns one array, and {name_of(second)} takes "
        f"{', '.join(takes) or 'no arguments'}; these would do:\n{LINES}"
    )


def _is_of_output(second: Callable[..., Any], given: Given, function: Callable[..., Any]) -> bool:
    """Whether it is the slope of each entry as a function of the output, and not of the input."""
    (x,) = given.arguments
    if not is_number(x):
        return False
    step = thresholds.PROBING_STEP * (1 + np.abs(x))
    try:
        up, down = called(function, (x + step,)), called(function, (x - step,))
        slope = (np.asarray(up) - np.asarray(down)) / (2 * step)
        by_input, by_output = called(second, (x,)), called(second, (called(function, (x,)),))
    except Exception:  # it is no such function
        return False
    away = [np.abs(np.asarray(found) - slope).max() for found in (by_input, by_output)]
    return bool(away[1] < thresholds.NEARER * away[0])


OF_OUTPUT = "{} is taken as a function of the output: it is the derivative at f(x), and not at x"


def _with_cache(function: Callable[..., Any], pair: Pair, empty: bool) -> Pair:
    """A forward pass that returns no cache, with its arguments for one, or with none."""

    @named_as(function)
    def forward(*arguments: Any) -> Any:
        return function(*arguments), None if empty else arguments

    return pair._replace(forward=forward)


def of_pair(pair: Pair, given: Given, sure: bool) -> Form:
    """Of forward and backward. If `sure`, (dout, cache) is not refused where the other order
    would do as well."""
    usual = usual_gradients(pair, given.arguments)
    left = None if usual is None else claims.unclaimed(usual, *given, fewer=False)
    return _by_trying(pair, given, sure) if left is None else given.form(pair, left)


def _by_trying(pair: Pair, given: Given, sure: bool) -> Form:
    returned = called(pair.forward, given.arguments)
    if type(returned) is not tuple or len(returned) < 3:
        require_two(returned, pair.forward, "out, cache")
        more = len(required(pair.backward)) > 2
        named = by_names(pair, given.names, cached=True) if more else None
        if named is not None:
            return of_pair(named, given, sure)
    else:
        pair = pair._replace(forward=split(pair.forward))
        returned = tuple(returned[:-1]), returned[-1]

    def left(gradients: Any) -> tuple[str, ...] | None:
        return claims.unclaimed(gradients, *given, fewer=False)

    out, cache = returned
    found = as_called(pair, out, cache, lambda gradients: left(gradients) is not None, sure)
    made = given.form(pair._replace(backward=found.way), left(found.gradients) or ())
    if found.outs is None:
        return made
    few = made.subject._replace(forward=first_of(pair.forward, found.outs))
    return made._replace(subject=few, note="; ".join(filter(None, (made.note, FEW))))


def is_with_backprop(returned: Any) -> bool:
    """Whether this is (out, backprop)."""
    return (
        isinstance(returned, tuple)
        and len(returned) == 2
        and callable(returned[1])
        and not callable(returned[0])
    )


def by_backprop(function: Callable[..., Any]) -> Pair:
    """The pair of a function that returns (out, backprop)."""

    def backward(dout: Any, backprop: Any) -> Any:
        return backprop(dout)

    backward.__name__ = name_of(function)
    return Pair(function, backward)
