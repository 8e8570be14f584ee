"""Convolution in one, two and three dimensions."""

from fnet.core import Layer
from fnet.core.values import constructor
from fnet.core.windows import Padding, Sizes, Windows, check_windows, lay
from fnet.initializers import Initializer, he_normal
from fnet.layers.kernels import check_kernel, convolution


@constructor
def conv(
    width: int,
    window: Sizes = 3,
    *,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    w_init: Initializer = he_normal,
    l2: float = 0.0,
) -> Layer:
    """Every output is a weighted sum of a window of the input, the same weights everywhere.

        y[o]  = b + Σ_k x[s o + d k − p] w[k]           x: (N, n..., C)   y: (N, m..., M)
        dw[k] = Σ_N Σ_o x[s o + d k − p]ᵀ dy[o]         w: (window..., C / groups, M)
        db    = Σ_N Σ_o dy[o]                           b: (M,)
        dx[i] = Σ_o Σ_k dy[o] w[k]ᵀ where s o + d k − p = i
        m     = floor((n + p + q − d (k − 1) − 1) / s) + 1

    x has one, two or three spatial axes, and channels last; M is `width`. What the field calls a
    convolution is this correlation: the kernel is not flipped. `window` k, `stride` s and
    `dilation` d are one number for every axis or a tuple of one each. `padding` puts p zeros before
    an axis and q behind it. With "same" m is ⌈n / s⌉; where p + q is odd, as for even windows at
    stride 1, q is p + 1, as in TensorFlow, lax, keras and flax (PyTorch's `padding=1` is the number
    1 here). With "valid" there is none. With "causal" p is d (k − 1) and q 0 on every axis: no
    output depends on what lies behind it. Else it is a number for every side, or a pair (p, q) for
    each axis.

    With groups = G, outputs j M / G to (j + 1) M / G − 1 depend on the j-th of G parts of the
    channels alone; `depthwise_conv` has as many groups as channels. The kernel is (window..., in,
    out) as in TensorFlow, keras and flax; PyTorch's is (out, in, window...), not flipped either.
    b begins at zero; without `bias` it is None. With `l2` = λ > 0 the penalty is λ Σ w².

    On a CPU, 3 x 3 at stride 1 with 32 channels or more on either side is computed from sums of
    four neighbours (Winograd): there an entry that is infinite or NaN reaches outputs of its own
    image up to one place beyond those whose window sees it.

    dtype: that of x and w, which must be one; bfloat16 is summed in float32. Cache: x. Raises
    ShapeError where x is not floating point, has other axes or channels, or is smaller with its
    padding than a window, and where groups do not divide channels and width. Source: Dumoulin &
    Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285.

    >>> import jax.numpy as jnp
    >>> from fnet.layers.kernels import Conv
    >>> layer, x = conv(1, 2, padding="valid"), jnp.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    >>> params = Conv(w=jnp.array([1.0, 10.0]).reshape(2, 1, 1), b=jnp.array([0.5]))
    >>> y, cache = layer.forward(params, x)
    >>> dparams, dx = layer.backward(params, cache, jnp.ones((1, 2, 1)))
    >>> y.ravel().tolist(), dparams.w.ravel().tolist(), dx.ravel().tolist()
    ([21.5, 42.5], [3.0, 6.0], [1.0, 11.0, 10.0])
    """
    check_kernel("conv", w_init, bias, width=width, groups=groups)
    check_windows("conv", window, stride, padding, dilation)

    def windows_over(inputs: tuple[int, ...]) -> Windows:
        return lay("conv", inputs, window, stride, padding, dilation)

    return convolution(
        "conv",
        windows_over,
        lambda channels: (groups, width),
        lambda w: int(w.shape[-2] * groups),
        bias,
        w_init,
        l2,
    )
