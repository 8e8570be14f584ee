"""Layers without parameters whose output has the shape of the input, each from its two formulas.

Narrow floats are computed in float32 and rounded once, at the end."""

from collections.abc import Callable

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Recipe, Shape, by_itself, layer
from fnet.core.expect import require_floating, require_one_array
from fnet.core.trees import widened

Function = Callable[[Array], Array]
Gradient = Callable[[Array, Array], Array]


def of_output(name: str, f: Function, df: Gradient) -> Layer:
    """The layer y = f(x) with gradient dx = df(y, dy), where y tells the slope.

    Cache: y, which the next layer caches as its input anyway: in a chain such a layer needs no
    memory of its own.
    """

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        y = _rounded(name, f, x)
        return y, y

    return layer(_init(name), forward, _backward(df), stream=by_itself(forward))


def of_input(name: str, f: Function, df: Gradient) -> Layer:
    """The layer y = f(x) with gradient dx = df(x, dy), where y does not tell the slope.

    Cache: x, from which the recipe makes y again.
    """

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        return _rounded(name, f, x), x

    recipe = Recipe(source=lambda x: x, output=lambda x: _rounded(name, f, x))
    return layer(_init(name), forward, _backward(df), recipe=recipe, stream=by_itself(forward))


def decay(x: Array) -> Array:
    """exp(−|x|), of which nothing overflows, with the derivative of eˣ at 0."""
    return jnp.exp(jnp.where(x > 0, -x, x))


def _init(name: str) -> Callable[[PRNGKey, Shape], tuple[tuple[()], Shape]]:
    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        require_one_array(name, shape)
        return (), shape

    return init


def _rounded(name: str, f: Function, x: Array) -> Array:
    require_floating(f"{name}: x", x)
    return f(widened(x)).astype(x.dtype)


def _backward(df: Gradient) -> Callable[[tuple[()], Array, Array], tuple[tuple[()], Array]]:
    def backward(params: tuple[()], cache: Array, dy: Array) -> tuple[tuple[()], Array]:
        return (), df(widened(cache), widened(dy)).astype(dy.dtype)

    return backward
