"""Networks for sequences of ids, (N, T) → (N, T, vocabulary) logits."""

from fnet.compose import repeat, residual, serial, tied
from fnet.core import Layer
from fnet.initializers import normal
from fnet.layers import (
    affine,
    attention,
    dropout,
    embedding,
    gelu,
    layer_norm,
    learned_positions,
    lstm,
    rope,
)

SMALL = normal(0.02)


def transformer(
    vocabulary: int,
    width: int = 128,
    heads: int = 4,
    blocks: int = 4,
    length: int | None = None,
    rate: float = 0.0,
) -> Layer:
    """A decoder alone: each step predicts the next id from those up to it.

    Each of `blocks` adds attention of `heads` heads, and then two affine layers, 4 `width` numbers
    between them, to what it is given, both behind a norm. The output's weight is the embedding's.
    With `length` positions are learned, at most so many; without, queries and keys are turned by
    `rope`. `rate` is that of dropout. For `losses.cross_entropy`.
    Source: Radford et al. (2019), Language Models are Unsupervised Multitask Learners, section 2.3.

    >>> from fnet.core import out_shape
    >>> out_shape(transformer(11, width=8, heads=2, blocks=2), (7,))
    (7, 11)
    """
    positions = [] if length is None else [learned_positions(length)]
    turned = rope() if length is None else None
    noise = [dropout(rate)] if rate else []
    block = serial(
        residual(layer_norm(), attention(heads, causal=True, rope=turned, dropout=rate), *noise),
        residual(layer_norm(), affine(4 * width, axes=1), gelu(), affine(width, axes=1), *noise),
    )
    first = embedding(vocabulary, width, w_init=SMALL)
    last = affine(vocabulary, w_init=SMALL, bias=False, axes=1)
    parts = [first, *positions, *noise, repeat(block, blocks), layer_norm(), last]
    return tied(serial(*parts), f"[{len(parts) - 1}].w", "[0].w")


def recurrent_net(
    vocabulary: int, width: int = 128, layers: int = 2, cell: Layer | None = None, rate: float = 0.0
) -> Layer:
    """An embedding, recurrent layers one on the other, and an affine layer to the next id.

    `cell` is a layer over time, `lstm(width)` unless given. `rate` is that of dropout behind each.
    For `losses.cross_entropy`.
    Source: Zaremba et al. (2014), Recurrent Neural Network Regularization, arXiv:1409.2329.

    >>> from fnet.core import out_shape
    >>> out_shape(recurrent_net(11, width=8), (7,))
    (7, 11)
    """
    over_time = lstm(width) if cell is None else cell
    noise = [dropout(rate)] if rate else []
    stack = [over_time, *noise] * layers
    return serial(embedding(vocabulary, width), *stack, affine(vocabulary, axes=1))
