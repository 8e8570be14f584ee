"""The compiled functions of a subject, each of ((floats, others), …)."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.subjects.subject import Subject
from fnet.check.truth.arguments import (
    Layout,
    beside,
    filled,
    in_layout,
    is_float,
    is_known,
    is_none,
    of_arrays,
)
from fnet.check.truth.compiling import compiled as quickly
from fnet.check.truth.eager import evaluated
from fnet.check.truth.loops import bounded
from fnet.check.truth.plain import plainly


def compiled(subject: Subject, form: Layout, often: bool) -> dict[str, Callable[..., Any]]:
    """By name: "out"; values along a "line"; gradients by "plain" autodiff and by each route; these
    "together", or "by hand" alone with the output; and "out by" each other way to it.

    "both" computes gradients by hand and by autodiff in the dtype of the arrays; "vmap" by hand at
    many points; "rounded" by hand with arguments, dout and cache each perturbed by a relative
    amount; "frozen" the largest entry that each route returns for a frozen parameter. `often` is
    said of loops over large arrays, which are worth compiling well.
    """
    at = functools.partial(rebuilt, form)

    def differentiated(inputs: Any) -> Any:
        def of_floats(*floats: Any) -> Any:
            assert subject.plain is not None
            return _plainly(subject.plain, at((floats, inputs[1])))

        return jax.vjp(of_floats, *inputs[0])

    def of_plain(inputs: Any, dout: Any) -> Any:
        out, vjp = differentiated(inputs)
        return vjp(filled(dout, out))

    def line(inputs: Any, dout: Any, direction: Any, steps: Any) -> Any:
        def value(step: Any) -> Any:
            moved = [a + step * d for a, d in zip(inputs[0], direction, strict=True)]
            return inner(dout, subject.forward(*at((tuple(moved), inputs[1]))), jnp)

        return jax.lax.map(value, steps)

    def both(inputs: Any, dout: Any) -> Any:
        out, vjp = differentiated(inputs)
        given = filled(dout, out)
        kept = jax.tree.map(lambda d, g: None if d is None else g, dout, given, is_leaf=is_none)
        return in_layout(by_hand(kept, *at(inputs)), form), vjp(given), kept

    def together(inputs: Any, dout: Any) -> Any:
        if not subject.ruled and subject.plain is subject.forward:  # by JAX, as is every route
            out, vjp = differentiated(inputs)
            expected = vjp(filled(dout, out))
            return out, expected, dict.fromkeys(subject.routes, expected), {}
        out, _, by_routes, others = without_autodiff(inputs, dout)
        return out, of_plain(inputs, dout), by_routes, others

    def without_autodiff(inputs: Any, dout: Any) -> Any:
        by_routes = {name: of_route(by, form)(inputs, dout) for name, by in subject.routes.items()}
        others = {how: value(*at(inputs)) for how, value in subject.values.items()}
        return subject.forward(*at(inputs)), None, by_routes, others

    def frozen(inputs: Any, dout: Any) -> Any:
        by_routes = [by(dout, *at(inputs)) for by in subject.routes.values()]
        each: Any = [in_layout(gradients, form, form.frozen) for gradients in by_routes]
        return jax.tree.map(lambda gradient: jnp.abs(gradient).max(initial=0), each)

    def mapped(inputs: Any, dout: Any) -> Any:
        def one(floats: Any) -> list[Any]:
            return leaves_of(by_hand(dout, *at((floats, inputs[1]))), form, floats)

        return jax.vmap(one)(inputs[0])

    def rounded(inputs: Any, dout: Any, shares: Any) -> Any:
        number = itertools.count()

        def moved(leaf: Any) -> Any:
            if not is_float(leaf):
                return leaf
            share = jnp.resize(jnp.roll(shares, next(number)), leaf.shape)
            return leaf * (1 + share).astype(leaf.dtype)

        floats = tuple(map(moved, inputs[0]))
        arguments, given = at((floats, inputs[1])), jax.tree.map(moved, dout)
        if subject.passes is None:
            return leaves_of(by_hand(given, *arguments), form, floats)
        cache = jax.tree.map(moved, subject.passes[0](*at(inputs))[1])
        return leaves_of(subject.passes[1](given, cache, *arguments), form, floats)

    by_hand = next(iter(subject.routes.values()))
    own: dict[str, Callable[..., Any]] = {
        "out": of_value(subject.forward, form),
        "plain": of_plain,
        "line": line,
        "both": both,
        "vmap": mapped,
        "rounded": rounded,
        "together": together,
        "by hand": without_autodiff,
        "frozen": frozen,
    }
    functions = {
        **own,
        **{name: of_route(route, form) for name, route in subject.routes.items()},
        **{f"out by {how}": of_value(value, form) for how, value in subject.values.items()},
    }
    found = {name: quickly(bounded(function), often) for name, function in functions.items()}
    return found if subject.traceable else found | {"plain": evaluated(bounded(of_plain))}


def of_value(function: Callable[..., Any], form: Layout) -> Callable[..., Any]:
    """The function of (floats, others)."""
    return lambda inputs: function(*rebuilt(form, inputs))


def of_route(route: Callable[..., Any], form: Layout) -> Callable[..., Any]:
    """The gradients by this route, of ((floats, others), dout)."""
    return lambda inputs, dout: leaves_of(route(dout, *rebuilt(form, inputs)), form, inputs[0])


def rebuilt(form: Layout, inputs: tuple[Any, tuple[Any, ...]]) -> tuple[Any, ...]:
    """The arguments made of (floats, others)."""
    floats, others = inputs
    left = iter(others)
    leaves = [
        next(left) if is_known(leaf) and place not in form.places else leaf
        for place, leaf in enumerate(form.leaves)
    ]
    return form.rebuild(floats, leaves)


def _plainly(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    only, arrays = of_arrays(function, arguments)
    return plainly(only)(*arrays)


def leaves_of(gradients: Any, form: Layout, floats: Sequence[Any]) -> list[Any]:
    """The gradients of the floating-point arrays, zeros where there is none."""
    found = in_layout(gradients, form)
    if isinstance(found, str):
        raise ValueError(found)
    pairs = zip(found, floats, strict=True)
    return [np.zeros(np.shape(array)) if leaf is None else leaf for leaf, array in pairs]


def known(out: Any) -> Any:
    """The output with Python numbers as arrays."""
    return jax.tree.map(lambda y: y if is_known(y) else np.asarray(y), out)


def inner(dout: Any, out: Any, library: Any) -> Any:
    """⟨dout, out⟩ in float64."""
    total = 0.0
    for d, y in zip(beside(dout, out), jax.tree.leaves(out), strict=True):
        if d is not None:
            d = library.asarray(d)
            # Where the cotangent is 0, the output may be NaN.
            weighed = library.where(d == 0, 0.0, library.asarray(y).astype(np.float64))
            total = total + library.sum(d * weighed)
    return total
