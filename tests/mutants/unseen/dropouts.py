"""Dropout and its kin: entries, channels, weights, paths and steps that are left out."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(16)
X, W, CHANNELS = RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4, 3))
SQUARE, OLD = RNG.normal(size=(5, 5)), RNG.normal(size=(4, 5))
KEEP, KEY = 0.6, jax.random.key(7)
NOISE = RNG.normal(size=(4, 5))


def drawn(seed, shape):
    """1 where something is kept."""
    return np.where(np.random.default_rng(seed).random(shape) < KEEP, 1.0, 0.0)


def dropout(x):
    return x * drawn(5, x.shape) / KEEP


def dropout_backward(dy, x):
    return dy * drawn(5, x.shape) / KEEP


def keyed(x):
    return jnp.where(jax.random.bernoulli(KEY, KEEP, x.shape), x / KEEP, 0)


def keyed_backward(dy, x):
    return jnp.where(jax.random.bernoulli(KEY, KEEP, x.shape), dy / KEEP, 0)


def by_channel(x):
    """Whole channels of each example."""
    return x * drawn(1, x.shape[:2])[:, :, None] / KEEP


def by_channel_backward(dy, x):
    return dy * drawn(1, x.shape[:2])[:, :, None] / KEEP


def connections(x, w):
    """The weights that are left out, not the units."""
    return x @ (w * drawn(2, w.shape)) / KEEP


def connections_backward(dy, x, w):
    mask = drawn(2, w.shape)
    return dy @ (w * mask).T / KEEP, (x.T @ dy) * mask / KEEP


def drop_path(x, w):
    """A residual branch that is left out for some examples."""
    return x + drawn(4, (len(x), 1)) / KEEP * np.tanh(x @ w)


def drop_path_backward(dy, x, w):
    scale = drawn(4, (len(x), 1)) / KEEP
    dh = dy * scale * (1 - np.tanh(x @ w) ** 2)
    return dy + dh @ w.T, x.T @ dh


def gaussian(x, log_alpha):
    """Multiplied by noise of mean 1 and variance alpha, which is learned."""
    return x * (1 + np.exp(log_alpha / 2) * NOISE)


def gaussian_backward(dy, x, log_alpha):
    s = np.exp(log_alpha / 2)
    return dy * (1 + s * NOISE), np.sum(dy * x * NOISE) * s / 2


def zoneout(old, new):
    """Units that keep their old state."""
    mask = drawn(6, old.shape)
    return mask * old + (1 - mask) * jnp.tanh(new)


def zoneout_backward(dy, old, new):
    mask = drawn(6, old.shape)
    return dy * mask, dy * (1 - mask) * (1 - jnp.tanh(new) ** 2)


def dropped_attention(scores, v):
    """Dropout of the weights, after the softmax."""
    return (jax.nn.softmax(scores) * drawn(8, scores.shape) / KEEP) @ v


def dropped_attention_backward(dy, scores, v):
    p, mask = jax.nn.softmax(scores), drawn(8, scores.shape) / KEEP
    dp = (dy @ v.T) * mask
    return p * (dp - jnp.sum(dp * p, axis=-1, keepdims=True)), (p * mask).T @ dy


MASK, SCALE = "mask", "scale|factor|divi|keep"
MISTAKES = [
    *of_pair(
        dropout, dropout_backward, (X,),
        ("mask drawn anew", "drawn(5, x.shape)", "drawn(6, x.shape)", f"{MASK}|drawn|random"),
        ("scale forgotten", " / KEEP", "", SCALE),
        ("scaled twice", "/ KEEP", "/ KEEP**2", SCALE),
        ("mask inverted", "drawn(5, x.shape)", "(1 - drawn(5, x.shape))", MASK),
        ("mask forgotten", "dy * drawn(5, x.shape) / KEEP", "dy / KEEP", MASK),
    ),
    *of_pair(
        keyed, keyed_backward, (X,),
        ("another key", "bernoulli(KEY,", "bernoulli(jax.random.split(KEY)[0],", f"{MASK}|drawn|random|key"),
    ),
    *of_pair(
        by_channel, by_channel_backward, (CHANNELS,),
        ("mask of each entry", "drawn(1, x.shape[:2])[:, :, None]", "drawn(1, x.shape)", f"{MASK}|drawn|random"),
    ),
    *of_pair(
        connections, connections_backward, (X, W),
        ("gradient not masked", "(x.T @ dy) * mask / KEEP", "(x.T @ dy) / KEEP", f"{MASK}|must be 0|should be 0|zero"),
        ("weights not masked", "dy @ (w * mask).T", "dy @ w.T", f"{MASK}|left out|dropped"),
    ),
    *of_pair(
        drop_path, drop_path_backward, (X, SQUARE),
        ("identity forgotten", "dy + dh @ w.T", "dh @ w.T", "term|identity|residual|skip"),
        ("branch not scaled", "scale = drawn(4, (len(x), 1)) / KEEP", "scale = drawn(4, (len(x), 1))", SCALE),
    ),
    *of_pair(
        gaussian, gaussian_backward, (X, -0.7),
        ("half forgotten", "* s / 2", "* s", "half|twice|2 ×|factor"),
        ("noise of mean 0", "dy * (1 + s * NOISE)", "dy * (s * NOISE)", "term"),
    ),
    *of_pair(
        zoneout, zoneout_backward, (OLD, X),
        ("mask of the other", "dy * (1 - mask)", "dy * mask", MASK),
    ),
    *of_pair(
        dropped_attention, dropped_attention_backward, (SQUARE, W),
        ("mask forgotten in the scores", "(dy @ v.T) * mask", "(dy @ v.T)", MASK),
    ),
]  # fmt: skip
