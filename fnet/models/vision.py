"""Networks for images, (N, height, width, channels) → (N, classes) logits."""

from collections.abc import Sequence

from fnet.compose import residual, serial
from fnet.core import Layer
from fnet.core.expect import require_whole
from fnet.errors import ConfigurationError
from fnet.initializers import he_normal, normal
from fnet.layers import (
    affine,
    batch_norm,
    conv,
    depthwise_conv,
    dropout,
    global_avg_pool,
    max_pool,
    relu,
)

STAGES = 3  # of a residual network for small images; each halves the image and doubles the channels


def convnet(
    classes: int,
    widths: Sequence[int] = (32, 64),
    window: int = 3,
    rate: float = 0.0,
    l2: float = 0.0,
) -> Layer:
    """Convolutions that halve the image one after the other, and an affine layer.

    Each of `widths` is a convolution of so many channels, a relu and a maximum over 2 × 2 pixels.
    `rate` is the dropout's before the affine layer, 0 for none. The penalty is l2 · Σ w² over all
    weights, biases excluded. For `losses.cross_entropy`.
    Source: LeCun et al. (1998), Gradient-based learning applied to document recognition.

    >>> convnet(10)  # doctest: +NORMALIZE_WHITESPACE
    serial(conv(32), relu(), max_pool(), conv(64), relu(), max_pool(), affine(10))
    """
    require_whole("convnet: classes", classes, least=1)
    stages = [part for width in widths for part in (conv(width, window, l2=l2), relu(), max_pool())]
    noise = [dropout(rate)] if rate else []
    return serial(*stages, *noise, affine(classes, l2=l2))


def resnet(
    classes: int, depth: int = 8, width: int = 16, norm: bool = True, l2: float = 0.0
) -> Layer:
    """A residual network for small images, of `depth` = 6 n + 2 layers with weights.

    After a convolution of `width` channels come three stages of n blocks,

        y = x + conv(relu(norm(conv(relu(norm(x))))))

    the second and third at half the size and twice the channels of the one before; there x passes
    through a 1 × 1 convolution. At last norm, relu, the average of each channel, and an affine
    layer. With norm=False there is no `batch_norm`, and the second convolution of each block begins
    as 0, so that a deep network begins as a shallow one. The penalty is l2 · Σ w² over all weights.
    Source: He et al. (2016), Identity mappings in deep residual networks; without norm: Zhang et
    al. (2019), Fixup initialization.

    >>> resnet(10, depth=8, width=16).layers[1]
    residual(batch_norm(), relu(), conv(16, bias=False), batch_norm(), relu(), conv(16, bias=False))
    """
    require_whole("resnet: depth", depth, least=8)
    if depth % 6 != 2:
        below = depth - (depth - 2) % 6
        raise ConfigurationError(
            f"resnet: depth is {depth}, and must be 2 more than a multiple of 6: {below} or "
            f"{below + 6}"
        )
    blocks = [
        _block(width * 2**stage, 2 if stage and not number else 1, norm, l2)
        for stage in range(STAGES)
        for number in range((depth - 2) // 6)
    ]
    first = conv(width, bias=not norm, l2=l2)
    return serial(first, *blocks, *_normed(norm), global_avg_pool(), affine(classes, l2=l2))


def mobile(classes: int, width: int = 32, norm: bool = True, l2: float = 0.0) -> Layer:
    """Depthwise convolutions, each followed by a 1 × 1 convolution that mixes the channels.

    A convolution of `width` channels, then depthwise and 1 × 1 convolutions to 2, 4, 4, 8 and 8
    times as many, each with norm and relu; the second and the fourth halve the image. Then the
    average of each channel, and an affine layer. The penalty is l2 · Σ w² over all weights.
    Source: Howard et al. (2017), MobileNets; with a stride of 1 at first, for small images.

    >>> len(mobile(10).layers)
    35
    """
    require_whole("mobile: classes", classes, least=1)
    parts = [conv(width, bias=not norm, l2=l2), *_normed(norm)]
    for times, stride in ((2, 1), (4, 2), (4, 1), (8, 2), (8, 1)):
        parts += [depthwise_conv(stride=stride, bias=not norm, l2=l2), *_normed(norm)]
        parts += [conv(times * width, 1, bias=not norm, l2=l2), *_normed(norm)]
    return serial(*parts, global_avg_pool(), affine(classes, l2=l2))


def _normed(norm: bool) -> list[Layer]:
    return [batch_norm(), relu()] if norm else [relu()]


def _block(width: int, stride: int, norm: bool, l2: float) -> Layer:
    """A block, whose shortcut is a convolution where the shape changes."""
    last = he_normal if norm else normal(0.0)
    return residual(
        *_normed(norm),
        conv(width, stride=stride, bias=not norm, l2=l2),
        *_normed(norm),
        conv(width, bias=not norm, w_init=last, l2=l2),
        shortcut=conv(width, 1, stride=stride, bias=False, l2=l2) if stride > 1 else None,
    )
