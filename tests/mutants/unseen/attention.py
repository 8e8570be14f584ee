"""Attention of several kinds, in JAX."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(6)
Q, K, V = RNG.normal(size=(3, 4, 4))
BIAS, SCALE, CAUSAL = RNG.normal(size=(4, 4)), 0.5, np.tril(np.ones((4, 4), bool))


def attention(q, k, v):
    return jax.nn.softmax(SCALE * q @ k.T) @ v


def attention_backward(do, q, k, v):
    p = jax.nn.softmax(SCALE * q @ k.T)
    dp = do @ v.T
    ds = SCALE * p * (dp - jnp.sum(dp * p, axis=1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ do


def causal(q, k, v):
    return jax.nn.softmax(jnp.where(CAUSAL, q @ k.T, -jnp.inf)) @ v


def causal_backward(do, q, k, v):
    p = jax.nn.softmax(jnp.where(CAUSAL, q @ k.T, -jnp.inf))
    dp = do @ v.T
    ds = p * (dp - jnp.sum(dp * p, axis=1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ do


def linear(q, k, v):
    """With exp as the map of features, normalised."""
    fq, fk = jnp.exp(q), jnp.exp(k)
    return (fq @ (fk.T @ v)) / (fq @ fk.sum(axis=0))[:, None]


def linear_backward(do, q, k, v):
    fq, fk = jnp.exp(q), jnp.exp(k)
    bottom = fq @ fk.sum(axis=0)
    dtop = do / bottom[:, None]
    dbottom = -jnp.sum(do * linear(q, k, v), axis=1) / bottom
    dfq = dtop @ (v.T @ fk) + jnp.outer(dbottom, fk.sum(axis=0))
    dfk = v @ (dtop.T @ fq) + dbottom @ fq
    return dfq * fq, dfk * fk, fk @ (fq.T @ dtop)


def biased(x, bias, t):
    """Scores with a bias at temperature t, without values."""
    return jax.nn.softmax((x + bias) / t)


def biased_backward(dp, x, bias, t):
    p = biased(x, bias, t)
    ds = p * (dp - jnp.sum(dp * p, axis=1, keepdims=True))
    return ds / t, ds / t, -jnp.sum(ds * (x + bias)) / t**2


def additive(q, k, w):
    return jnp.tanh(q[:, None] + k) @ w


def additive_backward(ds, q, k, w):
    h = jnp.tanh(q[:, None] + k)
    dh = ds[..., None] * w * (1 - h**2)
    return dh.sum(axis=1), dh.sum(axis=0), jnp.einsum("ij,ijc->c", ds, h)


def gated(x, w):
    g = jax.nn.sigmoid(x @ w)
    return g * x


def gated_backward(dy, x, w):
    g = jax.nn.sigmoid(x @ w)
    dz = dy * x * g * (1 - g)
    return dy * g + dz @ w.T, x.T @ dz


def pooled(x, w):
    """A mean of rows, weighted by a score of each."""
    return jax.nn.softmax(x @ w) @ x


def pooled_backward(dy, x, w):
    p = jax.nn.softmax(x @ w)
    ds = p * (x @ dy - p @ (x @ dy))
    return jnp.outer(p, dy) + jnp.outer(ds, w), ds @ x


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_pair(
        attention, attention_backward, (Q, K, V),
        ("scale", "SCALE * p * (dp", "p * (dp", r"factor|scale|2 ×|too large|0\.5"),
        ("softmax's sum", "(dp - jnp.sum(dp * p, axis=1, keepdims=True))", "dp", "term|softmax|sum"),
        ("probabilities not transposed", "p.T @ do", "p @ do", "transpos"),
        ("scores not transposed", "ds.T @ q", "ds @ q", "transpos"),
        ("sum over queries", "axis=1, keepdims", "axis=0, keepdims", "axis"),
        ("k for q", "ds.T @ q", "ds.T @ k", "place|instead| k |swap"),
    ),
    *of_pair(
        causal, causal_backward, (Q, K, V),
        ("mask forgotten", "jax.nn.softmax(jnp.where(CAUSAL, q @ k.T, -jnp.inf))", "jax.nn.softmax(q @ k.T)", "mask|where|condition|branch"),
        ("mask transposed", "jnp.where(CAUSAL,", "jnp.where(CAUSAL.T,", "transpos|mask|where"),
        ("diagonal alone", "(dp - jnp.sum(dp * p, axis=1, keepdims=True))", "dp * (1 - p)", "softmax|diagonal|sigmoid|term"),
        ("values not transposed", "dp = do @ v.T", "dp = do @ v", "transpos"),
        ("−inf times zero", "return ds @ k", "ds = ds + 0 * jnp.where(CAUSAL, q @ k.T, -jnp.inf)\n    return ds @ k", "nan|not a number|finite"),
    ),
    *of_pair(
        linear, linear_backward, (Q / 2, K / 2, V),
        ("features' slope", "dfq * fq", "dfq", r"\bexp|factor|slope"),
        ("normaliser held constant", " + jnp.outer(dbottom, fk.sum(axis=0))", "", "term|normal|denominator|constant"),
        ("sign of the normaliser", "dbottom = -jnp", "dbottom = jnp", SIGN),
        ("not divided", "fk @ (fq.T @ dtop)", "fk @ (fq.T @ do)", "divi|normal|factor|denominator"),
    ),
    *of_pair(
        biased, biased_backward, (Q, BIAS, 0.7),
        ("temperature forgotten", "return ds / t,", "return ds,", r"factor|0\.7|divi|×|temperature|1\.4"),
        ("sign", "-jnp.sum(ds * (x", "jnp.sum(ds * (x", SIGN),
        ("bias forgotten in t", "ds * (x + bias)", "ds * x", TERM),
        ("t's power", "t**2", "t", r"power|square|factor|×|0\.7|1\.4"),
    ),
    *of_pair(
        additive, additive_backward, (Q, K, V[0]),
        ("slope of tanh", "* (1 - h**2)", "", "tanh|slope|factor"),
        ("slope not squared", "1 - h**2", "1 - h", "tanh|square|power|sigmoid"),
        ("axes swapped", "dh.sum(axis=1), dh.sum(axis=0)", "dh.sum(axis=0), dh.sum(axis=1)", "axis|axes|swap|transpos|order"),
        ("weights forgotten", "ds[..., None] * w *", "ds[..., None] *", "factor"),
    ),
    *of_pair(
        gated, gated_backward, (Q, K),
        ("through the gate", "dy * g + dz @ w.T", "dy * g", TERM),
        ("past the gate", "dy * g + dz @ w.T", "dz @ w.T", TERM),
        ("x forgotten", "dy * x * g * (1 - g)", "dy * g * (1 - g)", "factor|by x"),
        ("slope of the sigmoid", "dy * x * g * (1 - g)", "dy * x * g", "sigmoid|factor|slope"),
        ("weights not transposed", "dz @ w.T", "dz @ w", "transpos"),
    ),
    *of_pair(
        pooled, pooled_backward, (Q, V[1]),
        ("scores held constant", " + jnp.outer(ds, w)", "", TERM),
        ("softmax as a sigmoid", "p * (x @ dy - p @ (x @ dy))", "p * (1 - p) * (x @ dy)", "softmax|diagonal|sigmoid"),
        ("outer product's order", "jnp.outer(p, dy)", "jnp.outer(dy, p)", "transpos|order"),
    ),
]  # fmt: skip
