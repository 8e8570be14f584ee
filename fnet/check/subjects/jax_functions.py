"""Functions of JAX as subjects, and what makes one of a function."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from fnet.check.subjects.calls import LINES
from fnet.check.subjects.subject import Subject
from fnet.check.truth.arguments import layout
from fnet.check.truth.functions import (
    Gradients,
    aligned,
    by_vjp,
    name_of,
    names_of,
    traced,
    untraceable,
    value_of_vjp,
)
from fnet.check.truth.held import require_traced, unheld
from fnet.check.truth.lifting import in_jax
from fnet.check.truth.plain import has_rule
from fnet.errors import ConfigurationError


def of_function(
    function: Callable[..., Any],
    reference: Any,
    arguments: tuple[Any, ...],
    constants: tuple[str, ...] = (),
    note: str = "",
) -> Subject:
    """The subject of a JAX function with a derivative rule of its own: `jax.custom_vjp`."""
    names, of = names_of(function, arguments), (function, reference, constants)
    layout(arguments, names, name_of(function), constants)
    called, reference = unheld(function, arguments), unheld(reference, arguments)
    trace = traced(called, arguments)
    if trace is None:
        require_traced(function, arguments, names)
        try:
            called(*arguments)  # it may raise a better error
        except (jax.errors.JAXTypeError, jax.errors.UnexpectedTracerError) as error:
            words = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigurationError(
                f"{name_of(function)}: JAX rejects it: {words}; bind arguments that must not be "
                f"traced by functools.partial:\n  check_gradients(functools.partial("
                f"{name_of(function)}, …), x)"
            ) from None
        raise ConfigurationError(
            f"{name_of(function)} is not a JAX function: give Pair(forward, backward), or "
            "ValueAndGrad(function), for NumPy code; tracing it raises "
            f"{untraceable(called, arguments)}. These would do:\n{LINES}"
        )
    ruled = has_rule(trace)  # else its value under jax.vjp is its value
    return Subject(
        name_of(function),
        of,
        names,
        called,
        {"": functools.partial(by_vjp, called)},
        plain_of(reference, arguments) or called,
        True,
        _passes(function, names, arguments),
        ({"its forward pass": lambda *arguments: value_of_vjp(called, arguments)} if ruled else {})
        | ({"the reference": reference} if reference else {}),
        note=note if ruled else "; ".join(filter(None, (note, UNRULED))),
        untrained=False,
        strict=False,  # with float64 as the default dtype, which its caller may not have
        ruled=ruled,
        staged=True,
        constants=constants,
    )


def _passes(function: Any, names: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
    """Forward and backward pass of a `jax.custom_vjp`, where they can be called on their own."""
    if not isinstance(function, jax.custom_vjp) or function.nondiff_argnums:
        return None
    forward, backward = getattr(function, "fwd", None), getattr(function, "bwd", None)
    if not (forward and backward) or getattr(function, "symbolic_zeros", False):
        return None

    def gradients(dout: Any, cache: Any, *arguments: Any) -> Gradients:
        return aligned(backward(cache, dout), names, arguments, name_of(backward))

    return unheld(forward, arguments), gradients


UNRULED = (
    "it has no hand-written derivative, so autodiff was compared with itself; to check a backward "
    "pass, give Pair(forward, backward)"
)


def plain_of(
    reference: Callable[..., Any] | None, arguments: tuple[Any, ...]
) -> Callable[..., Any] | None:
    """The reference as a JAX function, if there is one."""
    if reference is None:
        return None
    found = in_jax(reference, arguments)
    if found is None:
        reference(*arguments)  # it may raise a better error
        who = name_of(reference)
        raise ConfigurationError(f"the reference, {who}, is not a JAX function; give one")
    return found
