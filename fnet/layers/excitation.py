"""Squeeze-and-excitation: channels weighted by what an image has of all of them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, layer, split
from fnet.core.expect import require, require_floating, require_key_and_shape, require_whole
from fnet.core.products import product, transposed_product
from fnet.core.trees import cast_like, is_shape, widened
from fnet.core.values import constructor
from fnet.initializers import Initializer, he_normal, require_initializer


class Excitation(NamedTuple):
    """The parameters of `squeeze_excitation`, and their gradients.

    w (H, C) and b (H,) make the hidden numbers of an example; v (C, H) and c (C,) the gates.

    >>> params, _ = squeeze_excitation(2).init(jax.random.key(0), (5, 7, 6))
    >>> params.w.shape, params.v.shape
    ((3, 6), (6, 3))
    """

    w: Array
    b: Array
    v: Array
    c: Array


class Squeezed(NamedTuple):
    """What `squeeze_excitation` caches beside x: means and gates (N, C), hidden numbers (N, H)."""

    mean: Array
    hidden: Array
    gate: Array


@constructor
def squeeze_excitation(reduction: int = 16, w_init: Initializer = he_normal) -> Layer:
    """Each channel times a gate from 0 to 1, which depends on the averages of all channels.

        s  = Σ_P x / P     h = max(0, s wᵀ + b)     g = σ(h vᵀ + c)     y = g x
        dg = Σ_P dy x      da = dg g (1 − g)        dh = (da v) [h > 0]
        dw = dhᵀ s         db = Σ_N dh              dv = daᵀ h          dc = Σ_N da
        dx = g dy + dh w / P

    x, y and dx: (N, d1, ..., dr, C) with P = d1 ··· dr places; s and g: (N, C), h: (N, H), where H
    is C / `reduction` rounded down, at least 1; w: (H, C), v: (C, H). It is written into a block
    before its output is added: `residual(conv(64), relu(), conv(64), squeeze_excitation())`. w and
    v are drawn by `w_init`; b and c begin at zero, so that gates begin near a half.

    Everything but x is computed in float32 or wider. Cache: x, s, h and g. Raises
    ConfigurationError for a reduction that is not a whole number of at least 1, and ShapeError
    where x is not floating point, has other channels, or nothing between batch and channels.
    Source: Hu et al. (2018), Squeeze-and-Excitation Networks, equations 2 to 4, arXiv:1709.01507.

    >>> layer, x = squeeze_excitation(), jnp.array([[[2.0], [4.0]]])
    >>> params, _ = layer.init(jax.random.key(0), (2, 1))
    >>> params = type(params)(*map(jnp.array, ([[1.0]], [-3.0], [[9.0]], [0.0])))
    >>> y, cache = layer.forward(params, x)
    >>> dparams, dx = layer.backward(params, cache, jnp.ones((1, 2, 1)))
    >>> y.ravel().tolist(), dparams.c.tolist(), dx.ravel().tolist()
    ([1.0, 2.0], [1.5], [0.5, 0.5])
    """
    require_whole("squeeze_excitation: reduction", reduction, least=1)
    require_initializer("squeeze_excitation: w_init", w_init)

    def init(key: PRNGKey, shape: Shape) -> tuple[Excitation, Shape]:
        require_key_and_shape(key, shape)
        require(
            is_shape(tuple(shape)) and len(shape) > 1 and min(shape[:-1]) > 0,
            f"squeeze_excitation: an example is {shape}; it must have entries between the batch "
            "and the channels: (32, 32, 3)",
        )
        channels = shape[-1]
        hidden = max(channels // reduction, 1)
        first, second = split(key, 2)
        w, v = w_init.draw(first, (hidden, channels)), w_init.draw(second, (channels, hidden))
        return Excitation(w, jnp.zeros(hidden, w.dtype), v, jnp.zeros(channels, v.dtype)), shape

    def forward(
        params: Excitation, x: Array, key: PRNGKey | None = None
    ) -> tuple[Array, tuple[Array, Squeezed]]:
        _check(params, x)
        w, b, v, c = widened(params)
        mean = widened(_places(x)).mean(axis=1).astype(w.dtype)
        total = product(mean, w.T) + b[None]
        hidden = jnp.where(total > 0, total, 0)
        gate = jax.lax.logistic(product(hidden, v.T) + c[None])
        y = widened(_places(x)) * gate[:, None]
        return y.astype(x.dtype).reshape(x.shape), (x, Squeezed(mean, hidden, gate))

    def backward(
        params: Excitation, cache: tuple[Array, Squeezed], dy: Array
    ) -> tuple[Excitation, Array]:
        x, (mean, hidden, gate) = cache
        w, _, v, _ = widened(params)
        wide, given = widened((_places(dy), _places(x)))
        da = (wide * given).sum(axis=1) * gate * (1 - gate)
        dh = jnp.where(hidden > 0, product(da, v), 0)
        sums = transposed_product(dh, mean), dh.sum(0), transposed_product(da, hidden), da.sum(0)
        dx = wide * gate[:, None] + product(dh, w)[:, None] / wide.shape[1]
        dparams: Excitation = cast_like(Excitation(*sums), params)
        return dparams, dx.astype(x.dtype).reshape(x.shape)

    return layer(init, forward, backward)


def _places(x: Array) -> Array:
    """(N, P, C)"""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def _check(params: Any, x: Array) -> None:
    require(
        hasattr(params, "v"),
        f"squeeze_excitation: params are of type {type(params).__name__}; give what init returns "
        "first, then x",
    )
    require_floating("squeeze_excitation: x", x, ": convert it, or rescale images")
    wanted = params.w.shape[1]
    require(
        x.ndim > 2 and x.shape[-1] == wanted,
        f"squeeze_excitation: x is {x.shape}, and w {params.w.shape} takes a batch of images with "
        f"{wanted} channels last: (N, H, W, {wanted})",
    )
