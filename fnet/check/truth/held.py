"""Arguments whose values must be concrete while JAX traces: sizes, boolean masks, flags."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.truth.arguments import in_numpy, is_float, is_known
from fnet.check.truth.functions import name_of, traced
from fnet.errors import ConfigurationError


class Held:
    """An array that is passed without being traced; equal to another of the same contents."""

    def __init__(self, value: Any) -> None:
        self.value = value
        array = in_numpy(value)
        self.key = type(value), str(value.dtype), array.shape, array.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def value_of(leaf: Any) -> Any:
    """The array that is held; anything else unchanged."""
    return leaf.value if isinstance(leaf, Held) else leaf


def unheld(function: Any, arguments: tuple[Any, ...]) -> Any:
    """The function, taking held arguments; the function itself where none is held."""
    if function is None or not any(isinstance(leaf, Held) for leaf in jax.tree.leaves(arguments)):
        return function

    def of_values(*arguments: Any) -> Any:
        return function(*jax.tree.map(value_of, arguments))

    of_values.__name__ = name_of(function)
    return of_values


def held(
    function: Callable[..., Any], arguments: tuple[Any, ...], static: tuple[int, ...] = ()
) -> tuple[Any, ...]:
    """The arguments with those at static places held, and all integers, booleans and keys too if
    JAX cannot trace the function otherwise."""
    arguments = tuple(
        jax.tree.map(_hold, argument) if number in static else argument
        for number, argument in enumerate(arguments)
    )
    if all(is_float(leaf) or not is_known(leaf) for leaf in jax.tree.leaves(arguments)):
        return arguments  # there is nothing else to hold
    if _is_traced(function, arguments):
        return arguments
    others = jax.tree.map(lambda leaf: leaf if is_float(leaf) else _hold(leaf), arguments)
    return others if _is_traced(function, others) else arguments


def require_traced(
    function: Callable[..., Any], arguments: tuple[Any, ...], names: tuple[str, ...]
) -> None:
    """Raise ConfigurationError naming the argument that JAX cannot trace, if it is a single one."""
    for number, name in enumerate(names):
        argument = jax.tree.map(_hold, arguments[number])
        without = (*arguments[:number], argument, *arguments[number + 1 :])
        if any(map(is_float, jax.tree.leaves(without))) and _is_traced(function, without):
            raise ConfigurationError(
                f"{name_of(function)}: JAX cannot trace {name}, and so gives no gradient by it; "
                f"bind it by functools.partial:\n  check_gradients(functools.partial("
                f"{name_of(function)}, {name}={name}), …)"
            )


def _is_traced(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    return traced(unheld(function, arguments), arguments) is not None


def _hold(leaf: Any) -> Any:
    return (
        Held(np.array(leaf) if isinstance(leaf, np.ndarray) else leaf) if is_known(leaf) else leaf
    )
