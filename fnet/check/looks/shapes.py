"""Tree, shape and dtype of a gradient: those of what it is the gradient of."""

import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.looks.bench import given
from fnet.check.looks.kept import Trace
from fnet.check.looks.workbench import Workbench
from fnet.check.report import Finding
from fnet.check.truth.arguments import in_layout, is_float, is_known, kind_of
from fnet.check.truth.compare import compare
from fnet.errors import ConfigurationError


def shapes(bench: Workbench, dout: Any) -> Iterator[Finding]:
    """Tree, shape and dtype of every gradient are those of what it is the gradient of."""
    for route, gradients in bench.subject.routes.items():
        if _fit(bench, bench.traces.get(f"route {route}")):
            continue
        arguments = bench.arguments(bench.start)
        try:
            returned = gradients(given(bench, dout), *arguments)
        except (TypeError, ValueError) as error:
            if bench.subject.passes is None or route:
                if "Custom VJP bwd" not in str(error):
                    raise
                yield Finding("structure", "shape", f"JAX refuses it: {error}", where=route)
                return
            _, cache = bench.subject.passes[0](*arguments)  # what JAX refused, as it is
            returned = bench.subject.passes[1](given(bench, dout), cache, *arguments)
        _require_differentiated(bench, returned, arguments)
        places = (*bench.form.places, *bench.form.frozen)
        found = in_layout(returned, bench.form, places)
        if isinstance(found, str):
            yield Finding("structure", "tree", found, where=route)
            return
        wrong = [
            finding
            for leaf, place in zip(found, places, strict=True)
            if leaf is not None
            for finding in _shape(bench, leaf, place, dout, route)
        ]
        yield from wrong
        if wrong:
            return


def untrained(bench: Workbench, dout: Any) -> Iterator[Finding]:
    """What is NonTrainable has a gradient of zeros, whatever the forward pass does with it."""
    if not bench.form.frozen or not bench.subject.traceable or not bench.subject.untrained:
        return
    by_routes = bench.programs["frozen"](bench.inputs(bench.start), dout)
    for route, sizes in zip(bench.subject.routes, by_routes, strict=True):
        for place, size in zip(bench.form.frozen, sizes, strict=True):
            if size is not None and size != 0:
                words = "it is NonTrainable, and its gradient must be zeros: no optimizer moves it"
                leaf = f"d{bench.form.called[place]}"
                yield Finding("structure", "not zero", words, leaf, route)
                return


def _fit(bench: Workbench, trace: Trace | None) -> bool:
    """Whether all is well, found without computing anything; False where that is not known."""
    if trace is None or trace.closed is None:
        return False  # it is computed next, and says what it has to say
    places = (*bench.form.places, *bench.form.frozen)
    found = in_layout(trace.given, bench.form, places)
    told = any(map(_is_of_a_constant, trace.given, bench.form.rebuild(bench.start)))
    return not (isinstance(found, str) or told) and all(
        leaf is None or (leaf.shape == bench.form.leaves[place].shape and leaf.dtype == np.float64)
        for leaf, place in zip(found, places, strict=True)
    )


def _is_of_a_constant(gradient: Any, argument: Any) -> bool:
    """Whether this is a gradient of what is not differentiated."""
    differentiated = any(map(is_float, jax.tree.leaves(argument)))
    kinds = [leaf.dtype for leaf in jax.tree.leaves(gradient) if hasattr(leaf, "dtype")]
    return not differentiated and any(jnp.issubdtype(kind, jnp.floating) for kind in kinds)


def _require_differentiated(bench: Workbench, returned: Any, arguments: Any) -> None:
    """Raise ConfigurationError for a gradient that nobody compares with anything."""
    for name, gradient, argument in zip(bench.subject.names, returned, arguments, strict=True):
        if _is_of_a_constant(gradient, argument) and any(
            np.any(leaf) for leaf in jax.tree.leaves(gradient)
        ):
            kind = kind_of(argument)
            raise ConfigurationError(
                f"{bench.subject.name} returns a gradient for {name}, which is {kind} and is not "
                f"differentiated: give {name}.astype(float), or return None for it"
            )


def _shape(bench: Workbench, found: Any, place: int, dout: Any, route: str) -> Iterator[Finding]:
    leaf, argument = f"d{bench.form.called[place]}", bench.form.leaves[place]
    shape, wanted = np.shape(found), np.shape(argument)
    if shape != wanted:
        kind, why = "shape", ""
        if place in bench.form.places:
            number = bench.form.places.index(place)
            kind, why = _why_shape(bench, number, np.asarray(found), wanted, dout)
        words = f"it is {shape} and must be {wanted}, the shape of its argument{why}"
        yield Finding("structure", kind, words, leaf, route)
    elif is_known(found) and found.dtype != np.float64:
        words = (
            f"it is {found.dtype} where everything else is float64: do not cast to a fixed dtype"
        )
        yield Finding("structure", "dtype", words, leaf, route)


def _why_shape(
    bench: Workbench, place: int, found: np.ndarray, wanted: tuple[int, ...], dout: Any
) -> tuple[str, str]:
    expected = bench.expected(bench.start, dout)[place]

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
