"""Mistakes in pairs of JAX: layer norm, attention, an embedding, max-pool, products."""

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import Pair
from tests.mutants.planted import Mutant, mutant, normal

X, A, C = normal(6, 4), normal(5, 5), normal(5, 5, seed=1)
Q, K, V = normal(5, 4, seed=2), normal(5, 4, seed=3), normal(5, 4, seed=4)
TABLE, IDS = normal(7, 3), np.array([1, 5, 1, 2, 5, 1], np.int32)


def layer_norm(x):
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = jnp.sqrt((centred**2).mean(axis=1, keepdims=True) + 0.1)
    return centred / deviation, (centred / deviation, deviation)


def of_norm(name, kinds, rule) -> Mutant:
    def backward(dout, cache):
        y, deviation = cache
        return rule(dout, y, deviation)

    return mutant(f"layer norm: {name}", kinds, lambda: Pair(layer_norm, backward), X)


def mean(array, axis=1):
    return array.mean(axis=axis, keepdims=True)


NORM = (
    of_norm("mean's term missing", "term missing", lambda d, y, s: (d - y * mean(d * y)) / s),
    of_norm("variance's term missing", "term missing", lambda d, y, s: (d - mean(d)) / s),
    of_norm(
        "sign of the variance's term",
        "sign of a term",
        lambda d, y, s: (d - mean(d) + y * mean(d * y)) / s,
    ),
    of_norm(
        "sum for a mean",
        "factor of a term",
        lambda d, y, s: (d - 4 * mean(d) - y * mean(d * y)) / s,
    ),
    of_norm(
        "over the examples",
        "wrong axis",
        lambda d, y, s: (d - mean(d, 0) - y * mean(d * y, 0)) / s,
    ),
    of_norm(
        "deviation forgotten",
        "factor missing/factor extra",
        lambda d, y, s: d - mean(d) - y * mean(d * y),
    ),
)


def attend(q, k, v):
    p = jax.nn.softmax(q @ k.T / 2.0, axis=1)
    return p @ v, (q, k, v, p)


def attention_with(**rules):
    def backward(dout, cache):
        q, k, v, p = cache
        dp = dout @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / 2.0
        found = {"dq": ds @ k, "dk": ds.T @ q, "dv": p.T @ dout}
        return found | {name: rule(dout, q, k, v, p, ds) for name, rule in rules.items()}

    return Pair(attend, backward)


def of_attention(name, kinds, **rules) -> Mutant:
    return mutant(f"attention: {name}", kinds, lambda: attention_with(**rules), Q, K, V)


ATTENTION = (
    of_attention("scale missing", "factor", dq=lambda d, q, k, v, p, ds: 2 * ds @ k),
    of_attention(
        "dq and dk swapped",
        "swapped",
        dq=lambda d, q, k, v, p, ds: ds.T @ q,
        dk=lambda d, q, k, v, p, ds: ds @ k,
    ),
    of_attention("p for pᵀ in dv", "transposed", dv=lambda d, q, k, v, p, ds: p @ d),
    of_attention("ds for dsᵀ in dk", "transposed", dk=lambda d, q, k, v, p, ds: ds @ q),
    of_attention(
        "softmax's sum missing",
        "term missing",
        dq=lambda d, q, k, v, p, ds: p * (d @ v.T) @ k / 2.0,
    ),
    of_attention("sign of dk", "sign", dk=lambda d, q, k, v, p, ds: -ds.T @ q),
    of_attention("dv of zeros", "zeros", dv=lambda d, q, k, v, p, ds: 0 * v),
    of_attention(
        "dv ignores dout", "upstream ignored", dv=lambda d, q, k, v, p, ds: p.T @ jnp.ones_like(d)
    ),
    of_attention("dv is dout", "derivative missing", dv=lambda d, q, k, v, p, ds: d),
)


def look_up(table, ids):
    return table[ids], (table, ids)


def of_embedding(name, kinds, rule) -> Mutant:
    def backward(dout, cache):
        table, ids = cache
        return rule(jnp.zeros_like(table), ids, dout), None

    return mutant(f"embedding: {name}", kinds, lambda: Pair(look_up, backward), TABLE, IDS)


EMBEDDING = (
    of_embedding("set for add", "not summed", lambda zero, ids, d: zero.at[ids].set(d)),
    of_embedding("ids off by one", "shifted", lambda zero, ids, d: zero.at[ids + 1].add(d)),
    of_embedding("sign", "sign", lambda zero, ids, d: zero.at[ids].add(-d)),
    of_embedding(
        "a mean over the lookups", "mean or sum", lambda zero, ids, d: zero.at[ids].add(d / 6)
    ),
    of_embedding(
        "counts", "upstream ignored", lambda zero, ids, d: zero.at[ids].add(jnp.ones_like(d))
    ),
    of_embedding(
        "last id forgotten", "not summed", lambda zero, ids, d: zero.at[ids[:-1]].add(d[:-1])
    ),
    of_embedding("zeros", "zeros", lambda zero, ids, d: zero),
)


def pool(x):
    pairs = x.reshape(len(x), -1, 2)
    y = pairs.max(axis=2)
    return y, pairs == y[:, :, None]


def of_pool(name, kinds, rule) -> Mutant:
    def backward(dout, mask):
        return rule(dout[:, :, None], mask).reshape(len(dout), -1)

    return mutant(f"max-pool: {name}", kinds, lambda: Pair(pool, backward), X)


POOL = (
    of_pool("to the smaller", "mask inverted", lambda d, mask: jnp.where(mask, 0, d)),
    of_pool("to both", "mask inverted/derivative missing", lambda d, mask: d + 0 * mask),
    of_pool(
        "half to each",
        "derivative missing/derivative",
        lambda d, mask: jnp.broadcast_to(d / 2, mask.shape),
    ),
    of_pool("sign", "sign", lambda d, mask: jnp.where(mask, -d, 0)),
    of_pool("dout ignored", "upstream ignored", lambda d, mask: jnp.where(mask, 1 + 0 * d, 0)),
)


def times(a, b):
    return a * b, (a, b)


def product(a, b):
    return a @ b, (a, b)


def of_pair(name, kinds, forward, rule, *arguments) -> Mutant:
    return mutant(name, kinds, lambda: Pair(forward, rule), *arguments)


PAIRS = (
    of_pair("a·b: swapped", "swapped", times, lambda d, c: (d * c[0], d * c[1]), A, C),
    of_pair("a·b: db forgotten", "zeros", times, lambda d, c: (d * c[1], 0 * d), A, C),
    of_pair(
        "a·b: b not multiplied in",
        "factor missing/derivative missing",
        times,
        lambda d, c: (d, d * c[0]),
        A,
        C,
    ),
    of_pair("a·b: b²", "squared/factor extra", times, lambda d, c: (d * c[1] ** 2, d * c[0]), A, C),
    of_pair(
        "a·b: dout twice", "upstream twice", times, lambda d, c: (d * d * c[1], d * c[0]), A, C
    ),
    of_pair("a·b: |b|", "absolute", times, lambda d, c: (d * abs(c[1]), d * c[0]), A, C),
    of_pair(
        "a b: b for bᵀ",
        "input transposed/transposed",
        product,
        lambda d, c: (d @ c[1], c[0].T @ d),
        A,
        C,
    ),
    of_pair("a b: transposed", "transposed", product, lambda d, c: (c[1] @ d.T, c[0].T @ d), A, C),
)

PAIRED = NORM + ATTENTION + EMBEDDING + POOL + PAIRS
