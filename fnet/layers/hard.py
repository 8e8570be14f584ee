"""Activations made of straight pieces, or of parabolas.

At a kink the slope is that of the piece further out, which is all that the output can tell: 0 where
that is flat. Not jnp.clip or jnp.maximum, whose derivatives there are ½ or depend on the order."""

import jax.numpy as jnp
from chex import Array

from fnet.core import Layer
from fnet.core.values import constructor
from fnet.layers.elementwise import of_input, of_output


@constructor
def hard_tanh() -> Layer:
    """The input, cut off at −1 and 1.

        y  = min(max(x, −1), 1)
        dx = dy · [−1 < y < 1]

    x, y and dx have the same shape. At x = −1 and x = 1 the derivative is 0. Cache: y.
    Source: Collobert (2004), Large Scale Machine Learning.

    >>> y, cache = hard_tanh().forward((), jnp.array([-2.0, 0.5, 1.0]))
    >>> y.tolist(), hard_tanh().backward((), cache, jnp.ones(3))[1].tolist()
    ([-1.0, 0.5, 1.0], [0.0, 1.0, 0.0])
    """
    return of_output(
        "hard_tanh",
        lambda x: jnp.where(x <= -1, -1, jnp.where(x >= 1, 1, x)),
        lambda y, dy: jnp.where((y > -1) & (y < 1), dy, 0),
    )


@constructor
def relu6() -> Layer:
    """The positive part, cut off at 6.

        y  = min(max(x, 0), 6)
        dx = dy · [0 < y < 6]

    x, y and dx have the same shape. At x = 0 and x = 6 the derivative is 0. Cache: y.
    Source: Krizhevsky (2010), Convolutional Deep Belief Networks on CIFAR-10.

    >>> y, cache = relu6().forward((), jnp.array([-2.0, 3.0, 6.0]))
    >>> y.tolist(), relu6().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 3.0, 6.0], [0.0, 1.0, 0.0])
    """
    return of_output(
        "relu6",
        lambda x: jnp.where(x <= 0, 0, jnp.where(x >= 6, 6, x)),
        lambda y, dy: jnp.where((y > 0) & (y < 6), dy, 0),
    )


@constructor
def hard_sigmoid() -> Layer:
    """A sigmoid of three straight pieces.

        y  = min(max(x + 3, 0), 6) / 6
        dx = dy/6 · [0 < y < 1]

    x, y and dx have the same shape. At x = −3 and x = 3 the derivative is 0. Cache: y.
    Source: Howard et al. (2019), Searching for MobileNetV3, section 5.2, arXiv:1905.02244.

    >>> y, cache = hard_sigmoid().forward((), jnp.array([-3.0, 0.0, 9.0]))
    >>> y.tolist(), hard_sigmoid().backward((), cache, 6 * jnp.ones(3))[1].tolist()
    ([0.0, 0.5, 1.0], [0.0, 1.0, 0.0])
    """

    def forward(x: Array) -> Array:
        z = x + 3
        return jnp.where(z <= 0, 0, jnp.where(z >= 6, 1, z / 6))

    return of_output("hard_sigmoid", forward, lambda y, dy: jnp.where((y > 0) & (y < 1), dy / 6, 0))


@constructor
def hard_swish() -> Layer:
    """The input times its hard sigmoid.

        y  = x min(max(x + 3, 0), 6) / 6
        dx = dy · (0 where x ≤ −3, 1 where x ≥ 3, else (2x + 3) / 6)

    x, y and dx have the same shape. At x = −3 the derivative is 0, at x = 3 it is 1. Cache: x.
    Source: Howard et al. (2019), Searching for MobileNetV3, section 5.2, arXiv:1905.02244.

    >>> y, cache = hard_swish().forward((), jnp.array([-3.0, 0.0, 9.0]))
    >>> y.tolist(), hard_swish().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 0.0, 9.0], [0.0, 0.5, 1.0])
    """

    def pieces(x: Array, below: Array | float, between: Array, above: Array) -> Array:
        return jnp.where(x <= -3, below, jnp.where(x >= 3, above, between))

    return of_input(
        "hard_swish",
        lambda x: pieces(x, 0, x * (x + 3) / 6, x),
        lambda x, dy: pieces(x, 0, dy * (2 * x + 3) / 6, dy),
    )


@constructor
def relu_squared() -> Layer:
    """The square of the positive part.

        y  = max(0, x)²
        dx = 2 max(0, x) dy

    x, y and dx have the same shape. Cache: x, since √y has fewer digits in bfloat16.
    Source: So et al. (2021), Primer: Searching for Efficient Transformers, arXiv:2109.08668.

    >>> y, cache = relu_squared().forward((), jnp.array([-2.0, 0.0, 3.0]))
    >>> y.tolist(), relu_squared().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 0.0, 9.0], [0.0, 0.0, 6.0])
    """

    def forward(x: Array) -> Array:
        positive = jnp.where(x <= 0, 0, x)
        return positive * positive

    def gradient(x: Array, dy: Array) -> Array:
        return jnp.where(x > 0, 2 * x * dy, 0)

    return of_input("relu_squared", forward, gradient)
