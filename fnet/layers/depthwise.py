"""Depthwise convolution, each channel on its own, and the separable one that mixes them after."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, columns, layer, split
from fnet.core.convolving import correlate, kernel_gradient, spread
from fnet.core.products import as_rows, product, transposed_product
from fnet.core.values import constructor
from fnet.core.windows import Padding, Sizes, Windows, check_windows, lay
from fnet.initializers import Initializer, he_normal
from fnet.layers.kernels import (
    check_input,
    check_kernel,
    convolution,
    drawn_kernel,
    require_image,
    zero_bias,
)
from fnet.layers.penalties import l2_penalty


@constructor
def depthwise_conv(
    window: Sizes = 3,
    *,
    multiplier: int = 1,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    bias: bool = True,
    w_init: Initializer = he_normal,
    l2: float = 0.0,
) -> Layer:
    """Every channel is convolved on its own, with `multiplier` r kernels of its own.

        y[o, e]     = b[e] + Σ_k x[s o + d k − p, c] w[k, 0, e]     x: (N, n..., C)
        dw[k, 0, e] = Σ_N Σ_o x[s o + d k − p, c] dy[o, e]          y: (N, m..., r C)
        dx[i, c]    = Σ_o Σ_k Σ_e dy[o, e] w[k, 0, e]               w: (window..., 1, r C)
        db          = Σ_N Σ_o dy[o]                                 b: (r C,)

    Output e is made of channel c = ⌊e / r⌋ alone, and dx sums where s o + d k − p = i. It is
    `conv` with width r C and as many groups as channels; the other arguments, the sizes m, and what
    is raised are those of `conv`. keras' kernel is (window..., C, r), which is this one reshaped.

    dtype: that of x and w; sums are in float32 or wider. Cache: x. Source: Howard et al. (2017),
    MobileNets, section 3.1, arXiv:1704.04861.

    >>> import jax.numpy as jnp
    >>> from fnet.layers.kernels import Conv
    >>> layer, x = depthwise_conv(2, padding="valid"), jnp.array([[[1.0, 3.0], [2.0, 4.0]]])
    >>> params = Conv(w=jnp.array([[[1.0, 2.0]], [[10.0, 20.0]]]), b=jnp.zeros(2))
    >>> y, cache = layer.forward(params, x)
    >>> dparams, dx = layer.backward(params, cache, jnp.ones((1, 1, 2)))
    >>> y.tolist(), dparams.w[:, 0].tolist(), dx.tolist()
    ([[[21.0, 86.0]]], [[1.0, 3.0], [2.0, 4.0]], [[[1.0, 2.0], [10.0, 20.0]]])
    """
    check_kernel("depthwise_conv", w_init, bias, multiplier=multiplier)
    check_windows("depthwise_conv", window, stride, padding, dilation)

    def windows_over(inputs: tuple[int, ...]) -> Windows:
        return lay("depthwise_conv", inputs, window, stride, padding, dilation)

    return convolution(
        "depthwise_conv",
        windows_over,
        lambda channels: (channels, channels * multiplier),
        lambda w: int(w.shape[-1] // multiplier),
        bias,
        w_init,
        l2,
    )


class Separable(NamedTuple):
    """The parameters of `separable_conv`, and their gradients.

    >>> import jax
    >>> params, _ = separable_conv(5).init(jax.random.key(0), (32, 32, 3))
    >>> params.depthwise.shape, params.pointwise.shape, params.b.shape
    ((3, 3, 1, 3), (3, 5), (5,))
    """

    depthwise: Array
    pointwise: Array
    b: Array | None


@constructor
def separable_conv(
    width: int,
    window: Sizes = 3,
    *,
    multiplier: int = 1,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    bias: bool = True,
    w_init: Initializer = he_normal,
    l2: float = 0.0,
) -> Layer:
    """A depthwise convolution without bias, then a weighted sum of its channels.

        h = depthwise_conv(u, x)    y = h w + b         x: (N, n..., C)   h: (N, m..., r C)
        dw = Σ_N Σ_o h[o]ᵀ dy[o]    dh = dy wᵀ          y: (N, m..., M)   w: (r C, M)
        db = Σ_N Σ_o dy[o]                              u: (window..., 1, r C)   b: (M,)

    du and dx are those of `depthwise_conv` at dh. M is `width` and r the `multiplier`; the other
    arguments and what is raised are those of `depthwise_conv`. The penalty of `l2` = λ is
    λ (Σ u² + Σ w²).

    dtype: that of x and the kernels; sums are in float32 or wider. Cache: x and h. Source: Chollet
    (2017), Xception, section 1, arXiv:1610.02357.

    >>> import jax
    >>> layer, x = separable_conv(5), jax.numpy.ones((2, 8, 8, 3))
    >>> params, out_shape = layer.init(jax.random.key(0), (8, 8, 3))
    >>> y, (x, h) = layer.forward(params, x)
    >>> y.shape, h.shape
    ((2, 8, 8, 5), (2, 8, 8, 3))
    """
    name = "separable_conv"
    check_kernel(name, w_init, bias, width=width, multiplier=multiplier)
    check_windows(name, window, stride, padding, dilation)

    def windows_over(inputs: tuple[int, ...]) -> Windows:
        return lay(name, inputs, window, stride, padding, dilation)

    def init(key: PRNGKey, shape: Shape) -> tuple[Separable, Shape]:
        inputs, channels = require_image(name, key, shape)
        windows, between = windows_over(inputs), channels * multiplier
        first, second = split(key, 2)
        depthwise = drawn_kernel(first, w_init, (*windows.sizes, 1, between))
        pointwise = drawn_kernel(second, w_init, (between, width))
        b = zero_bias(bias, width, pointwise)
        return Separable(depthwise, pointwise, b), (*windows.outputs, width)

    def forward(
        params: Separable, x: Array, key: PRNGKey | None = None
    ) -> tuple[Array, tuple[Array, Array]]:
        check_input(name, params, x, lambda w: w.shape[-1] // multiplier)
        windows = windows_over(x.shape[1:-1])
        h = correlate(x, params.depthwise, None, windows, x.shape[-1])
        y = product(as_rows(h), params.pointwise).reshape(*h.shape[:-1], width)
        return y if params.b is None else y + columns(params.b, y), (x, h)

    def backward(
        params: Separable, cache: tuple[Array, Array], dy: Array
    ) -> tuple[Separable, Array]:
        x, h = cache
        windows, channels = windows_over(x.shape[1:-1]), x.shape[-1]
        dh = product(as_rows(dy), params.pointwise.T).reshape(h.shape)
        du, _ = kernel_gradient(x, dh, windows, channels, bias=False)
        dw = transposed_product(as_rows(dy), as_rows(h)).T
        db = None if params.b is None else jnp.sum(dy, range(dy.ndim - 1))
        return Separable(du, dw, db), spread(dh, params.depthwise, None, windows, channels)

    return layer(init, forward, backward, l2_penalty(name, l2, weights=2))
