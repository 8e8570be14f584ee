"""Tree, shape and dtype of a gradient, which must be those of its argument."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.checks.evaluator import given
from fnet.check.checks.probe import Probe
from fnet.check.checks.program_cache import Trace
from fnet.check.report import Finding
from fnet.check.truth.arguments import in_layout, is_float, is_known, kind_of, real
from fnet.check.truth.compare import compare
from fnet.errors import ConfigurationError


def shapes(probe: Probe, dout: Any, say: Callable[[str], None]) -> Iterator[Finding]:
    """Tree, shape and dtype of every gradient are those of its argument; `say` takes notes."""
    for route, gradients in probe.subject.routes.items():
        if _fit(probe, probe.traces.get(f"route {route}")):
            continue
        arguments = probe.arguments(probe.start)
        try:
            returned = gradients(given(probe, dout), *arguments)
        except (TypeError, ValueError) as error:
            if probe.subject.passes is None or route:
                if "Custom VJP bwd" not in str(error):
                    raise _not_differentiable(probe, error) from None
                yield Finding("structure", "shape", f"JAX rejects it: {error}", where=route)
                return
            _, cache = probe.subject.passes[0](*arguments)  # what JAX rejected, unwrapped
            returned = probe.subject.passes[1](given(probe, dout), cache, *arguments)
        except NotImplementedError as error:
            raise _not_differentiable(probe, error) from None
        _require_differentiated(probe, returned, arguments)
        places = (*probe.form.places, *probe.form.frozen)
        found = in_layout(returned, probe.form, places)
        if isinstance(found, str):
            yield Finding("structure", "tree", found, where=route)
            return
        wrong = [
            finding
            for leaf, place in zip(found, places, strict=True)
            if leaf is not None
            for finding in _shape(probe, leaf, place, dout, route)
        ]
        for leaf, place in zip(found, places, strict=True):
            if np.iscomplexobj(leaf) and not wrong:
                say(f"d{probe.form.called[place]}: {leaf.dtype} without imaginary part: cast it")
        yield from wrong
        if wrong:
            return


def _not_differentiable(probe: Probe, error: Exception) -> Exception:
    """What to raise for a function of JAX that has no gradient; other code raises as it does."""
    if not probe.subject.staged:
        return error
    words = (str(error).splitlines() or [type(error).__name__])[0]
    return ConfigurationError(
        f"{probe.subject.name}: JAX cannot differentiate it, and so there is no gradient to check: "
        f"{words}"
    )


def untrained(probe: Probe, dout: Any) -> Iterator[Finding]:
    """NonTrainable arrays have a zero gradient, whatever the forward pass does with them."""
    if not probe.form.frozen or not probe.subject.traceable or not probe.subject.untrained:
        return
    by_routes = probe.programs["frozen"](probe.inputs(probe.start), dout)
    for route, sizes in zip(probe.subject.routes, by_routes, strict=True):
        for place, size in zip(probe.form.frozen, sizes, strict=True):
            if size is not None and size != 0:
                words = "it is NonTrainable, and its gradient must be zeros: no optimizer moves it"
                leaf = f"d{probe.form.called[place]}"
                yield Finding("structure", "not zero", words, leaf, route)
                return


def _fit(probe: Probe, trace: Trace | None) -> bool:
    """Whether the trace alone shows that all is well; False where it is unknown."""
    if trace is None or trace.closed is None:
        return False  # running it raises its own error
    places = (*probe.form.places, *probe.form.frozen)
    found = in_layout(trace.given, probe.form, places)
    stray = any(map(_is_of_a_constant, trace.given, probe.form.rebuild(probe.start)))
    return not (isinstance(found, str) or stray) and all(
        leaf is None or (leaf.shape == probe.form.leaves[place].shape and leaf.dtype == np.float64)
        for leaf, place in zip(found, places, strict=True)
    )


def _is_of_a_constant(gradient: Any, argument: Any) -> bool:
    """Whether this is a gradient for an argument that is not differentiated."""
    differentiated = any(map(is_float, jax.tree.leaves(argument)))
    kinds = [leaf.dtype for leaf in jax.tree.leaves(gradient) if hasattr(leaf, "dtype")]
    return not differentiated and any(jnp.issubdtype(kind, jnp.floating) for kind in kinds)


def _require_differentiated(probe: Probe, returned: Any, arguments: Any) -> None:
    """Raise ConfigurationError for a gradient that would not be compared with anything."""
    for name, gradient, argument in zip(probe.subject.names, returned, arguments, strict=True):
        if _is_of_a_constant(gradient, argument) and any(
            np.any(leaf) for leaf in jax.tree.leaves(gradient)
        ):
            kind = kind_of(argument)
            raise ConfigurationError(
                f"{probe.subject.name} returns a gradient for {name}, which is {kind} and is not "
                f"differentiated: give {name}.astype(float), or return None for it"
            )


def _shape(probe: Probe, found: Any, place: int, dout: Any, route: str) -> Iterator[Finding]:
    leaf, argument = f"d{probe.form.called[place]}", probe.form.leaves[place]
    shape, wanted = np.shape(found), np.shape(argument)
    if shape != wanted:
        kind, why = "shape", ""
        if place in probe.form.places:
            number = probe.form.places.index(place)
            kind, why = _why_shape(probe, number, np.asarray(found), wanted, dout)
        words = f"it is {shape} and must be {wanted}, the shape of its argument{why}"
        yield Finding("structure", kind, words, leaf, route)
    elif is_known(found) and real(found).dtype != np.float64:
        words = (
            f"it is {found.dtype} where everything else is float64: do not cast to a fixed dtype"
        )
        yield Finding("structure", "dtype", words, leaf, route)


def _why_shape(
    probe: Probe, place: int, found: np.ndarray, wanted: tuple[int, ...], dout: Any
) -> tuple[str, str]:
    expected = probe.expected(probe.start, dout)[place]

    def same(array: np.ndarray) -> bool:
        return array.shape == wanted and not compare(array, expected).wrong.any()

    fills = found.size == math.prod(wanted) and found.shape != wanted[::-1]
    if fills and same(found.reshape(wanted)):
        return "shape", f": the numbers are right; reshape them to {wanted}"
    if found.ndim == len(wanted) + 1:
        for axis, size in enumerate(found.shape):
            if same(found.sum(axis)):
                of = "each example" if axis == 0 else f"each of the {size} along axis {axis}"
                return "not summed", f": there is one gradient for {of}; sum over axis {axis}"
    if found.shape == wanted[::-1] and same(found.T):
        return "transposed", ": it is transposed"
    if found.ndim > len(wanted):
        axes = tuple(a for a in range(found.ndim) if same(found.sum(a).reshape(-1)[: found.size]))
        if axes:
            return "not summed", f": sum over axis {axes[0]}"
    return "shape", ""
