"""The activations of every textbook: relu and its kin, sigmoid, tanh, and gelu."""

import math

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Layer
from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.layers.elementwise import of_input, of_output


@constructor
def relu() -> Layer:
    """The positive part.

        y  = max(0, x)
        dx = dy · [y > 0]

    x, y and dx have the same shape. At x = 0 the derivative is 0; a NaN stays NaN. Cache: y.
    Source: Nair & Hinton (2010), Rectified Linear Units Improve Restricted Boltzmann Machines.

    >>> y, cache = relu().forward((), jnp.array([-2.0, 0.0, 3.0]))
    >>> y.tolist(), relu().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 0.0, 3.0], [0.0, 0.0, 1.0])
    """
    # Not jnp.maximum, whose derivative at 0 is ½; and "not x <= 0" lets a NaN through.
    return of_output(
        "relu", lambda x: jnp.where(x <= 0, 0, x), lambda y, dy: jnp.where(y > 0, dy, 0)
    )


@constructor
def leaky_relu(a: float = 0.1) -> Layer:
    """The positive part, plus a fraction of the negative one.

        y  = max(a x, x)
        dx = dy · (1 where y > 0, else a)

    x, y and dx have the same shape; 0 <= a < 1, else ConfigurationError. At x = 0 the derivative
    is a. Cache: y, which has the sign of x.
    Source: Maas et al. (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models.

    >>> y, cache = leaky_relu(0.25).forward((), jnp.array([-2.0, 0.0, 3.0]))
    >>> y.tolist(), leaky_relu(0.25).backward((), cache, jnp.ones(3))[1].tolist()
    ([-0.5, 0.0, 3.0], [0.25, 0.25, 1.0])
    """
    require_number("leaky_relu: a", a, least=0, below=1)
    return of_output(
        "leaky_relu",
        lambda x: jnp.where(x > 0, x, a * x),
        lambda y, dy: jnp.where(y > 0, dy, a * dy),
    )


@constructor
def gelu(approximate: bool = False) -> Layer:
    """The input times the probability that a standard normal number is below it.

        y  = x Φ(x)
        dx = dy (Φ(x) + x φ(x))        Φ and φ: distribution and density of N(0, 1)

    With `approximate`, Φ is ½ (1 + tanh u), u = √(2/π) (x + 0.044715 x³), and φ is the slope of
    that function. x, y and dx have the same shape. y keeps its digits far below 0, where the naive
    1 + erf has none. Cache: x.
    Source: Hendrycks & Gimpel (2016), Gaussian Error Linear Units, section 2.

    >>> y, cache = gelu().forward((), jnp.array([0.0, 30.0]))
    >>> y.tolist(), gelu().backward((), cache, jnp.ones(2))[1].tolist()
    ([0.0, 30.0], [0.5, 1.0])
    """

    form = _tanh_form if approximate else _normal

    def slope(x: Array, dy: Array) -> Array:
        cdf, density = form(x)
        return dy * (cdf + x * density)

    return of_input("gelu", lambda x: x * form(x)[0], slope)


# (1 − Φ(t)) / φ(t), the Mills ratio, is u P(u) for t ≥ 0 with u = 1 / (4 + t). P's coefficients, by
# least squares at 300 Chebyshev nodes against 60 digits, are within 4e-8 of it.
MILLS = (
    *(0.999999961, 4.00003889, 14.9936936, 52.3928028, 150.688819),
    *(663.214757, -1373.86564, 16021.4931, -53897.6281, 52732.6965),
)


def _normal(x: Array) -> tuple[Array, Array]:
    """Φ(x) and φ(x), the distribution and density of N(0, 1), in float32 or wider.

    In float32 on a CPU, XLA's erfc takes four times as long as erf, and 1 + erf loses all digits
    far below 0; the Mills ratio keeps more of them than erfc does, and costs less.
    """
    density = jnp.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    if x.dtype.itemsize >= 8:
        return jax.lax.erfc(-x / math.sqrt(2)) / 2, density
    u = 1 / (4 + jnp.abs(x))
    ratio = jnp.full_like(u, MILLS[-1])
    for coefficient in MILLS[-2::-1]:
        ratio = ratio * u + coefficient
    tail = density * ratio * u
    return jnp.where(x < 0, tail, 1 - tail), density


def _tanh_form(x: Array) -> tuple[Array, Array]:
    """½ (1 + tanh u), and its slope ½ (1 − tanh² u) du/dx."""
    scale = math.sqrt(2 / math.pi)
    tanh_u = jnp.tanh(scale * (x + 0.044715 * x * x * x))
    return (1 + tanh_u) / 2, (1 - tanh_u * tanh_u) * scale * (1 + 0.134145 * x * x) / 2


@constructor
def sigmoid() -> Layer:
    """The logistic function.

        y  = σ(x) = 1 / (1 + e⁻ˣ)
        dx = dy · y (1 − y)

    x, y and dx have the same shape; no x overflows, however large. Cache: y.
    Source: Goodfellow et al., Deep Learning (2016), section 3.10.

    >>> y, cache = sigmoid().forward((), jnp.array([-1000.0, 0.0, 1000.0]))
    >>> y.tolist(), sigmoid().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.25, 0.0])
    """
    return of_output("sigmoid", jax.lax.logistic, lambda y, dy: dy * y * (1 - y))


@constructor
def tanh() -> Layer:
    """The hyperbolic tangent.

        y  = tanh x
        dx = dy (1 − y²)

    x, y and dx have the same shape. Cache: y.
    Source: LeCun et al. (1998), Efficient BackProp, section 4.4.

    >>> y, cache = tanh().forward((), jnp.array([-1000.0, 0.0, 1000.0]))
    >>> y.tolist(), tanh().backward((), cache, jnp.ones(3))[1].tolist()
    ([-1.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    """
    return of_output("tanh", jnp.tanh, lambda y, dy: dy * (1 - y * y))
