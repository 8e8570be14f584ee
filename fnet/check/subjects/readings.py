"""What a function that returns several things returns: (value, gradient), (grads, cost), …"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fnet.check.subjects.calls import is_number, named_as
from fnet.check.subjects.claims import unclaimed
from fnet.check.subjects.derivatives import of_values, shape_of
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.functions import name_of

Place = int | slice


class Reading(NamedTuple):
    """The places of value, gradients and Hessian, and the arguments without a gradient."""

    value: int
    slopes: Place
    constants: tuple[str, ...]
    scalar: bool
    hessian: int | None = None


def read(
    returned: Any,
    arguments: tuple[Any, ...],
    names: tuple[str, ...],
    constants: tuple[str, ...],
    slopes: bool,
) -> Reading | None:
    """How to read it; with `slopes`, also as an output that is no scalar, and its derivative."""
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        return None
    places = [(n, place) for n, place in _places(len(returned)) if is_number(returned[n])]
    for value, place in sorted(places, key=lambda found: np.size(returned[found[0]]) > 1):
        out = returned[value]
        scalar = np.size(out) == 1
        if not scalar and not slopes:
            continue
        out = np.reshape(out, ()) if scalar else out
        left = unclaimed(_at(returned, place), arguments, names, constants, out)
        if left is None:
            continue
        hessian = None
        if place == 1 and len(returned) > 2:
            by = shape_of(returned[1])
            hessian = 2 if is_number(returned[2]) and shape_of(returned[2]) == by + by else None
        return Reading(value, place, left, scalar, hessian)
    return None


def _places(count: int) -> Iterator[tuple[int, Place]]:
    """Where value and gradients may be, the usual places first."""
    if count == 2:
        yield from ((0, 1), (1, 0))
        return
    yield 0, slice(1, None)
    yield count - 1, slice(0, -1)
    yield 0, 1


def _at(returned: Any, place: Place) -> Any:
    return tuple(returned[place]) if isinstance(place, slice) else returned[place]


def by_shape(returned: Any, arguments: tuple[Any, ...] | None = None) -> Reading | None:
    """The reading as a scalar and the rest, whatever its shapes, which may be a mistake; of these
    arguments, if one has such a shape: which is then asked."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        return None
    sizes = [np.size(part) if is_number(part) else -1 for part in returned]
    if 1 not in sizes or sizes == [1, 1]:
        return None
    value = sizes.index(1)
    if arguments is not None and shape_of(returned[1 - value]) not in map(shape_of, arguments):
        return None
    return Reading(value, 1 - value, (), True)


def taken(
    function: Callable[..., Any], reading: Reading, returned: Any, names: tuple[str, ...]
) -> Pair | ValueAndGrad:
    """The function in fnet's form."""
    if not reading.scalar:
        assert isinstance(reading.slopes, int)
        return of_values(function, (reading.value, reading.slopes), names, reading.constants)
    usual = len(returned) == 2 and reading.value == 0 and np.ndim(returned[0]) == 0
    if usual and isinstance(returned, tuple):
        return ValueAndGrad(function)

    @named_as(function)
    def value_and_gradients(*arguments: Any) -> Any:
        found = function(*arguments)
        return np.reshape(found[reading.value], ()), _at(found, reading.slopes)

    return ValueAndGrad(value_and_gradients)


def hessian_of(
    function: Callable[..., Any], reading: Reading, names: tuple[str, ...]
) -> Pair | None:
    """The pair of gradient and Hessian, where the function returns both."""
    if reading.hessian is None:
        return None
    pair = of_values(function, (1, reading.hessian), names, reading.constants)
    pair.backward.__name__ = f"the Hessian of {name_of(function)}"
    return pair
