"""Users' functions as subjects."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from fnet.check.subjects.calls import LINES, alike
from fnet.check.subjects.subject import Pair, Subject, ValueAndGrad
from fnet.check.truth.arguments import copied, layout
from fnet.check.truth.functions import (
    Gradients,
    aligned,
    by_vjp,
    cached,
    like,
    name_of,
    names_of,
    traced,
    untraceable,
    value_of_vjp,
)
from fnet.check.truth.held import require_traced, unheld
from fnet.check.truth.lifting import by_lifting, in_jax, lifted, runs_in_jax
from fnet.check.truth.plain import has_rule
from fnet.errors import ConfigurationError


def of_pair(
    pair: Pair, sample: tuple[Any, ...], constants: tuple[str, ...] = (), note: str = ""
) -> Subject:
    """The subject of a forward and a backward function."""
    names = names_of(pair.forward, sample)
    original = *pair, constants
    who = name_of(pair.backward)
    pair = pair._replace(
        forward=unheld(pair.forward, sample), reference=unheld(pair.reference, sample)
    )

    def first(returned: Any) -> Any:
        return cached(returned, pair.forward)[0]

    def forward(*arguments: Any) -> Any:
        return first(pair.forward(*arguments))

    def backward(dout: Any, cache: Any, *arguments: Any) -> Gradients:
        return aligned(pair.backward(dout, cache), names, sample, who, constants)

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        return backward(dout, cached(pair.forward(*arguments), pair.forward)[1], *arguments)

    def by_lifted(dout: Any, *arguments: Any) -> Gradients:
        cache = lifted(pair.forward)(*arguments)[1]
        return aligned(lifted(pair.backward)(dout, cache), names, sample, who, constants)

    runs = runs_in_jax(pair.forward, sample, first)

    def own(*arguments: Any) -> Any:
        return by_hand(like(forward(*arguments)), *arguments)

    traceable = runs and traced(own, sample) is not None
    plain, unlifted = _plain(pair.reference, sample), ""
    if plain is None:
        plain, unlifted = (forward, "") if runs else by_lifting(pair.forward, sample, first)
    passes = (lambda *arguments: cached(pair.forward(*arguments), pair.forward), backward)
    values = {"the reference": pair.reference} if pair.reference else {}
    return Subject(
        who,
        original,
        names,
        forward,
        {"": by_hand},
        plain,
        traceable,
        passes,
        values,
        strict=False,
        lifted=by_lifted,
        note=note,
        constants=constants,
        unsteady="" if traceable else _unsteady(forward, sample),
        unlifted=unlifted,
    )


def of_value_and_grad(
    subject: ValueAndGrad,
    sample: tuple[Any, ...],
    constants: tuple[str, ...] = (),
    note: str = "",
) -> Subject:
    """The subject of a function that returns a value and its gradients."""
    function, names = unheld(subject.function, sample), names_of(subject.function, sample)
    reference = unheld(subject.reference, sample)

    def first(returned: Any) -> Any:
        return cached(returned, function, "value, gradients")[0]

    def value(*arguments: Any) -> Any:
        return first(function(*arguments))

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        return scaled(dout, cached(function(*arguments), function, "value, gradients")[1])

    def by_lifted(dout: Any, *arguments: Any) -> Gradients:
        return scaled(dout, lifted(function)(*arguments)[1])

    def scaled(dout: Any, gradients: Any) -> Gradients:
        found = aligned(gradients, names, sample, name_of(function), constants)
        return tuple(jax.tree.map(lambda d: dout * d, gradient) for gradient in found)

    runs = runs_in_jax(function, sample, first)
    traceable = runs and traced(function, sample) is not None
    plain, unlifted = _plain(reference, sample), ""
    if plain is None:
        plain, unlifted = (value, "") if runs else by_lifting(function, sample, first)
    values = {"the reference": reference} if reference else {}
    return Subject(
        name_of(function),
        (*subject, constants),
        names,
        value,
        {"": by_hand},
        plain,
        traceable,
        values=values,
        linear=False,
        strict=False,
        lifted=by_lifted,
        note=note,
        constants=constants,
        unsteady="" if traceable else _unsteady(value, sample),
        unlifted=unlifted,
    )


def _unsteady(forward: Callable[..., Any], sample: tuple[Any, ...]) -> str:
    """Why two forward passes on the same arguments differ, if they do."""
    try:
        one, other = (forward(*copied(sample)) for _ in range(2))
    except Exception:  # raised again when it is examined
        return ""
    return "" if alike(one, other, 0.0) else UNSTEADY


def _plain(
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


def of_function(
    function: Callable[..., Any],
    reference: Any,
    arguments: tuple[Any, ...],
    constants: tuple[str, ...] = (),
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
                "traced by functools.partial"
            ) from None
        raise ConfigurationError(
            f"{name_of(function)} is not a JAX function: give Pair(forward, backward), or "
            "ValueAndGrad(function), for NumPy code; tracing it raises "
            f"{untraceable(called, arguments)}. These would do:\n{LINES}"
        )
    return Subject(
        name_of(function),
        of,
        names,
        called,
        {"": functools.partial(by_vjp, called)},
        _plain(reference, arguments) or called,
        True,
        _passes(function, names, arguments),
        {"its forward pass": lambda *arguments: value_of_vjp(called, arguments)}
        | ({"the reference": reference} if reference else {}),
        note="" if has_rule(trace) else UNRULED,
        untrained=False,
        ruled=has_rule(trace),
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

UNSTEADY = (
    "the forward pass returns different numbers for the same arguments: it draws random numbers "
    "without a seed, or keeps state; the backward pass was not examined. Draw from "
    "np.random.default_rng(0) in it, or give the random numbers as an argument"
)
