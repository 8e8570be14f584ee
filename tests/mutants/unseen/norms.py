"""Batch, layer, group and instance normalisation, as papers, courses and libraries write them."""

import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(15)
X, GAMMA, BETA = RNG.normal(size=(6, 3)) + 0.5, RNG.normal(size=3), RNG.normal(size=3)
TOKENS, GAIN, SHIFT = RNG.normal(size=(5, 5)), RNG.normal(size=5), RNG.normal(size=5)
CHANNELS, BY_CHANNEL = RNG.normal(size=(2, 4, 3)), RNG.normal(size=4)
PICTURES = RNG.normal(size=(3, 2, 2, 3))
MEAN, VAR, EPS = np.array([0.3, 0.6, 0.4]), np.array([0.8, 1.3, 0.5]), 1e-3


def batch_norm(x, gamma, beta):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPS) + beta


def batch_norm_backward(dy, x, gamma, beta):
    """The one formula."""
    n, s = len(x), np.sqrt(x.var(axis=0) + EPS)
    z = (x - x.mean(axis=0)) / s
    dbeta, dgamma = dy.sum(axis=0), np.sum(dy * z, axis=0)
    return gamma / (n * s) * (n * dy - dbeta - z * dgamma), dgamma, dbeta


def sample_norm(x):
    """With the unbiased variance."""
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + EPS)


def sample_norm_backward(dy, x):
    """Step by step."""
    n, centred, var = len(x), x - x.mean(axis=0), x.var(axis=0, ddof=1) + EPS
    dvar = np.sum(dy * centred, axis=0) * -0.5 * var**-1.5
    dcentred = dy / np.sqrt(var)
    dmean = -dcentred.sum(axis=0)
    return dcentred + dvar * 2 * centred / (n - 1) + dmean / n


def layer_norm(x, gain, shift):
    s = jnp.sqrt(x.var(axis=-1, keepdims=True) + EPS)
    return gain * (x - x.mean(axis=-1, keepdims=True)) / s + shift


def layer_norm_backward(dy, x, gain, shift):
    s = jnp.sqrt(x.var(axis=-1, keepdims=True) + EPS)
    z = (x - x.mean(axis=-1, keepdims=True)) / s
    dz = dy * gain
    along = jnp.mean(dz * z, axis=-1, keepdims=True)
    dx = (dz - dz.mean(axis=-1, keepdims=True) - z * along) / s
    return dx, jnp.sum(dy * z, axis=0), dy.sum(axis=0)


def group_norm(x, gain):
    """Two groups of channels."""
    g = x.reshape(len(x), 2, -1)
    z = (g - g.mean(axis=2, keepdims=True)) / jnp.sqrt(g.var(axis=2, keepdims=True) + EPS)
    return z.reshape(x.shape) * gain[:, None]


def group_norm_backward(dy, x, gain):
    g = x.reshape(len(x), 2, -1)
    s = jnp.sqrt(g.var(axis=2, keepdims=True) + EPS)
    z = (g - g.mean(axis=2, keepdims=True)) / s
    dz = (dy * gain[:, None]).reshape(g.shape)
    along = jnp.mean(dz * z, axis=2, keepdims=True)
    dx = (dz - dz.mean(axis=2, keepdims=True) - z * along) / s
    return dx.reshape(x.shape), jnp.sum(dy * z.reshape(x.shape), axis=(0, 2))


def instance_norm(x):
    mean, var = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + EPS)


def instance_norm_backward(dy, x):
    mean, var = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
    z = (x - mean) / np.sqrt(var + EPS)
    axes = (2, 3)
    shared = dy.mean(axis=axes, keepdims=True) + z * np.mean(dy * z, axis=axes, keepdims=True)
    return (dy - shared) / np.sqrt(var + EPS)


def running_norm(x, gamma):
    """As after training: mean and variance are constants."""
    return gamma * (x - MEAN) / np.sqrt(VAR + EPS)


def running_norm_backward(dy, x, gamma):
    z = (x - MEAN) / np.sqrt(VAR + EPS)
    dz = dy * gamma
    return dz / np.sqrt(VAR + EPS), np.sum(dy * z, axis=0)


TERM = "term"
MISTAKES = [
    *of_pair(
        batch_norm, batch_norm_backward, (X, GAMMA, BETA),
        ("mean held constant", "n * dy - dbeta - z", "n * dy - z", f"{TERM}|mean"),
        ("gamma forgotten", "gamma / (n * s)", "1 / (n * s)", "factor|gamma|scale|gain"),
        ("n forgotten", "(n * dy - ", "(dy - ", f"{TERM}|mean|count|× 6|6 ×|divi"),
        ("beta averaged", "dbeta, dgamma = dy.sum(axis=0), np.sum(dy * z, axis=0)\n    return gamma / (n * s) * (n * dy - dbeta - z * dgamma), dgamma, dbeta", "dbeta, dgamma = dy.mean(axis=0), np.sum(dy * z, axis=0)\n    return gamma / (n * s) * (n * dy - n * dbeta - z * dgamma), dgamma, dbeta", "mean|average|divi"),
    ),
    *of_pair(
        sample_norm, sample_norm_backward, (X,),
        ("biased for unbiased", "centred / (n - 1)", "centred / n", f"bias|mean|divi|count|n - 1|n − 1|factor of (a|one) {TERM}"),
        ("power of the variance", "var**-1.5", "var**-0.5", f"power|exponent|root|factor of (a|one) {TERM}"),
        ("mean held constant", " + dmean / n", "", f"{TERM}|mean"),
        ("variance held constant", "dcentred + dvar * 2 * centred / (n - 1) + dmean / n", "dcentred + dmean / n", f"{TERM}|varia"),
    ),
    *of_pair(
        layer_norm, layer_norm_backward, (TOKENS, GAIN, SHIFT),
        ("means over tokens", "dz.mean(axis=-1", "dz.mean(axis=0", "axis|axes"),
        ("gain outside of the means", "dz = dy * gain\n    along = jnp.mean(dz * z, axis=-1, keepdims=True)\n    dx = (dz", "dz = dy\n    along = jnp.mean(dz * z, axis=-1, keepdims=True)\n    dx = gain * (dz", "gain|factor|outside|inside|order"),
        ("input for the normalised", "jnp.sum(dy * z, axis=0), dy", "jnp.sum(dy * x, axis=0), dy", "normal|centr|in place of|instead|factor|evaluated"),
    ),
    *of_pair(
        group_norm, group_norm_backward, (CHANNELS, BY_CHANNEL),
        ("mean over all groups", "dz.mean(axis=2, keepdims=True)", "dz.mean(axis=(1, 2), keepdims=True)", "group|axis|axes"),
        ("gain of the first example", "jnp.sum(dy * z.reshape(x.shape), axis=(0, 2))", "jnp.sum(dy * z.reshape(x.shape), axis=2)[0]", "sum|first"),
    ),
    *of_pair(
        instance_norm, instance_norm_backward, (PICTURES,),
        ("means as of a batch", "axes = (2, 3)", "axes = (0, 2, 3)", "axis|axes|batch"),
    ),
    *of_pair(
        running_norm, running_norm_backward, (X, GAMMA),
        ("as in training", "return dz / np.sqrt(VAR + EPS)", "return (dz - dz.mean(axis=0) - z * np.mean(dz * z, axis=0)) / np.sqrt(VAR + EPS)", f"{TERM}|constant|batch|mean"),
    ),
]  # fmt: skip
