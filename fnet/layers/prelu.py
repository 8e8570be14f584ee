"""The leaky relu whose slope is learned."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, columns, layer
from fnet.core.expect import (
    require,
    require_floating,
    require_key_and_shape,
    require_number,
)
from fnet.core.trees import is_shape, widened
from fnet.core.values import constructor


class Prelu(NamedTuple):
    """The parameters of `prelu`, and their gradients: a (C,), one slope per channel.

    >>> import jax
    >>> prelu().init(jax.random.key(0), (2, 3))[0].a.tolist()
    [0.25, 0.25, 0.25]
    """

    a: Array


@constructor
def prelu(a: float = 0.25) -> Layer:
    """The positive part, plus a learned fraction of the negative one, per channel.

        y  = max(0, x) + a min(0, x)                    x: (N, ..., C)   a: (C,)
        da = Σ dy min(0, x)        over all axes but the last
        dx = dy · (1 where x > 0, else a)

    y and dx have the shape of x; every a begins at the given number, else ConfigurationError. At
    x = 0 the derivative is a, as that of `leaky_relu`. da is summed in float32 or wider. Cache: x.
    Raises ShapeError where x is not floating point or has other than C channels.
    Source: He et al. (2015), Delving Deep into Rectifiers, section 2.1, arXiv:1502.01852.

    >>> from fnet.layers.prelu import Prelu
    >>> params, x = Prelu(jnp.array([0.25])), jnp.array([[-2.0], [3.0]])
    >>> y, cache = prelu().forward(params, x)
    >>> dparams, dx = prelu().backward(params, cache, jnp.ones((2, 1)))
    >>> y.tolist(), dparams.a.tolist(), dx.tolist()
    ([[-0.5], [3.0]], [-2.0], [[0.25], [1.0]])
    """
    require_number("prelu: a", a)

    def init(key: PRNGKey, shape: Shape) -> tuple[Prelu, Shape]:
        require_key_and_shape(key, shape)
        require(
            is_shape(tuple(shape)) and len(shape) > 0,
            f"prelu takes one array with a last axis of channels, and an example is {shape}",
        )
        return Prelu(jnp.full(shape[-1], a, float)), shape

    def forward(params: Prelu, x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        _check(params, x)
        slope, wide = widened((columns(params.a, x), x))
        return jnp.where(wide > 0, wide, slope * wide).astype(x.dtype), x

    def backward(params: Prelu, x: Array, dy: Array) -> tuple[Prelu, Array]:
        slope, wide, dwide = widened((columns(params.a, x), x, dy))
        da = jnp.where(wide > 0, 0, dwide * wide).sum(range(x.ndim - 1))
        dx = jnp.where(wide > 0, dwide, slope * dwide)
        return Prelu(da.astype(params.a.dtype)), dx.astype(x.dtype)

    return layer(init, forward, backward)


def _check(params: Prelu, x: Array) -> None:
    require(
        hasattr(params, "a"),
        f"prelu: params are of type {type(params).__name__}; give what init returns first, then x",
    )
    require_floating("prelu: x", x)
    require(
        x.shape[-1:] == params.a.shape,
        f"prelu: x is {x.shape}, and a {params.a.shape} takes that many channels, the last axis",
    )
