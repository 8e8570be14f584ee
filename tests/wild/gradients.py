"""A case as one number of its entries, and the gradient of that number by the case's own rule."""

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case


class Weighted(NamedTuple):
    """The sum of a case's outputs with random weights, as a function of its leaves.

    `places` are the leaves that have a gradient, `gradients` theirs, `weights` those of the outputs
    that are floating-point, None of others.
    """

    total: Callable[[list[Any]], float]
    leaves: list[Any]
    places: list[int]
    gradients: list[np.ndarray]
    weights: list[Any]
    outputs: list[Any]


def weighted(case: Case, dtype: Any = np.float64) -> Weighted:
    """The case as that sum; in float64, which the caller enables. The gradients are computed in
    this dtype, at arguments that it can represent."""
    leaves, tree = jax.tree.flatten(case.arguments)
    leaves = [np.asarray(leaf, dtype) if _is_float(leaf) else leaf for leaf in leaves]

    def arguments(of: list[Any]) -> tuple[Any, ...]:
        # A function may write into its argument.
        return jax.tree.unflatten(tree, [np.array(x) if _is_array(x) else x for x in of])

    if isinstance(case.subject, Pair | ValueAndGrad):
        return _by_hand(case.subject, leaves, arguments)
    return _by_rule(case.subject, leaves, arguments)


def moved(case: Case, point: dict[str, Any]) -> Case:
    """The case at another point: an array for each leaf that has a gradient, in their order."""
    leaves, tree = jax.tree.flatten(case.arguments)
    with jax.enable_x64(True):
        places = weighted(case).places
    for place, array in zip(places, point.values(), strict=True):
        leaves[place] = np.asarray(array).reshape(np.shape(leaves[place]))
    return case._replace(arguments=jax.tree.unflatten(tree, leaves))


def _by_hand(subject: Any, leaves: list[Any], arguments: Callable[..., Any]) -> Weighted:
    def outputs(of: list[Any]) -> list[Any]:
        function = subject[0]
        return jax.tree.leaves(function(*arguments(of))[0])

    given = arguments(leaves)
    returned, rest = subject[0](*given)
    if isinstance(subject, Pair):
        weights = jax.tree.map(_weights(), returned)
        found = subject.backward(weights, rest)
    else:
        weights, found = 1.0, rest
    names = tuple(inspect.signature(subject[0]).parameters)
    per_leaf = _per_leaf(found, given, names)
    places = [place for place, gradient in enumerate(per_leaf) if gradient is not None]
    flat = jax.tree.leaves(weights)
    leaves = _wide(leaves)
    return Weighted(
        lambda of: _sum(flat, outputs(of)),
        leaves,
        places,
        [np.asarray(per_leaf[place], np.float64) for place in places],
        flat,
        outputs(leaves),
    )


def _by_rule(function: Any, leaves: list[Any], arguments: Callable[..., Any]) -> Weighted:
    """A JAX function, by the custom rules that it has."""
    places = [place for place, leaf in enumerate(leaves) if _is_float(leaf)]

    def outputs(*floats: Any) -> list[Any]:
        tree = jax.tree.structure(given)
        changed = list(jax.tree.leaves(given))
        for place, leaf in zip(places, floats, strict=True):
            changed[place] = leaf
        return jax.tree.leaves(function(*jax.tree.unflatten(tree, changed)))

    given = arguments(leaves)
    floats = [jnp.asarray(leaves[place]) for place in places]
    out, vjp = jax.vjp(outputs, *floats)
    draw = _weights()
    weights = [draw(y) if _is_float(y) else None for y in out]
    cotangents = [
        jnp.asarray(w, y.dtype) if w is not None else np.zeros(y.shape, jax.dtypes.float0)
        for w, y in zip(weights, out, strict=True)
    ]
    gradients = [np.asarray(gradient, np.float64) for gradient in vjp(cotangents)]
    leaves = _wide(leaves)
    try:
        fast = jax.jit(outputs)
        out = fast(*(leaves[place] for place in places))
    except jax.errors.JAXTypeError:
        fast = outputs

    def total(of: list[Any]) -> float:
        return _sum(weights, fast(*(of[place] for place in places)))

    return Weighted(total, leaves, places, gradients, weights, out)


def _wide(leaves: list[Any]) -> list[Any]:
    return [np.float64(leaf) if _is_float(leaf) else leaf for leaf in leaves]


def _weights() -> Callable[[Any], Any]:
    rng = np.random.default_rng(16)
    return lambda y: rng.normal(size=np.shape(y)).astype(np.asarray(y).dtype)


def _sum(weights: list[Any], outputs: list[Any]) -> float:
    """Not finite where an output is not, since then it has no slope."""
    pairs = [(w, np.float64(y)) for w, y in zip(weights, outputs, strict=True) if w is not None]
    return math.fsum(float(np.sum(w * y)) for w, y in pairs) if pairs else math.nan


def _per_leaf(found: Any, given: tuple[Any, ...], names: tuple[str, ...]) -> list[Any]:
    """The gradient of each leaf, or None: from a dict by name, one per argument, or one each of
    those that are floating-point."""
    wanted = [any(map(_is_float, jax.tree.leaves(argument))) for argument in given]
    known = {f"d{name}" for name in names} | set(names)
    if isinstance(found, dict) and set(found) <= known:
        found = tuple(found.get(f"d{name}", found.get(name)) for name in names)
    elif not isinstance(found, tuple | list) or isinstance(given[0], type(found)):
        found = (found,)
    if len(found) != len(given):
        left = iter(found)
        found = tuple(next(left) if want else None for want in wanted)
    per_leaf: list[Any] = []
    for argument, gradient in zip(given, found, strict=True):
        count = len(jax.tree.leaves(argument))
        leaves = jax.tree.leaves(gradient, is_leaf=lambda node: node is None)
        per_leaf += [None] * count if gradient is None else leaves
    return per_leaf


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic)


def _is_float(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return isinstance(leaf, float)
    return bool(jnp.issubdtype(dtype, jnp.floating))
