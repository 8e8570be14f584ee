"""Users' functions: their names, what they return, and their gradients by JAX."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check.truth.arguments import filled, is_float, of_arrays
from fnet.errors import ConfigurationError

Gradients = tuple[Any, ...]


def aligned(
    gradients: Any, names: tuple[str, ...], arguments: tuple[Any, ...], who: str
) -> Gradients:
    """One gradient per argument, None where there is none."""
    wanted = [any(map(is_float, jax.tree.leaves(argument))) for argument in arguments]
    if isinstance(gradients, dict) and not (len(arguments) == 1 and isinstance(arguments[0], dict)):
        known = {f"d{name}": name for name in names} | {name: name for name in names}
        if set(gradients) <= set(known):
            by_name = {known[key]: value for key, value in gradients.items()}
            return tuple(by_name.get(name) for name in names)
        raise ConfigurationError(
            f"{who} names gradients {', '.join(map(str, gradients))}; they are of "
            f"{', '.join(names)}"
        )
    alone = not isinstance(gradients, tuple | list) or (
        sum(wanted) == 1 and isinstance(arguments[wanted.index(True)], type(gradients))
    )
    found = (gradients,) if alone else tuple(gradients)
    if len(found) == len(arguments):
        return found
    if len(found) == sum(wanted):
        left = iter(found)
        return tuple(next(left) if want else None for want in wanted)
    raise ConfigurationError(
        f"{who} returns {'None' if gradients is None else f'{len(found)} gradients'} for "
        f"{sum(wanted)} differentiable arguments "
        f"({', '.join(name for name, want in zip(names, wanted, strict=True) if want)}): "
        "return one for each"
    )


def by_vjp(function: Callable[..., Any], dout: Any, *arguments: Any) -> Gradients:
    """The gradients that JAX computes, by custom rules where there are any."""
    (out, vjp), place_all = _differentiated(function, arguments)
    found: Gradients = place_all(vjp(filled(dout, out)))
    return found


def value_of_vjp(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The output of the function while JAX differentiates it."""
    return _differentiated(function, arguments)[0][0]


def _differentiated(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """`jax.vjp` by the floating-point arrays, and a function that maps gradients to arguments."""
    leaves, tree = jax.tree.flatten(arguments)
    places = [place for place, leaf in enumerate(leaves) if is_float(leaf)]

    def of_floats(*floats: Any) -> Any:
        full = list(leaves)
        for place, leaf in zip(places, floats, strict=True):
            full[place] = leaf
        return function(*jax.tree.unflatten(tree, full))

    def place_all(found: Any) -> Gradients:
        gradients: list[Any] = [None] * len(leaves)
        for place, gradient in zip(places, found, strict=True):
            gradients[place] = gradient
        return tuple(jax.tree.unflatten(tree, gradients))

    return jax.vjp(of_floats, *(leaves[place] for place in places)), place_all


def like(out: Any) -> Any:
    """A cotangent of ones."""
    return jax.tree.map(lambda y: jnp.ones_like(y) if is_float(y) else None, out)


def cached(returned: Any, function: Any, what: str = "out, cache") -> tuple[Any, Any]:
    """The two results of a function."""
    if isinstance(returned, tuple) and len(returned) == 2:
        return returned
    kind = "one array" if hasattr(returned, "dtype") else f"a {type(returned).__name__}"
    kind += f" of {len(returned)}" if isinstance(returned, tuple | list) else ""
    kind = "None" if returned is None else kind
    raise ConfigurationError(
        f"{name_of(function)} must return a tuple ({what}), and returned {kind}"
    )


def traced(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any | None:
    """Its trace; None where JAX cannot trace it: NumPy rejects JAX's tracers."""
    try:
        return _trace(function, arguments)
    except ConfigurationError:
        raise
    except Exception:  # of any kind: the function's own errors surface when it is run
        return None


def untraceable(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """The error that tracing it raises."""
    try:
        _trace(function, arguments)
    except Exception as error:
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return ""


def _trace(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    only, arrays = of_arrays(function, arguments)
    return jax.make_jaxpr(only)(*map(jnp.asarray, arrays))


def names_of(function: Any, arguments: tuple[Any, ...]) -> tuple[str, ...]:
    """The names of its arguments."""
    try:
        known = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        known = []
    names = [p.name for p in known if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    extra = [f"argument{number}" for number in range(len(names), len(arguments))]
    return (*names[: len(arguments)], *extra)


def name_of(function: Any) -> str:
    """The name of a function."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)
