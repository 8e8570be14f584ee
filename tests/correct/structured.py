"""Integer arguments, keys, nested arguments, NumPy functions, and losses with their gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.correct.entries import Entry, of_any_shape, real, rule, sizes


def embedding(table, ids):
    return table[ids], (table, ids)


def embedding_back(kept, dout):
    """None for the integers."""
    table, ids = kept
    return jnp.zeros_like(table).at[ids].add(dout), None


def pick(x, labels):
    """One entry of each row."""
    return jnp.take_along_axis(x, labels[:, None], axis=1)[:, 0], (x, labels)


def pick_back(kept, dout):
    """float0 for the integers, as JAX has it."""
    x, labels = kept
    hit = jax.nn.one_hot(labels, x.shape[1], dtype=x.dtype)
    return hit * dout[:, None], np.zeros(labels.shape, jax.dtypes.float0)


def dropout(x, key, rate):
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0), kept


wired_dropout = jax.custom_vjp(lambda x, key, rate: dropout(x, key, rate)[0], nondiff_argnums=(2,))
wired_dropout.defvjp(
    dropout, lambda rate, kept, dout: (jnp.where(kept, dout / (1 - rate), 0), None)
)


def scaled_noise(mean, deviation, key):
    """A normal number by its mean and deviation."""
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    return mean + deviation * noise, noise


def scaled_noise_back(noise, dout):
    return dout, dout * noise, None


def network(params, x):
    """Two layers; the parameters are a dict of a list of dicts."""
    first, last = params["layers"]
    h = jnp.tanh(x @ first["w"] + first["b"])
    return params["scale"] * (h @ last["w"] + last["b"]), (params, x, h)


def network_back(kept, dout):
    params, x, h = kept
    first, last = params["layers"]
    dy = params["scale"] * dout
    dz = dy @ last["w"].T * (1 - h * h)
    layers = [
        {"w": x.T @ dz, "b": dz.sum(axis=0)},
        {"w": h.T @ dy, "b": dy.sum(axis=0)},
    ]
    dscale = (dout * (h @ last["w"] + last["b"])).sum()
    return {"layers": layers, "scale": dscale}, dz @ first["w"].T


def regression(w, b, x, labels):
    """Logistic regression with a penalty: its value and gradients by w, b and x."""
    z = x @ w + b
    t = labels.astype(z.dtype)
    value = (jnp.logaddexp(z, jnp.zeros_like(z)) - t * z).mean() + 0.1 * (w * w).sum()
    dz = (jax.lax.logistic(z) - t) / len(z)
    return value, (x.T @ dz + 0.2 * w, dz.sum(), dz[:, None] * w, None)


def cross_entropy(logits, labels):
    m = logits.max(axis=1, keepdims=True)
    e = jnp.exp(logits - m)
    total = e.sum(axis=1, keepdims=True)
    hit = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
    value = (jnp.log(total) + m - (hit * logits).sum(axis=1, keepdims=True)).mean()
    return value, ((e / total - hit) / len(logits), None)


def squares(y):
    """A loss of NumPy's."""
    y = np.asarray(y)
    return (y * y).sum(), (2 * y,)


def trapezoids(f, grid):
    """The integral of f from the first point of the grid to each, by NumPy."""
    f, grid = np.asarray(f), np.asarray(grid)
    parts = np.diff(grid) * (f[1:] + f[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(parts))), (f, grid)


def trapezoids_back(dout, cache):
    f, grid = cache
    dparts = np.cumsum(dout[:0:-1])[::-1]  # Σ over the outputs behind each part
    df, dgrid = np.zeros_like(f), np.zeros_like(grid)
    df[1:] += dparts * np.diff(grid) / 2
    df[:-1] += dparts * np.diff(grid) / 2
    dgrid[1:] += dparts * (f[1:] + f[:-1]) / 2
    dgrid[:-1] -= dparts * (f[1:] + f[:-1]) / 2
    return df, dgrid


def dense(x, w):
    """Affine and relu by NumPy."""
    x, w = np.asarray(x), np.asarray(w)
    z = x @ w
    return np.maximum(z, 0), (x, w, z)


def dense_back(dout, cache):
    x, w, z = cache
    dz = np.where(z > 0, dout, 0)
    return dz @ w.T, x.T @ dz


def with_ids(rng):
    rows, width, count = sizes(rng, 3)
    return real(rng, (rows, width)), rng.integers(rows, size=count)


def with_labels(rng):
    n, c = sizes(rng, 2)
    return real(rng, (n, c)), rng.integers(c, size=n)


def key(rng):
    return jax.random.key(int(rng.integers(2**31)))


def with_key(rng):
    return real(rng, of_any_shape(rng)), key(rng), 0.25


def two_with_key(rng):
    shape = of_any_shape(rng)
    return real(rng, shape), real(rng, shape), key(rng)


def with_params(rng):
    n, m, hidden, out = sizes(rng, 4)
    draw = functools.partial(real, rng, low=-1.0, high=1.0)
    params = {
        "layers": [
            {"w": draw((m, hidden)), "b": draw((hidden,))},
            {"w": draw((hidden, out)), "b": draw((out,))},
        ],
        "scale": draw(()),
    }
    return params, draw((n, m))


def of_regression(rng):
    n, m = sizes(rng, 2)
    w, b, x = real(rng, (m,), -2, 1), real(rng, (), -2, 1), real(rng, (n, m), -2, 1)
    return w, b, x, rng.integers(2, size=n)


def of_grid(rng):
    n = sizes(rng, 1)[0] + 1
    return real(rng, (n,)), np.sort(real(rng, (n,)))


def of_dense(rng):
    n, m, k = sizes(rng, 3)
    return real(rng, (n, m)), real(rng, (m, k))


ENTRIES = [
    Entry("embedding", rule(embedding, embedding_back), with_ids),
    Entry("pick", rule(pick, pick_back), with_labels),
    Entry("dropout", wired_dropout, with_key),
    Entry("scaled_noise", rule(scaled_noise, scaled_noise_back), two_with_key),
    Entry("network", rule(network, network_back), with_params),
    Entry("regression", ValueAndGrad(regression), of_regression),
    Entry("cross_entropy", ValueAndGrad(cross_entropy), with_labels),
    Entry(
        "squares of NumPy",
        ValueAndGrad(squares, lambda y: (y * y).sum()),
        lambda rng: (real(rng, of_any_shape(rng)),),
    ),
    Entry("trapezoids of NumPy", Pair(trapezoids, trapezoids_back), of_grid),
    Entry("dense of NumPy", Pair(dense, dense_back), of_dense),
    Entry(
        "dense of NumPy, with a reference",
        Pair(dense, dense_back, lambda x, w: jax.nn.relu(x @ w)),
        of_dense,
    ),
]
