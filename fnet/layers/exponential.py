"""Activations that are linear above 0 and approach a floor exponentially below."""

import jax.numpy as jnp
from chex import Array

from fnet.core import Layer
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.layers.elementwise import of_output


def _exponential(name: str, scale: float, floor: float, length: float) -> Layer:
    """y = scale · x for x > 0, else floor (e^(x / length) − 1); by expm1, exact near 0."""

    def forward(x: Array) -> Array:
        below = jnp.where(x > 0, 0, x)  # e^x of a large x, though not taken, would spoil autodiff
        return jnp.where(x > 0, scale * x, floor * jnp.expm1(below / length))

    def gradient(y: Array, dy: Array) -> Array:
        # A narrow y may be rounded to just below −floor.
        return dy * jnp.where(y > 0, scale, jnp.maximum(y + floor, 0) / length)

    return of_output(name, forward, gradient)


@constructor
def elu(a: float = 1.0) -> Layer:
    """The exponential linear unit.

        y  = x where x > 0, else a (eˣ − 1)
        dx = dy · (1 where y > 0, else y + a)

    x, y and dx have the same shape; a >= 0, else ConfigurationError. At x = 0 the derivative is a.
    Near 0 y has all its digits; far below, y + a has those that y keeps beside a. Cache: y.
    Source: Clevert et al. (2016), Fast and Accurate Deep Network Learning by Exponential Linear
    Units, arXiv:1511.07289.

    >>> y, cache = elu(0.5).forward((), jnp.array([-1000.0, 0.0, 3.0]))
    >>> y.tolist(), elu(0.5).backward((), cache, jnp.ones(3))[1].tolist()
    ([-0.5, 0.0, 3.0], [0.0, 0.5, 1.0])
    """
    require_number("elu: a", a, least=0)
    return _exponential("elu", 1.0, a, 1.0)


@constructor
def celu(a: float = 1.0) -> Layer:
    """The exponential linear unit whose slope has no jump.

        y  = x where x > 0, else a (exp(x / a) − 1)
        dx = dy · (1 where y > 0, else y / a + 1)

    x, y and dx have the same shape; a > 0, else ConfigurationError. Cache: y.
    Source: Barron (2017), Continuously Differentiable Exponential Linear Units, arXiv:1704.07483.

    >>> y, cache = celu(0.5).forward((), jnp.array([-1000.0, 0.0, 3.0]))
    >>> y.tolist(), celu(0.5).backward((), cache, jnp.ones(3))[1].tolist()
    ([-0.5, 0.0, 3.0], [0.0, 1.0, 1.0])
    """
    require_number("celu: a", a, above=0)
    return _exponential("celu", 1.0, a, a)


LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772  # mean 0 and variance 1 reproduce themselves


@constructor
def selu() -> Layer:
    """The exponential linear unit that normalises itself.

        y  = λ x where x > 0, else λ α (eˣ − 1)
        dx = dy · (λ where y > 0, else y + λ α)

    λ = 1.0507... and α = 1.6733... keep mean 0 and variance 1. x, y and dx have the same shape. At
    x = 0 the derivative is λ α. Cache: y.
    Source: Klambauer et al. (2017), Self-Normalizing Neural Networks, arXiv:1706.02515.

    >>> y, cache = selu().forward((), jnp.array([-1000.0, 0.0, 1.0]))
    >>> [round(value, 4) for value in y.tolist()]
    [-1.7581, 0.0, 1.0507]
    """
    return _exponential("selu", LAMBDA, LAMBDA * ALPHA, 1.0)
