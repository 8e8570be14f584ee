"""The affine layer: a weighted sum and a bias."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, Stream, columns, layer
from fnet.core.expect import require, require_bool, require_key_and_shape, require_whole
from fnet.core.products import by_rows, product, transposed_product
from fnet.core.trees import is_shape
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.initializers import Initializer, he_normal, require_initializer
from fnet.layers.flattening import check_rows, kept_axes, rows_of
from fnet.layers.penalties import l2_penalty


class Affine(NamedTuple):
    """The parameters of `affine`, and their gradients: w (M, D), and b (M,) or None.

    >>> import jax
    >>> params, _ = affine(2).init(jax.random.key(0), (3,))
    >>> params.w.shape, params.b.tolist()
    ((2, 3), [0.0, 0.0])
    """

    w: Array
    b: Array | None


@constructor
def affine(
    width: int,
    w_init: Initializer = he_normal,
    l2: float = 0.0,
    bias: bool = True,
    axes: int | None = None,
) -> Layer:
    """Every output is a weighted sum of all inputs, plus a bias.

        y  = x wᵀ + b                        x: (N, D)   w: (M, D)   b: (M,)   y: (N, M)
        dw = dyᵀ x     db = Σ_N dy     dx = dy w

    Trailing axes of x are flattened first, so x may be (N, d1, ..., dk) with D = d1 ··· dk; dx has
    the shape of x. With `axes` only so many of the last axes are, and every place along the others
    is a row: with axes=1 x is (N, ..., D) and y (N, ..., M). M is `width`; b begins at zero, and is
    left out where `bias` is False. With `l2` = λ > 0 the layer's penalty is λ Σ w², of gradient
    2λw; b is not penalised.

    Cache: x. Raises ShapeError where x is not floating point or has other than D numbers per row.
    Source: Goodfellow et al., Deep Learning (2016), algorithm 6.4 and section 7.1.1.

    >>> from fnet.layers.affine import Affine
    >>> params, x = Affine(w=jnp.array([[1.0, 2.0]]), b=jnp.array([0.5])), jnp.array([[3.0, 4.0]])
    >>> y, cache = affine(1).forward(params, x)
    >>> dparams, dx = affine(1).backward(params, cache, jnp.ones((1, 1)))
    >>> y.tolist(), dparams.w.tolist(), dx.tolist()
    ([[11.5]], [[3.0, 4.0]], [[1.0, 2.0]])
    """
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise ConfigurationError(f"affine: width is {width!r}; it must be a whole number above 0")
    require_initializer("affine: w_init", w_init)
    require_bool("affine: bias", bias)
    if axes is not None:
        require_whole("affine: axes", axes, least=1)

    def init(key: PRNGKey, shape: Shape) -> tuple[Affine, Shape]:
        require_key_and_shape(key, shape)
        require(is_shape(tuple(shape)), f"affine takes one array, and an example is {shape}")
        kept = kept_axes(axes, len(shape) + 1) - 1
        w = w_init.draw(key, (width, math.prod(shape[kept:])))
        return Affine(w, jnp.zeros(width, w.dtype) if bias else None), (*shape[:kept], width)

    def forward(params: Affine, x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        check_rows(params, x, axes)
        return step(params, params.w.T, x)[0], x

    def step(params: Affine, turned: Array, x: Array) -> tuple[Array, Array]:
        y = product(rows_of(params, x), turned)
        y = y if params.b is None else y + columns(params.b, y)
        return y.reshape(*x.shape[: kept_axes(axes, x.ndim)], len(params.w)), turned

    def backward(params: Affine, x: Array, dy: Array) -> tuple[Affine, Array]:
        dy = dy.reshape(-1, len(params.w))
        dx = product(dy, params.w).reshape(x.shape)
        db = None if params.b is None else dy.sum(0)
        return Affine(transposed_product(dy, rows_of(params, x)), db), dx

    # In a stream w is turned once: XLA multiplies a single row by it in a fraction of the time.
    # Without `axes` there is none, since steps are flattened.
    stream = None if axes is None else Stream(lambda params, *_: by_rows(params.w.T), step)
    return layer(init, forward, backward, l2_penalty("affine", l2), stream=stream)
