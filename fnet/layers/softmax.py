"""Softmax and its logarithm, along one axis."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Layer
from fnet.core.expect import require
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.layers.elementwise import Function, Gradient, of_output


@constructor
def softmax(axis: int = -1) -> Layer:
    """Probabilities from logits.

        y  = exp(x − m) / (Σ exp(x − m))        m = max x     along the axis
        dx = y (dy − Σ dy y)

    x, y and dx have the same shape (N, ...), of which `axis` is any axis but the first: the rows of
    a batch do not mix. Sums are in float32 or wider; nothing overflows. Infinite logits have the
    probabilities of their limit: −∞ has 0, a row of −∞ alone is uniform, as any row of equal
    logits, and +∞ shares all of it with other +∞. Cache: y. Raises ConfigurationError for axis 0,
    ShapeError for an axis that x lacks.
    Source: Bridle (1990), Probabilistic Interpretation of Feedforward Classification Network
    Outputs.

    >>> x = jnp.array([[800.0, 800.0], [0.0, -jnp.inf], [-jnp.inf, -jnp.inf]])
    >>> softmax().apply((), x).tolist()
    [[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]
    """

    def forward(x: Array) -> Array:
        e = jnp.exp(_below_the_largest(x, axis))
        return e / e.sum(axis, keepdims=True)

    def gradient(y: Array, dy: Array) -> Array:
        return y * (dy - (dy * y).sum(axis, keepdims=True))

    return _along("softmax", axis, forward, gradient)


@constructor
def log_softmax(axis: int = -1) -> Layer:
    """Logarithms of probabilities from logits.

        y  = x − m − log Σ exp(x − m)        m = max x     along the axis
        dx = dy − eʸ Σ dy

    x, y and dx have the same shape (N, ...), of which `axis` is any axis but the first. Sums are in
    float32 or wider; nothing overflows. Infinite logits are as in `softmax`: a row of −∞ alone is
    −log of the axis' size, and −∞ beside a larger logit stays −∞. Cache: y. Raises
    ConfigurationError for axis 0, ShapeError for an axis that x lacks.
    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.

    >>> x = jnp.array([[0.0, 1000.0], [-jnp.inf, -jnp.inf]])
    >>> [[round(p, 4) for p in row] for row in log_softmax().apply((), x).tolist()]
    [[-1000.0, 0.0], [-0.6931, -0.6931]]
    """

    def forward(x: Array) -> Array:
        x = _below_the_largest(x, axis)
        return x - jnp.log(jnp.exp(x).sum(axis, keepdims=True))

    def gradient(y: Array, dy: Array) -> Array:
        return dy - jnp.exp(y) * dy.sum(axis, keepdims=True)

    return _along("log_softmax", axis, forward, gradient)


def _below_the_largest(x: Array, axis: int) -> Array:
    """x − max x; where the maximum is infinite, 0 for what equals it and −∞ for the rest."""
    m = jax.lax.stop_gradient(x.max(axis, keepdims=True))
    return jnp.where(jnp.isinf(m) & (x == m), 0, x - m)


def _along(name: str, axis: int, f: Function, df: Gradient) -> Layer:
    """The layer y = f(x) with gradient dx = df(y, dy), of f along this axis."""
    if not isinstance(axis, int) or isinstance(axis, bool) or axis == 0:
        raise ConfigurationError(
            f"{name}: axis is {axis!r}; it must be a whole number other than 0, the batch's axis"
        )

    def check(x: Array) -> Array:
        place = axis + x.ndim if axis < 0 else axis
        require(
            0 < place < x.ndim,
            f"{name}: x is {x.shape}, and axis {axis} is not one after the first, the batch's"
            + ("; a single example is a batch of one: x[None]" if x.ndim == 1 else ""),
        )
        require(x.shape[axis] > 0, f"{name}: x is {x.shape}, without entries along axis {axis}")
        return f(x)

    return of_output(name, check, df)
