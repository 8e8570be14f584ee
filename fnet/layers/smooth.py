"""Activations without a kink. Far out none overflows, and none loses the digits that it has."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Layer
from fnet.core.limits import times
from fnet.core.values import constructor
from fnet.layers.elementwise import decay, of_input, of_output


@constructor
def silu() -> Layer:
    """The input times its own sigmoid, also called swish.

        y  = x σ(x)
        dx = dy σ(x) (1 + x σ(−x))

    x, y and dx have the same shape. y and dx keep their digits far out: σ(−x), not 1 − σ(x); at
    x = −∞ both are 0. Cache: x.
    Source: Elfwing et al. (2018), Sigmoid-Weighted Linear Units, arXiv:1702.03118.

    >>> y, cache = silu().forward((), jnp.array([-1000.0, 0.0, 50.0]))
    >>> y.tolist(), silu().backward((), cache, jnp.ones(3))[1].tolist()
    ([0.0, 0.0, 50.0], [0.0, 0.5, 1.0])
    """
    sigmoid = jax.lax.logistic

    def gradient(x: Array, dy: Array) -> Array:
        p = sigmoid(x)
        return dy * (p + times(p * sigmoid(-x), x))

    return of_input("silu", lambda x: times(sigmoid(x), x), gradient)


@constructor
def mish() -> Layer:
    """The input times the hyperbolic tangent of its softplus.

        y  = x t                 t = tanh log(1 + u) = (u² + 2u) / (u² + 2u + 2)
        dx = dy (t + x dt/dx)    dt/dx = 4 u (1 + u) / (u² + 2u + 2)²     u = eˣ

    x, y and dx have the same shape. Right of 0 the fractions are those of 1/u: nothing overflows,
    nothing cancels, and y has all its digits however far below 0; at x = −∞ both are 0. Cache: x.
    Source: Misra (2019), Mish: A Self Regularized Non-Monotonic Activation Function,
    arXiv:1908.08681.

    >>> y, cache = mish().forward((), jnp.array([-1000.0, 0.0, 50.0]))
    >>> y.tolist(), [round(d, 6) for d in mish().backward((), cache, jnp.ones(3))[1].tolist()]
    ([0.0, 0.0, 50.0], [0.0, 0.6, 1.0])
    """

    def parts(x: Array) -> tuple[Array, Array, Array]:
        """exp(−|x|), and numerator and denominator of t."""
        e = decay(x)
        top = jnp.where(x > 0, 1 + 2 * e, e * (e + 2))
        return e, top, top + 2 * jnp.where(x > 0, e * e, 1)

    def forward(x: Array) -> Array:
        _, top, bottom = parts(x)
        return times(top / bottom, x)

    def gradient(x: Array, dy: Array) -> Array:
        e, top, bottom = parts(x)
        rise = 4 * jnp.where(x > 0, e * e, e) * (1 + e) / (bottom * bottom)
        return dy * (top / bottom + times(rise, x))

    return of_input("mish", forward, gradient)


@constructor
def softplus() -> Layer:
    """A smooth positive part.

        y  = log(1 + eˣ) = max(0, x) + log(1 + exp(−|x|))
        dx = dy σ(x) = dy (1 − e⁻ʸ)

    x, y and dx have the same shape. Nothing overflows, and far below 0 y is eˣ with all its digits,
    and so is the slope. Cache: y.
    Source: Dugas et al. (2001), Incorporating Second-Order Functional Knowledge.

    >>> y, cache = softplus().forward((), jnp.array([-1000.0, 1000.0]))
    >>> y.tolist(), softplus().backward((), cache, jnp.ones(2))[1].tolist()
    ([0.0, 1000.0], [0.0, 1.0])
    """

    def forward(x: Array) -> Array:
        return jnp.where(x > 0, x, 0) + jnp.log1p(decay(x))

    return of_output("softplus", forward, lambda y, dy: -dy * jnp.expm1(-y))


@constructor
def log_sigmoid() -> Layer:
    """The logarithm of the logistic function.

        y  = log σ(x) = min(0, x) − log(1 + exp(−|x|))
        dx = dy σ(−x) = dy (1 − eʸ)

    x, y and dx have the same shape. y is x far below 0, and −e⁻ˣ with all its digits far above.
    Cache: y.
    Source: Goodfellow et al., Deep Learning (2016), section 3.10.

    >>> y, cache = log_sigmoid().forward((), jnp.array([-1000.0, 0.0]))
    >>> [round(value, 4) for value in y.tolist()]
    [-1000.0, -0.6931]
    >>> log_sigmoid().backward((), cache, jnp.ones(2))[1].tolist()
    [1.0, 0.5]
    """

    def forward(x: Array) -> Array:
        # "x <= 0", so that autodiff's slope at 0 is 1 − ½.
        return jnp.where(x <= 0, x, 0) - jnp.log1p(decay(x))

    return of_output("log_sigmoid", forward, lambda y, dy: -dy * jnp.expm1(y))


@constructor
def softsign() -> Layer:
    """A sigmoid that approaches its limits slowly.

        y  = x / (1 + |x|)
        dx = dy (1 − |y|)²

    x, y and dx have the same shape. y is ±1 at x = ±∞. The slope is within two roundings of y:
    absolutely, not relatively, where |y| is near 1. Cache: y.
    Source: Glorot & Bengio (2010), Understanding the difficulty of training deep networks.

    >>> y, cache = softsign().forward((), jnp.array([-1.0, 0.0, 3.0]))
    >>> y.tolist(), softsign().backward((), cache, jnp.ones(3))[1].tolist()
    ([-0.5, 0.0, 0.75], [0.25, 1.0, 0.0625])
    """

    def forward(x: Array) -> Array:
        return jnp.where(jnp.isinf(x), jnp.sign(x), x / (1 + jnp.abs(x)))

    return of_output("softsign", forward, lambda y, dy: dy * (1 - jnp.abs(y)) ** 2)
