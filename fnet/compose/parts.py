"""What compositions share: penalties and observations of their parts, checks of their inputs."""

from collections.abc import Callable
from typing import Any

import jax
from chex import Array, ArrayTree

from fnet.core import Layer, NonTrainable, Penalty, penalty
from fnet.core.containers import alike
from fnet.core.trees import is_floating, is_non_trainable, is_shape, zeros_like
from fnet.errors import ConfigurationError, ShapeError


def require_layers(name: str, *layers: Any) -> None:
    """Raise ConfigurationError unless all of these are layers."""
    for part in layers:
        if not isinstance(part, Layer):
            raise ConfigurationError(f"{name}: {part!r} is not a Layer; write relu(), not relu")


def require_several(name: str, x: Any, number: int | None = None) -> None:
    """Raise ShapeError unless x, inputs or their shapes, is a tuple of this number of them."""
    if not isinstance(x, tuple | list) or is_shape(x):
        shape = x if isinstance(x, tuple) else getattr(x, "shape", None)
        given = f"a {type(x).__name__}" if shape is None else f"a single one: {shape}"
        raise ShapeError(f"{name} takes a tuple of inputs, and was given {given}")
    if number is not None and len(x) != number:
        raise ShapeError(f"{name}: {number} layers take {number} inputs, but {len(x)} were given")


def require_floating_leaves(name: str, *trees: Any, hint: str) -> None:
    """Raise ShapeError unless every leaf can be added, and so is floating point."""
    for leaf in jax.tree.leaves(trees):
        if not is_floating(leaf):
            raise ShapeError(f"{name}: an output is {leaf.dtype}, which cannot be added; {hint}")


def penalty_of_parts(layers: tuple[Layer, ...]) -> Penalty | None:
    """The sum of the parts' penalties on a tuple of their parameters; None where none has one."""

    def value_and_grad(params: ArrayTree) -> tuple[Array, ArrayTree]:
        values, gradients = [], []
        for part, own in zip(layers, params, strict=True):
            if part.penalty is None:
                gradients.append(zeros_like(own))
            else:
                value, gradient = part.penalty.value_and_grad(own)
                values.append(value)
                gradients.append(gradient)
        return sum(values[1:], values[0]), alike(params, gradients)

    return penalty(value_and_grad) if any(part.penalty for part in layers) else None


def observe_parts(
    layers: tuple[Layer, ...], caches_of: Callable[[Any], Any]
) -> Callable[[ArrayTree, Any], ArrayTree] | None:
    """Each part observes its own cache in `caches_of(cache)`; None where no part observes."""

    def observe(params: ArrayTree, cache: Any) -> ArrayTree:
        each = zip(layers, params, caches_of(cache), strict=True)
        return alike(
            params, [part.observe(own, its) if part.observe else own for part, own, its in each]
        )

    return observe if any(part.observe for part in layers) else None


def with_observed(params: ArrayTree, observed: ArrayTree) -> ArrayTree:
    """params, with the `NonTrainable` parts of `observed` that stand at the same paths.

    What is frozen is of another type, and stays.
    """
    paths = jax.tree_util.tree_leaves_with_path(observed, is_leaf=is_non_trainable)
    fresh = {path: node for path, node in paths if type(node) is NonTrainable}

    def one(path: Any, node: Any) -> Any:
        return fresh.get(path, node) if type(node) is NonTrainable else node

    return jax.tree_util.tree_map_with_path(one, params, is_leaf=is_non_trainable)
