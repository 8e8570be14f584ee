"""Mistakes in the activations of fnet."""

import jax
import jax.numpy as jnp

from fnet.core import Layer, layer
from fnet.layers import leaky_relu, relu, sigmoid, tanh
from tests.mutants.planted import Mutant, mutant


def activation_with(right: Layer, rule) -> Layer:
    """`right`, whose dx is rule(x, y, dy)."""

    def forward(params, x, key=None):
        y = right.forward(params, x)[0]
        return y, (x, y)

    def backward(params, cache, dy):
        return (), rule(*cache, dy)

    return layer(right.init, forward, backward)


def of_activation(right, name, kinds, rule) -> Mutant:
    title = repr(right).split("(")[0]
    return mutant(f"{title}: {name}", kinds, lambda: activation_with(right, rule), (3, 7))


ACTIVATIONS = (
    of_activation(
        relu(), "mask inverted", "mask inverted", lambda x, y, dy: jnp.where(y > 0, 0, dy)
    ),
    of_activation(
        relu(), "mask of dy", "mask of another array", lambda x, y, dy: jnp.where(dy > 0, dy, 0)
    ),
    of_activation(relu(), "no mask", "derivative missing", lambda x, y, dy: dy),
    of_activation(relu(), "y < 0 for the mask", "zeros", lambda x, y, dy: jnp.where(y < 0, dy, 0)),
    of_activation(
        relu(), "mask alone", "upstream ignored", lambda x, y, dy: jnp.where(y > 0, 1.0, 0 * dy)
    ),
    of_activation(relu(), "sign", "sign", lambda x, y, dy: jnp.where(y > 0, -dy, 0)),
    of_activation(
        leaky_relu(0.3),
        "mask inverted",
        "mask inverted",
        lambda x, y, dy: jnp.where(y > 0, 0.3 * dy, dy),
    ),
    of_activation(
        leaky_relu(0.3),
        "mask of dy",
        "mask of another array",
        lambda x, y, dy: jnp.where(dy > 0, dy, 0.3 * dy),
    ),
    of_activation(
        leaky_relu(0.3),
        "slope 0",
        "derivative/term missing",
        lambda x, y, dy: jnp.where(y > 0, dy, 0),
    ),
    of_activation(
        leaky_relu(0.3),
        "slope 1 − a",
        "derivative/factor of a term",
        lambda x, y, dy: jnp.where(y > 0, dy, 0.7 * dy),
    ),
    of_activation(
        leaky_relu(0.3),
        "factor 1 − a",
        "factor",
        lambda x, y, dy: 0.7 * jnp.where(y > 0, dy, 0.3 * dy),
    ),
    of_activation(
        sigmoid(),
        "1 − y forgotten",
        "derivative/factor missing/term missing",
        lambda x, y, dy: dy * y,
    ),
    of_activation(
        sigmoid(), "of x for y", "evaluated at the input", lambda x, y, dy: dy * x * (1 - x)
    ),
    of_activation(
        sigmoid(),
        "of y for x",
        "evaluated at the output",
        lambda x, y, dy: dy * jax.nn.sigmoid(y) * (1 - jax.nn.sigmoid(y)),
    ),
    of_activation(sigmoid(), "y − 1 for 1 − y", "sign", lambda x, y, dy: dy * y * (y - 1)),
    of_activation(sigmoid(), "dy forgotten", "upstream ignored", lambda x, y, dy: y * (1 - y)),
    of_activation(sigmoid(), "dy twice", "upstream twice", lambda x, y, dy: dy**2 * y * (1 - y)),
    of_activation(
        sigmoid(), "derivative twice", "factor extra", lambda x, y, dy: dy * (y * (1 - y)) ** 2
    ),
    of_activation(tanh(), "of x for y", "evaluated at the input", lambda x, y, dy: dy * (1 - x**2)),
    of_activation(
        tanh(),
        "of y for x",
        "evaluated at the output",
        lambda x, y, dy: dy * (1 - jnp.tanh(y) ** 2),
    ),
    of_activation(tanh(), "square forgotten", "derivative", lambda x, y, dy: dy * (1 - y)),
    of_activation(tanh(), "1 + y²", "derivative/sign of a term", lambda x, y, dy: dy * (1 + y**2)),
    of_activation(tanh(), "derivative forgotten", "derivative missing", lambda x, y, dy: dy),
    of_activation(
        tanh(),
        "off by one",
        "shifted",
        lambda x, y, dy: jnp.roll(dy * (1 - y**2), 1, axis=-1),
    ),
    of_activation(
        tanh(), "one entry", "one entry", lambda x, y, dy: (dy * (1 - y**2)).at[0, 1, 2].add(0.5)
    ),
)
