"""Transposed convolution: the gradient of a convolution as a forward pass."""

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.convolving import correlate, kernel_gradient, spread
from fnet.core.expect import require_whole
from fnet.core.values import constructor
from fnet.core.windows import Padding, Sizes, Windows, check_windows, lay_transposed, per_axis
from fnet.errors import ConfigurationError
from fnet.initializers import Initializer, he_normal
from fnet.layers.kernels import (
    Conv,
    check_input,
    check_kernel,
    drawn_kernel,
    require_groups,
    require_image,
    zero_bias,
)
from fnet.layers.penalties import l2_penalty


@constructor
def conv_transpose(
    width: int,
    window: Sizes = 3,
    *,
    stride: Sizes = 1,
    padding: Padding = "same",
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    w_init: Initializer = he_normal,
    l2: float = 0.0,
) -> Layer:
    """Every input is spread over a window of the output; with a stride, images grow.

        y[i]  = b + Σ_o Σ_k x[o] w[k]ᵀ where s o + d k − p = i
        dx[o] = Σ_k dy[s o + d k − p] w[k]              x: (N, n..., C)   y: (N, m..., M)
        dw[k] = Σ_N Σ_o dy[s o + d k − p]ᵀ x[o]         w: (window..., M / groups, C)
        db    = Σ_N Σ_i dy[i]                           b: (M,)

    This is dx of the `conv` that has the same kernel and takes y's shape to x's; M is `width`.
    Of each axis with n entries, windows of k taps, stride s and dilation d, the output has

        m = n s                                         where padding is same or causal
        m = (n − 1) s + d (k − 1) + 1 − p − q + r       else, with r of output padding

    Of what would go beyond n s, "same" cuts half from each end, the odd one behind; "causal" cuts
    it behind alone, so that no output depends on inputs behind it. `output_padding`, below the
    stride, adds outputs behind; it and a number for `padding` are PyTorch's of the same names.
    Where the kernel is shorter than the stride, what no window reaches is b.

    Which way the kernel lies: (window..., out, in), not flipped, as in keras and TensorFlow, and in
    flax with `transpose_kernel=True`. PyTorch's (in, out, window...) is its transpose, not flipped
    either. flax's default is (window..., in, out), flipped along every axis of the window.

    The other arguments are those of `conv`. Weights begin as if every tap reached every output:
    fan-in is the window times C / groups. dtype: that of x and w, which must be one; bfloat16 is
    summed in float32. Cache: x. Raises ShapeError where x is not floating point or has other axes
    or channels, where nothing is left of an output, and where groups do not divide channels and
    width. Source: Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning,
    section 4, arXiv:1603.07285.

    >>> import jax.numpy as jnp
    >>> from fnet.layers.kernels import Conv
    >>> layer, x = conv_transpose(1, 2, stride=2), jnp.array([1.0, 2.0]).reshape(1, 2, 1)
    >>> params = Conv(w=jnp.array([1.0, 10.0]).reshape(2, 1, 1), b=jnp.array([0.5]))
    >>> y, cache = layer.forward(params, x)
    >>> dparams, dx = layer.backward(params, cache, jnp.ones((1, 4, 1)))
    >>> y.ravel().tolist(), dparams.w.ravel().tolist(), dx.ravel().tolist()
    ([1.5, 10.5, 2.5, 20.5], [3.0, 3.0], [11.0, 11.0])
    """
    check_kernel("conv_transpose", w_init, bias, width=width, groups=groups)
    check_windows("conv_transpose", window, stride, padding, dilation)
    _check_output_padding(output_padding, stride, padding)

    def windows_of(inputs: tuple[int, ...]) -> Windows:
        return lay_transposed(
            "conv_transpose", inputs, window, stride, padding, dilation, output_padding
        )

    def init(key: PRNGKey, shape: Shape) -> tuple[Conv, Shape]:
        inputs, channels = require_image("conv_transpose", key, shape)
        require_groups("conv_transpose", groups, channels=channels, outputs=width)
        windows = windows_of(inputs)
        # (window..., in, groups, out) becomes (window..., out, groups, in), groups of inputs last.
        w = drawn_kernel(key, w_init, (*windows.sizes, channels // groups, width))
        w = w.reshape(*w.shape[:-1], groups, width // groups).swapaxes(-3, -1)
        w = w.reshape(*windows.sizes, width // groups, channels)
        return Conv(w, zero_bias(bias, width, w)), (*windows.inputs, width)

    def forward(params: Conv, x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        check_input("conv_transpose", params, x, lambda w: int(w.shape[-1]))
        return spread(x, params.w, params.b, windows_of(x.shape[1:-1]), groups), x

    def backward(params: Conv, x: Array, dy: Array) -> tuple[Conv, Array]:
        windows = windows_of(x.shape[1:-1])
        dw, _ = kernel_gradient(dy, x, windows, groups, bias=False)
        db = None if params.b is None else jnp.sum(dy, range(dy.ndim - 1))
        return Conv(dw, db), correlate(dy, params.w, None, windows, groups)

    return layer(init, forward, backward, l2_penalty("conv_transpose", l2))


def _check_output_padding(output_padding: Sizes, stride: Sizes, padding: Padding) -> None:
    """Raise ConfigurationError unless it is below the stride, and 0 for sizes that are given."""
    for size in output_padding if isinstance(output_padding, tuple) else (output_padding,):
        require_whole("conv_transpose: output_padding", size, least=0)
    some = output_padding if isinstance(output_padding, int) else max(output_padding)
    if some and padding in ("same", "causal"):
        raise ConfigurationError(
            f"conv_transpose: output_padding is {output_padding}, and padding={padding!r} already "
            "says the output's size; give the padding as numbers"
        )
    rank = max(len(value) for value in (output_padding, stride, (0,)) if isinstance(value, tuple))
    extra, steps = (
        per_axis("conv_transpose", argument, value, rank)
        for argument, value in (("output_padding", output_padding), ("stride", stride))
    )
    if any(more and more >= step for more, step in zip(extra, steps, strict=True)):
        raise ConfigurationError(
            f"conv_transpose: output_padding is {output_padding} and stride {stride}; it must be "
            "less than the stride, which is how far two windows are apart"
        )
