"""What layers with a kernel share: its parameters, how they begin, and what is expected of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.convolving import correlate, kernel_gradient, spread
from fnet.core.expect import (
    OF_ONE,
    require,
    require_bool,
    require_floating,
    require_key_and_shape,
    require_whole,
)
from fnet.core.trees import is_shape
from fnet.core.windows import Windows
from fnet.initializers import Initializer, require_initializer
from fnet.layers.penalties import l2_penalty


class Conv(NamedTuple):
    """The parameters of a convolution, and their gradients: the kernel w, and b or None.

    >>> import jax
    >>> from fnet.layers import conv
    >>> params, _ = conv(5, bias=False).init(jax.random.key(0), (32, 32, 3))
    >>> params.w.shape, params.b
    ((3, 3, 3, 5), None)
    """

    w: Array
    b: Array | None


def convolution(
    name: str,
    over: Callable[[tuple[int, ...]], Windows],
    sizes_of: Callable[[int], tuple[int, int]],
    channels_of: Callable[[Array], int],
    bias: bool,
    w_init: Initializer,
    l2: float,
) -> Layer:
    """The layer y = x ⋆ w + b by the windows `over` an input of these sizes.

    sizes_of(channels) are its groups and its width; channels_of(w) those that x must have.
    """

    def init(key: PRNGKey, shape: Shape) -> tuple[Conv, Shape]:
        inputs, channels = require_image(name, key, shape)
        groups, width = sizes_of(channels)
        require_groups(name, groups, channels=channels, outputs=width)
        windows = over(inputs)
        w = drawn_kernel(key, w_init, (*windows.sizes, channels // groups, width))
        return Conv(w, zero_bias(bias, width, w)), (*windows.outputs, width)

    def forward(params: Conv, x: Array, key: PRNGKey | None = None) -> tuple[Array, Array]:
        check_input(name, params, x, channels_of)
        groups, _ = sizes_of(x.shape[-1])
        return correlate(x, params.w, params.b, over(x.shape[1:-1]), groups), x

    def backward(params: Conv, x: Array, dy: Array) -> tuple[Conv, Array]:
        windows, (groups, _) = over(x.shape[1:-1]), sizes_of(x.shape[-1])
        dw, db = kernel_gradient(x, dy, windows, groups, params.b is not None)
        return Conv(dw, db), spread(dy, params.w, None, windows, groups)

    return layer(init, forward, backward, l2_penalty(name, l2))


def check_kernel(name: str, w_init: Any, bias: Any, **whole: Any) -> None:
    """Raise ConfigurationError unless they are an initializer, a bool, and whole numbers."""
    for argument, value in whole.items():
        require_whole(f"{name}: {argument}", value, least=1)
    require_initializer(f"{name}: w_init", w_init)
    require_bool(f"{name}: bias", bias)


def drawn_kernel(key: PRNGKey, w_init: Initializer, shape: Shape) -> Array:
    """(window..., in, out), drawn as (out, window..., in): fan-in is all but the first axis."""
    return jnp.moveaxis(w_init.draw(key, (shape[-1], *shape[:-1])), 0, -1)


def zero_bias(bias: bool, width: int, w: Array) -> Array | None:
    """b, which begins at zero, or None without a bias."""
    return jnp.zeros(width, w.dtype) if bias else None


def require_image(name: str, key: Any, shape: Any) -> tuple[tuple[int, ...], int]:
    """The spatial sizes and the channels of an example of this shape."""
    require_key_and_shape(key, shape)
    shape = tuple(shape)
    require(
        is_shape(shape) and 2 <= len(shape) <= 4 and shape[-1] > 0,
        f"{name}: an example is {shape}; it must have 1, 2 or 3 spatial axes, and channels last: "
        "(32, 32, 3)",
    )
    return shape[:-1], shape[-1]


def require_groups(name: str, groups: int, **sizes: int) -> None:
    """Raise ShapeError unless these sizes can be divided among the groups."""
    for what, size in sizes.items():
        require(
            size % groups == 0,
            f"{name}: {size} {what} cannot be divided among {groups} groups: take a divisor of it",
        )


def check_input(name: str, params: Any, x: Any, channels: Callable[[Array], int]) -> None:
    """Raise ShapeError unless x is a batch of images of as many axes and channels as w takes."""
    require(
        hasattr(params, "_fields"),
        f"{name}: params are of type {type(params).__name__}; give what init returns first, then x",
    )
    require_floating(f"{name}: x", x, ": convert it, or rescale images by fnet.data.rescale")
    w = params[0]
    rank, wanted = w.ndim - 2, channels(w)
    require(
        x.ndim == rank + 2 and x.shape[-1] == wanted,
        f"{name}: x is {x.shape}; w {w.shape} takes a batch with {rank} spatial axes and {wanted} "
        "channels last" + OF_ONE * (x.ndim == rank + 1),
    )
    require(x.dtype == w.dtype, f"{name}: x is {x.dtype} and w {w.dtype}; cast one to the other's")
