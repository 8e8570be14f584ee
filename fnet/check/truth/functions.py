"""Users' functions: their names, what they return, and their gradients by JAX."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check.truth.arguments import filled, is_float, of_arrays, on_device
from fnet.errors import ConfigurationError

Gradients = tuple[Any, ...]


def aligned(
    gradients: Any,
    names: tuple[str, ...],
    arguments: tuple[Any, ...],
    who: str,
    constants: tuple[str, ...] = (),
) -> Gradients:
    """One gradient per argument, None where there is none."""
    wanted = [
        name not in constants and any(map(is_float, jax.tree.leaves(argument)))
        for name, argument in zip(names, arguments, strict=True)
    ]
    if isinstance(gradients, dict):
        return _by_name(gradients, names, arguments, wanted, who)
    only = arguments[wanted.index(True)] if sum(wanted) == 1 else None
    alone = not isinstance(gradients, tuple | list) or (
        only is not None and isinstance(only, type(gradients))
    )
    found = (gradients,) if alone else tuple(gradients)
    if len(found) == len(arguments):
        return tuple(
            None if name in constants else gradient
            for name, gradient in zip(names, found, strict=True)
        )
    if len(found) == sum(wanted):
        left = iter(found)
        return tuple(next(left) if want else None for want in wanted)
    floats = [name for name, want in zip(names, wanted, strict=True) if want]
    rest = tuple(floats[len(found) :]) or tuple(floats)
    raise ConfigurationError(
        f"{who} returns {'None' if gradients is None else f'{len(found)} gradients'} for "
        f"{sum(wanted)} differentiable arguments ({', '.join(floats)}): return one for each, or "
        f"name those without one:\n  check_gradients(…, constants={rest!r})"
    )


def _by_name(
    gradients: dict[Any, Any],
    names: tuple[str, ...],
    arguments: tuple[Any, ...],
    wanted: list[bool],
    who: str,
) -> Gradients:
    """The gradients that a dict names, with or without a d: of the arguments, or of what is in
    those that are dicts themselves."""
    inside = [
        dict.fromkeys(argument) if isinstance(argument, dict) and want else {}
        for argument, want in zip(arguments, wanted, strict=True)
    ]
    whole = tuple(gradients if want else None for want in wanted)
    only = sum(wanted) == 1 and isinstance(arguments[wanted.index(True)], dict)
    if only and set(gradients) == set(inside[wanted.index(True)]):
        return whole
    found: list[Any] = [None] * len(names)
    unknown = []
    for key, gradient in gradients.items():
        bare = key[1:].lstrip("_") if isinstance(key, str) and key.startswith("d") else key
        place = next((n for n, name in enumerate(names) if name in (key, bare)), None)
        if place is not None:
            found[place] = gradient
            continue
        place = next((n for n, known in enumerate(inside) if key in known or bare in known), None)
        if place is None:
            unknown.append(str(key))
            continue
        found[place] = found[place] if isinstance(found[place], dict) else dict(inside[place])
        found[place][key if key in inside[place] else bare] = gradient
    missing = any(want and gradient is None for want, gradient in zip(wanted, found, strict=True))
    if unknown and only:
        return whole  # of another tree, which is reported
    if unknown and missing:
        items = ", ".join(f'"d{name}": …' for name in names)
        raise ConfigurationError(
            f"{who} names gradients {', '.join(map(str, gradients))}; they are of "
            f"{', '.join(names)}:\n  return {{{items}}}"
        )
    return tuple(found)


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
    return jax.make_jaxpr(only)(*on_device(arrays))


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
