"""Mistakes in pairs of NumPy, as courses have their students write them."""

import numpy as np

from fnet.check import Pair
from tests.mutants.planted import Mutant, mutant, normal, plainly, put

X, W, B, SQUARE = normal(6, 4), normal(4, 3), normal(3), normal(4, 4)
BETA = normal(4, seed=2)
KEPT = np.random.default_rng(3).uniform(size=(6, 4)) < 0.6
MOVED = X, normal(6, 4, seed=5)


@plainly
def dense(x, w, b):
    return x @ w + b, (x, w)


def dense_with(**rules):
    def backward(dout, cache):
        x, w = cache
        found = {"dx": dout @ w.T, "dw": x.T @ dout, "db": dout.sum(axis=0)}
        return found | {name: rule(dout, x, w) for name, rule in rules.items()}

    return Pair(dense, backward)


def of_dense(name, kinds, w=W, b=B, **rules) -> Mutant:
    return mutant(f"numpy dense: {name}", kinds, lambda: dense_with(**rules), X, w, b)


def into_dout(dout, x, w):
    dout *= 1.0 / len(dout)
    dout *= len(dout) + 1e-3
    return x.T @ dout


def into_cache(dout, x, w):
    right = x.T @ dout
    x -= x.mean(axis=0)
    return right


def kept_outside():
    """x is left in the module instead of the cache."""
    kept = {}

    @plainly
    def forward(x, w, b):
        kept["x"] = x.copy()
        return x @ w + b, w

    def backward(dout, w):
        return dout @ w.T, kept["x"].T @ dout, dout.sum(axis=0)

    return Pair(forward, backward)


def accumulating():
    """Gradients are added to those of the call before."""
    total = np.zeros_like(W)

    def backward(dout, cache):
        nonlocal total
        x, w = cache
        total = total + x.T @ dout
        return dout @ w.T, total, dout.sum(axis=0)

    return Pair(dense, backward)


def writes_input():
    @plainly
    def forward(x, w, b):
        x = x.view()
        return np.maximum(x, 0) @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        right = np.maximum(x, 0).T @ dout
        x[x < 0] = 0
        return (x > 0) * (dout @ w.T), right, dout.sum(axis=0)

    return Pair(forward, backward)


DENSE = (
    of_dense("sign of dw", "sign", dw=lambda d, x, w: -x.T @ d),
    of_dense("dw is a mean", "mean or sum", dw=lambda d, x, w: x.T @ d / len(x)),
    of_dense("db is a mean", "mean or sum", db=lambda d, x, w: d.mean(axis=0)),
    of_dense("db not summed", "not summed", db=lambda d, x, w: d),
    of_dense("db over all", "wrong axis", db=lambda d, x, w: np.full(3, d.sum())),
    of_dense("dw transposed", "transposed", dw=lambda d, x, w: d.T @ x),
    of_dense(
        "dx by w, square",
        "input transposed/transposed",
        SQUARE,
        BETA,
        dx=lambda d, x, w: d @ w,
    ),
    of_dense("dout ignored", "upstream ignored", dw=lambda d, x, w: x.T @ np.ones_like(d)),
    of_dense("half of dx", "factor", dx=lambda d, x, w: d @ w.T / 2),
    of_dense("dw of one example", "not summed", dw=lambda d, x, w: x[-1:].T @ d[-1:]),
    of_dense("one entry of dx", "one entry", dx=lambda d, x, w: put(d @ w.T, (2, 1), 0.0)),
    of_dense("one row of dx", "one row", dx=lambda d, x, w: put(d @ w.T, 3, 0.0)),
    of_dense("db off by one", "shifted", db=lambda d, x, w: np.roll(d.sum(axis=0), 1)),
    of_dense("NaN in dw", "not finite", dw=lambda d, x, w: x.T @ d + np.nan),
    of_dense("dx is zeros", "zeros", dx=lambda d, x, w: 0 * x),
    of_dense(
        "dw in single precision",
        "imprecise/dtype",
        dw=lambda d, x, w: (x.astype(np.float32).T @ d.astype(np.float32)).astype(np.float64),
    ),
    of_dense("written into dout", "mutated", dw=into_dout),
    of_dense("written into the cache", "mutated", dw=into_cache),
    mutant("numpy dense: x left outside of the cache", "stale", kept_outside, X, W, B),
    mutant("numpy dense: added to the last call", "not deterministic/stale", accumulating, X, W, B),
    mutant("numpy dense: written into x", "mutated", writes_input, X, W, B),
)


@plainly
def dropped(x, kept, rate):
    return x * kept / (1 - rate), (kept, rate)


@plainly
def average(m, g, beta):
    return beta * m + (1 - beta) * g, beta


@plainly
def squared(y, t):
    return np.mean((y - t) ** 2), (y, t)


def of_dropout(name, kinds, rule) -> Mutant:
    return mutant(f"dropout: {name}", kinds, lambda: Pair(dropped, rule), X, KEPT, 0.4)


def of_average(name, kinds, rule) -> Mutant:
    return mutant(f"moving average: {name}", kinds, lambda: Pair(average, rule), *MOVED, 0.9)


def of_squared(name, kinds, rule) -> Mutant:
    return mutant(f"numpy squared error: {name}", kinds, lambda: Pair(squared, rule), *MOVED)


OTHERS = (
    of_dropout("1 / (1 − rate) missing", "factor", lambda d, c: d * c[0]),
    of_dropout("mask inverted", "mask inverted", lambda d, c: d * ~c[0] / (1 - c[1])),
    of_dropout(
        "mask forgotten",
        "mask inverted/derivative/factor missing/derivative missing",
        lambda d, c: d / (1 - c[1]),
    ),
    of_average("1 − β missing", "factor", lambda d, beta: (beta * d, d)),
    of_average("β and 1 − β swapped", "swapped", lambda d, beta: ((1 - beta) * d, beta * d)),
    of_average("dm forgotten", "zeros", lambda d, beta: (0 * d, (1 - beta) * d)),
    of_average("β for 1 − β", "factor/swapped", lambda d, beta: (beta * d, beta * d)),
    of_squared(
        "mean forgotten",
        "mean or sum",
        lambda d, c: (2 * d * (c[0] - c[1]), -2 * d * (c[0] - c[1])),
    ),
    of_squared(
        "2 forgotten", "factor", lambda d, c: (d * (c[0] - c[1]) / 24, -d * (c[0] - c[1]) / 24)
    ),
    of_squared(
        "divided by N alone",
        "mean or sum",
        lambda d, c: (d * (c[0] - c[1]) / 3, -d * (c[0] - c[1]) / 3),
    ),
    of_squared("dt is dy", "sign/swapped", lambda d, c: (d * (c[0] - c[1]) / 12,) * 2),
    of_squared(
        "dout ignored", "upstream ignored", lambda d, c: ((c[0] - c[1]) / 12, (c[1] - c[0]) / 12)
    ),
)

NUMPY = DENSE + OTHERS
