"""Networks for sequences of tokens, (N, T) ids: logits of what comes next, or of a class."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.compose import repeat, residual, serial
from fnet.compose import tied as tie
from fnet.core import Layer, watching
from fnet.core.choices import require_choice
from fnet.core.expect import require_whole
from fnet.errors import ConfigurationError
from fnet.initializers import normal
from fnet.layers import (
    affine,
    attention,
    embedding,
    gelu,
    global_avg_pool,
    gru,
    layer_norm,
    learned_positions,
    lstm,
    rms_norm,
    rnn,
    rope,
)
from fnet.layers import dropout as noise

SMALL = normal(0.02)  # of an embedding that is the output's weight too: the first logits are small
TINY = 1e-12  # beside the mean square of two small vectors among 500 of zeros
CELLS: dict[str, Callable[[int], Layer]] = {"lstm": lstm, "gru": gru, "rnn": rnn}


def transformer(
    vocabulary: int,
    width: int = 128,
    blocks: int = 4,
    heads: int = 4,
    length: int | None = None,
    positions: str = "rope",
    activation: Layer = gelu(),
    dropout: float = 0.0,
    tied: bool = True,
) -> Layer:
    """A decoder: each block looks back by attention, and then changes each step by itself.

        x ← x + attention(norm(x))        x ← x + w₂ activation(w₁ norm(x))

    `blocks` of these, after the embedding and before a last norm and the logits. w₁ makes 4 `width`
    numbers. `length` is that of the sequences in training: attention looks no further back, so that
    a longer text has no distances that it did not learn. `positions` is "rope", which turns queries
    and keys, or "learned", a vector for each of `length` positions, and then no sequence may be
    longer. `dropout` is the rate of that in attention and after each half of a block. Logits are
    products with the embedding itself if it is `tied`, else with a weight of their own. For
    `losses.cross_entropy`.
    Source: Vaswani et al. (2017), arXiv:1706.03762; norms before each half: Xiong et al. (2020),
    arXiv:2002.04745; tied: Press & Wolf (2017), arXiv:1608.05859.

    >>> transformer(10, width=8, blocks=2, heads=2, tied=False).layers[1].layers[0]
    ... # doctest: +NORMALIZE_WHITESPACE
    serial(residual(layer_norm(), attention(2, causal=True, rope=rope())),
           residual(layer_norm(), affine(32, axes=1), gelu(), affine(8, axes=1)))
    """
    require_whole("transformer: vocabulary", vocabulary, least=1)
    require_whole("transformer: width", width, least=1)
    if positions not in ("rope", "learned"):
        raise ConfigurationError(
            f"transformer: positions is {positions!r}; it must be 'rope' or 'learned'"
        )
    if positions == "learned" and length is None:
        raise ConfigurationError(
            "transformer: learned positions need the length of the longest sequence: length=..."
        )
    require_whole("transformer: heads", heads, least=1)
    whole = heads * (2 if positions == "rope" else 1)
    if width % whole:
        evenly = "an even number of numbers" if positions == "rope" else "as many numbers"
        raise ConfigurationError(
            f"transformer: width is {width} and heads {heads}; each head takes {evenly}, so that "
            f"width must be a multiple of {whole}"
        )
    noisy = [noise(dropout)] if dropout else []
    turned = rope() if positions == "rope" else None
    placed = [] if length is None or positions == "rope" else [learned_positions(length)]
    block = serial(
        residual(
            layer_norm(),
            attention(heads, causal=True, window=length, rope=turned, dropout=dropout),
            *noisy,
        ),
        residual(
            layer_norm(), affine(4 * width, axes=1), activation, affine(width, axes=1), *noisy
        ),
    )
    logits = affine(vocabulary, bias=False, axes=1)
    parts = [embedding(vocabulary, width, w_init=SMALL), *placed, *noisy, repeat(block, blocks)]
    model = serial(*parts, layer_norm(), logits)
    return tie(model, f"[{len(parts) + 1}].w", "[0].w") if tied else model


def recurrent(
    vocabulary: int, width: int = 128, cell: str = "lstm", layers: int = 1, dropout: float = 0.0
) -> Layer:
    """Recurrent layers over an embedding, and logits of each of their states.

    `cell` is "lstm", "gru" or "rnn". `dropout` is the rate of that before each layer and the
    logits. For `losses.cross_entropy`.
    Source: Graves (2013), Generating Sequences With Recurrent Neural Networks, arXiv:1308.0850.

    >>> recurrent(10, 8, layers=2)
    serial(embedding(10, 8), lstm(8), lstm(8), affine(10, axes=1))
    """
    require_whole("recurrent: layers", layers, least=1)
    require_choice("recurrent: cell", cell, *CELLS)
    noisy = [noise(dropout)] if dropout else []
    parts = [*noisy, CELLS[cell](width)] * layers
    return serial(embedding(vocabulary, width), *parts, *noisy, affine(vocabulary, axes=1))


def text_classifier(
    vocabulary: int, classes: int, width: int = 64, dropout: float = 0.0, l2: float = 0.0
) -> Layer:
    """Logits of each class, (N, classes), from the mean of what the words of a text stand for.

        m = (1/T) Σₜ e[xₜ]        y = w norm(m) + b        norm(m) = s m / √(mean m²)

    x: (N, T) ids of words, as `fnet.data.csv_texts` makes them; id 0 stands for no word and adds
    nothing, and norm takes away how many words there are. The order of words is not seen; for a
    model that sees it, take serial(embedding(vocabulary, width, padding=0), lstm(width, last=True),
    affine(classes)). `dropout` is the rate of that before the logits, and `l2` the penalty of w. e
    begins small, so that words which were not learned say little. For `losses.cross_entropy`.
    Source: Joulin et al. (2016), Bag of Tricks for Efficient Text Classification, arXiv:1607.01759.

    >>> text_classifier(1000, 2)
    ... # doctest: +NORMALIZE_WHITESPACE
    serial(embedding(1000, 64, padding=0, w_init=normal(0.02)), global_avg_pool(),
           rms_norm(eps=1e-12), affine(2))
    """
    noisy = [noise(dropout)] if dropout else []
    known = embedding(vocabulary, width, padding=0, w_init=SMALL)
    return serial(known, global_avg_pool(), rms_norm(eps=TINY), *noisy, affine(classes, l2=l2))


def attention_maps(model: Layer, params: ArrayTree, tokens: Any) -> np.ndarray | None:
    """How much each step of a text attends to each other, (blocks, heads, T, T), for pictures.

        p[t, s] = exp(q[t] · k[s] / √d − lse[t])        0 where s is not seen

    Of a `transformer` and the first of the `tokens` (N, T), no longer than its window, from what
    attention caches for its backward pass. Each row sums to 1. None for a model without attention.
    Raises ConfigurationError where that sees later steps, or its scores are capped or masked.

    >>> model = transformer(5, width=8, blocks=2, heads=2)
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> maps = attention_maps(model, params, [[1, 2, 3]])
    >>> maps.shape, maps[0, 0, 0].tolist()
    ((2, 2, 3, 3), [1.0, 0.0, 0.0])
    """
    found = []

    def watch(layer: Layer, own: ArrayTree, x: Any, run: Callable[[], Any]) -> Any:
        y, cache = run()
        if hasattr(cache, "lse"):
            found.append(_weights(cache))
        return y, cache

    # Without jit a loop is one of Python, and each of its rounds can be watched.
    with jax.disable_jit(), watching(watch):
        model.forward(params, jnp.asarray(np.asarray(tokens, np.int32))[:1])
    return np.stack(found) if found else None


def _weights(cache: Any) -> np.ndarray:
    """p (H, T, T) of the first example, of attention that looks back."""
    q, k, lse = (np.asarray(each, np.float64) for each in (cache.q, cache.k, cache.lse))
    scores = np.einsum("ptgd,psd->pgts", q, k) / np.sqrt(q.shape[-1])
    past = np.tril(np.ones(scores.shape[-2:], bool))
    p = np.where(past, np.exp(scores - lse.swapaxes(1, 2)[..., None]), 0.0)
    if (np.abs(p.sum(-1) - 1) > 0.01).any():
        raise ConfigurationError(
            "attention_maps: attention is not that of a transformer over so many steps: it sees "
            "later ones, caps its scores, or has a shorter window; give fewer tokens"
        )
    return p.reshape(-1, *p.shape[-2:])
