"""Which arguments returned gradients belong to; those without one are constants."""

import itertools
import re
from typing import Any

import jax

from fnet.check.subjects.calls import is_number
from fnet.check.subjects.derivatives import is_derivative
from fnet.check.truth.arguments import is_float, is_none
from fnet.check.truth.functions import aligned
from fnet.errors import ConfigurationError, nearest

DATA = re.compile(r"y(_?true)?$|t$|targets?$|labels?$|x(_?train)?$|sample_weights?$|data$", re.I)


def named(constants: Any, names: tuple[str, ...], who: str) -> tuple[str, ...]:
    """The names of arguments that are given by name or by position."""
    given = (constants,) if isinstance(constants, str | int) else tuple(constants)
    found = []
    for each in given:
        if isinstance(each, int) and -len(names) <= each < len(names):
            each = names[each]
        if each not in names:
            near = nearest(each, list(names)) if isinstance(each, str) else ""
            raise ConfigurationError(
                f"{who}: constants names {each!r}; its arguments are {', '.join(names)}{near}"
            )
        found.append(each)
    return tuple(found)


def settings(arguments: tuple[Any, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that are dictionaries of settings: some value in them is a word."""
    return tuple(
        name
        for name, argument in zip(names, arguments, strict=True)
        if isinstance(argument, dict) and any(isinstance(leaf, str) for leaf in argument.values())
    )


def differentiable(
    arguments: tuple[Any, ...], names: tuple[str, ...], constants: tuple[str, ...]
) -> list[int]:
    """The places of the arguments that hold a number, and are no constants."""
    return [
        place
        for place, (name, argument) in enumerate(zip(names, arguments, strict=True))
        if name not in constants and any(map(is_number, jax.tree.leaves(argument)))
    ]


def unclaimed(
    gradients: Any,
    arguments: tuple[Any, ...],
    names: tuple[str, ...],
    constants: tuple[str, ...],
    out: Any = 0.0,
    fewer: bool = True,
) -> tuple[str, ...] | None:
    """The further arguments that have no gradient; None where these are derivatives of `out` by no
    arguments. `fewer` gradients than arrays are placed by their shapes."""
    numbers = differentiable(arguments, names, constants)
    arrays = [n for n in numbers if any(map(is_float, jax.tree.leaves(arguments[n])))]
    try:
        found = aligned(gradients, names, arguments, "", constants)
    except ConfigurationError:
        return _placed(gradients, arguments, names, arrays, out) if fewer else None
    with_one = [number for number in numbers if found[number] is not None]
    if not with_one or not all(fits(found[n], arguments[n], out) for n in with_one):
        return None
    return tuple(names[number] for number in arrays if number not in with_one)


def _placed(
    gradients: Any, arguments: tuple[Any, ...], names: tuple[str, ...], arrays: list[int], out: Any
) -> tuple[str, ...] | None:
    """The arguments left when fewer gradients than arrays are placed by their shapes."""
    found = gradients if isinstance(gradients, tuple | list) else (gradients,)
    ways = [
        places
        for places in itertools.combinations(arrays, len(found))
        if all(fits(g, arguments[place], out) for g, place in zip(found, places, strict=True))
    ]
    if len(ways) > 1:  # of y and raw_prediction alike, y is data
        trained = [way for way in ways if not any(DATA.match(names[place]) for place in way)]
        ways = trained if len(trained) == 1 else ways
    if len(ways) != 1:
        return None
    return tuple(names[number] for number in arrays if number not in ways[0])


def fits(gradient: Any, argument: Any, out: Any) -> bool:
    """Whether this is a derivative of the output by the argument: of its tree, and of shapes that
    can be one."""
    pairs = [jax.tree.leaves(tree, is_leaf=is_none) for tree in (gradient, argument)]
    return len(pairs[0]) == len(pairs[1]) and all(
        found is None or not is_number(by) or is_derivative(found, out, by)
        for found, by in zip(*pairs, strict=True)
    )


def note(constants: tuple[str, ...]) -> str:
    """A note that these arguments are taken as constants."""
    if not constants:
        return ""
    return (
        f"no gradient is returned for {', '.join(constants)}: taken as constant "
        f"(constants={constants!r})"
    )
