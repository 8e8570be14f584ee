"""Gated linear units: of two linear maps of the input, one opens and closes the other."""

from typing import Any, NamedTuple

import jax
from chex import Array, PRNGKey

from fnet.core import Layer, Recipe, Shape, by_itself, layer, split
from fnet.core.expect import require, require_floating, require_key_and_shape, require_whole
from fnet.core.products import as_rows, product, transposed_product
from fnet.core.trees import is_shape, widened
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.initializers import Initializer, glorot_normal, require_initializer
from fnet.layers.activations import gelu, sigmoid
from fnet.layers.smooth import silu


class Glu(NamedTuple):
    """The parameters of `glu`, `swiglu` and `geglu`, and their gradients: w and v (M, D).

    >>> params, out_shape = glu(2).init(jax.random.key(0), (5, 3))
    >>> params.w.shape, params.v.shape, out_shape
    ((2, 3), (2, 3), (5, 2))
    """

    w: Array
    v: Array


@constructor
def glu(width: int, activation: Layer = sigmoid(), w_init: Initializer = glorot_normal) -> Layer:
    """A linear map of the last axis, gated by the activation of another.

        y  = f(a) b          a = x wᵀ      b = x vᵀ     x: (N, ..., D)   w: (M, D)   v: (M, D)
        da = dy b df/da      db = f(a) dy
        dw = daᵀ x     dv = dbᵀ x     dx = da w + db v

    y, a and b are (N, ..., M), multiplied entry by entry. f is `activation`, a layer without
    parameters; M is `width`. There are no biases. Cache: x, a and b; f(a) is computed again. Narrow
    floats are multiplied in float32. Raises ConfigurationError for an activation that is no layer,
    or has parameters, and ShapeError where x is not floating point or its last axis is not D.
    Source: Dauphin et al. (2017), Language Modeling with Gated Convolutional Networks, eq. 1,
    arXiv:1612.08083.

    >>> import jax.numpy as jnp
    >>> from fnet.layers.activations import relu
    >>> from fnet.layers.gates import Glu
    >>> params = Glu(w=jnp.array([[1.0, 1.0]]), v=jnp.array([[0.0, 2.0]]))
    >>> y, cache = glu(1, relu()).forward(params, jnp.array([[3.0, 4.0]]))
    >>> dparams, dx = glu(1, relu()).backward(params, cache, jnp.ones((1, 1)))
    >>> y.tolist(), dparams.w.tolist(), dx.tolist()
    ([[56.0]], [[24.0, 32.0]], [[8.0, 22.0]])
    """
    require_whole("glu: width", width, least=1)
    if not isinstance(activation, Layer):
        raise ConfigurationError(
            f"glu: activation is {activation!r}; it must be a Layer: sigmoid(), not sigmoid"
        )
    require_initializer("glu: w_init", w_init)

    def init(key: PRNGKey, shape: Shape) -> tuple[Glu, Shape]:
        require_key_and_shape(key, shape)
        require(
            is_shape(tuple(shape)) and len(shape) > 0,
            f"glu takes one array with a last axis of D numbers, and an example is {shape}",
        )
        inner = *shape[:-1], width
        if jax.tree.leaves(activation.init(key, inner)[0]):
            raise ConfigurationError(f"glu: {activation} has parameters; take one without")
        w, v = (w_init.draw(one, (width, shape[-1])) for one in split(key, 2))
        return Glu(w, v), inner

    def forward(params: Glu, x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        _check(params, x)
        rows = as_rows(x)
        a, b = (product(rows, w.T).reshape(*x.shape[:-1], len(w)) for w in params)
        return gated((a, b)), (x, a, b)

    def gated(products: tuple[Array, Array]) -> Array:
        a, b = widened(products)
        return (activation.forward((), a)[0] * b).astype(products[1].dtype)

    def backward(params: Glu, cache: Any, dy: Array) -> tuple[Glu, Array]:
        x, *products = cache
        a, b, wide = widened((*products, dy))
        open_, cache = activation.forward((), a)
        da = activation.backward((), cache, wide * b)[1].astype(dy.dtype)
        db = (wide * open_).astype(dy.dtype)
        da, db, rows = map(as_rows, (da, db, x))
        dx = product(da, params.w) + product(db, params.v)
        dw, dv = transposed_product(da, rows), transposed_product(db, rows)
        return Glu(dw, dv), dx.reshape(x.shape)

    recipe = Recipe(source=lambda cache: cache[1:], output=gated)
    return layer(init, forward, backward, recipe=recipe, stream=by_itself(forward))


@constructor
def swiglu(width: int, w_init: Initializer = glorot_normal) -> Layer:
    """`glu` whose gate is `silu`.

        y = silu(x wᵀ) (x vᵀ)        x: (N, ..., D)   w: (M, D)   v: (M, D)   y: (N, ..., M)

    Gradients, cache and errors are those of `glu(width, silu())`.
    Source: Shazeer (2020), GLU Variants Improve Transformer, eq. 5, arXiv:2002.05202.

    >>> swiglu(11).init(jax.random.key(0), (5, 3))[1]
    (5, 11)
    """
    require_whole("swiglu: width", width, least=1)
    return glu(width, silu(), w_init)


@constructor
def geglu(width: int, w_init: Initializer = glorot_normal) -> Layer:
    """`glu` whose gate is `gelu`.

        y = gelu(x wᵀ) (x vᵀ)        x: (N, ..., D)   w: (M, D)   v: (M, D)   y: (N, ..., M)

    Gradients, cache and errors are those of `glu(width, gelu())`.
    Source: Shazeer (2020), GLU Variants Improve Transformer, eq. 5, arXiv:2002.05202.

    >>> geglu(11).init(jax.random.key(0), (5, 3))[1]
    (5, 11)
    """
    require_whole("geglu: width", width, least=1)
    return glu(width, gelu(), w_init)


def _check(params: Glu, x: Array) -> None:
    require(
        hasattr(params, "v"),
        f"glu: params are of type {type(params).__name__}; give what init returns first, then x",
    )
    require_floating("glu: x", x)
    wanted = params.w.shape[1]
    require(
        x.ndim > 1 and x.shape[-1] == wanted,
        f"glu: x is {x.shape}, and w {params.w.shape} takes a last axis of {wanted}"
        + ("; a single example is a batch of one: x[None]" if x.shape == (wanted,) else ""),
    )
