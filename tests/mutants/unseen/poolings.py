"""Pooling: the largest, the mean and other values of windows."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(20)
PICTURES, SOUNDS = RNG.normal(size=(2, 2, 4, 6)), RNG.normal(size=(2, 2, 7))
SQUARES = RNG.normal(size=(3, 2, 4, 4))


def blocks(x):
    """The entries of each block of 2 x 2 along the last axis."""
    n, c, h, w = x.shape
    split = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return split.reshape(n, c, h // 2, w // 2, 4)


def unblocked(d):
    n, c, h, w, _ = d.shape
    return d.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)


def largest(x):
    return blocks(x).max(axis=-1)


def largest_backward(dy, x):
    each = blocks(x)
    mask = each == each.max(axis=-1, keepdims=True)
    share = (dy / mask.sum(axis=-1))[..., None]
    return unblocked(np.where(mask, share, 0.0))


def overlapping(x):
    """The largest of 3 neighbours, stride 2."""
    return np.stack([x[:, :, 2 * i : 2 * i + 3].max(axis=2) for i in range(3)], axis=2)


def overlapping_backward(dy, x):
    dx = np.zeros_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(3):
                best = np.argmax(x[n, c, 2 * i : 2 * i + 3])
                dx[n, c, 2 * i + best] += dy[n, c, i]
    return dx


def averaged_blocks(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


def averaged_blocks_backward(dy, x):
    return jnp.repeat(jnp.repeat(dy, 2, axis=2), 2, axis=3) / 4


def around(x):
    """The sum of each entry and its neighbours along the last axis."""
    return jax.lax.reduce_window(
        x, jnp.zeros((), x.dtype), jax.lax.add, (1, 1, 3), (1, 1, 1), "SAME"
    )


def mean_around(x):
    """Means of 3, of 2 at the ends: what is padded does not count."""
    p = jnp.pad(x, ((0, 0), (0, 0), (1, 1)))
    return (p[:, :, :-2] + p[:, :, 1:-1] + p[:, :, 2:]) / around(jnp.ones_like(x))


def mean_around_backward(dy, x):
    each = dy / around(jnp.ones_like(x))
    p = jnp.pad(each, ((0, 0), (0, 0), (1, 1)))
    return p[:, :, :-2] + p[:, :, 1:-1] + p[:, :, 2:]


def global_mean(x):
    return x.mean(axis=(2, 3))


def global_mean_backward(dy, x):
    return np.broadcast_to(dy[:, :, None, None], x.shape) / (x.shape[2] * x.shape[3])


def global_largest(x):
    return x.max(axis=(2, 3))


def global_largest_backward(dy, x):
    n, c, _, w = x.shape
    best = x.reshape(n, c, -1).argmax(axis=2)
    dx = np.zeros_like(x)
    for k in range(n):
        for channel in range(c):
            row, column = divmod(best[k, channel], w)
            dx[k, channel, row, column] = dy[k, channel]
    return dx


def lengths(x):
    """The root of the sum of squares of each block."""
    return np.sqrt(np.sum(blocks(x) ** 2, axis=-1) + 1e-3)


def lengths_backward(dy, x):
    each = blocks(x)
    length = np.sqrt(np.sum(each**2, axis=-1) + 1e-3)
    return unblocked((dy / length)[..., None] * each)


def soft_largest(x):
    return jax.nn.logsumexp(blocks(x), axis=-1)


def soft_largest_backward(dy, x):
    return unblocked(dy[..., None] * jax.nn.softmax(blocks(x), axis=-1))


def framed(x):
    """The largest of blocks of a picture framed by copies of its edges: copies are equal."""
    return blocks(jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")).max(axis=-1)


def framed_backward(dy, x):
    each = blocks(jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge"))
    mask = each == each.max(axis=-1, keepdims=True)
    shares = jnp.where(mask, (dy / mask.sum(axis=-1).astype(dy.dtype))[..., None], 0)
    d = unblocked(shares)
    d = d.at[:, :, 1].add(d[:, :, 0]).at[:, :, -2].add(d[:, :, -1])
    d = d.at[..., 1].add(d[..., 0]).at[..., -2].add(d[..., -1])
    return d[:, :, 1:-1, 1:-1]


MISTAKES = [
    *of_pair(
        largest, largest_backward, (PICTURES,),
        ("to all entries", "np.where(mask, share, 0.0)", "np.repeat(dy[..., None], 4, axis=-1)", "mask|max|largest|where|all entries"),
        ("as of the mean", "np.where(mask, share, 0.0)", "np.repeat(dy[..., None] / 4, 4, axis=-1)", "mask|max|largest|mean|average"),
        ("smallest for largest", "each.max(", "each.min(", r"mask|\bmin|small|largest|max"),
    ),
    *of_pair(
        overlapping, overlapping_backward, (SOUNDS,),
        ("overwritten where windows overlap", "+= dy", "= dy", "overwr|accumul|set in|added"),
        ("stride forgotten", "2 * i + best", "i + best", "stride|shift|off by|apart|index"),
    ),
    *of_pair(
        averaged_blocks, averaged_blocks_backward, (PICTURES,),
        ("not divided", " / 4", "", "mean|sum|average|divi"),
        ("tiled for repeated", "jnp.repeat(jnp.repeat(dy, 2, axis=2), 2, axis=3)", "jnp.tile(dy, (1, 1, 2, 2))", "repeat|tile|order|layout|transpos|reshape"),
    ),
    *of_pair(
        mean_around, mean_around_backward, (SOUNDS,),
        ("padding counted", "dy / around(jnp.ones_like(x))", "dy / 3", "count|pad|border|edge|ends|divi"),
    ),
    *of_pair(
        global_mean, global_mean_backward, (PICTURES,),
        ("pictures counted too", "(x.shape[2] * x.shape[3])", "x[:, 0].size", "mean|divi|average"),
    ),
    *of_pair(
        global_largest, global_largest_backward, (SQUARES,),
        ("row and column exchanged", "row, column = divmod", "column, row = divmod", "transpos|swap|exchang|order"),
    ),
    *of_pair(
        lengths, lengths_backward, (PICTURES,),
        ("length forgotten", "(dy / length)", "dy", "root|sqrt|norm|length|divi"),
        ("entry forgotten", "[..., None] * each", "[..., None] * np.ones_like(each)", r"factor|chain|\bx\b|square"),
    ),
    *of_pair(
        soft_largest, soft_largest_backward, (PICTURES,),
        ("softmax over columns", "blocks(x), axis=-1", "blocks(x), axis=-2", "axis|axes"),
        ("largest itself", "jax.nn.softmax(blocks(x), axis=-1)", "jnp.where(blocks(x) == blocks(x).max(axis=-1, keepdims=True), 1.0, 0.0)", "softmax|max|mask|exp"),
    ),
    *of_pair(
        framed, framed_backward, (SQUARES,),
        ("ties counted twice", "(dy / mask.sum(axis=-1).astype(dy.dtype))[..., None]", "dy[..., None]", r"\btie|equal|several|copies|more than one|twice"),
    ),
]  # fmt: skip
