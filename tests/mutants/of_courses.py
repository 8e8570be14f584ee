"""Mistakes in what a course has its students derive: batch norm, softmax, a convolution."""

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import Pair
from tests.mutants.planted import Mutant, mutant, normal, plainly, put

X, GAMMA, BETA = normal(6, 4), 1 + 0.2 * normal(4), normal(4, seed=2)
SIGNAL, KERNEL = normal(2, 7, 3), normal(3, 3, 2)


@plainly
def norm(x, gamma, beta):
    deviation = np.sqrt(((x - x.mean(0)) ** 2).mean(0) + 0.1)
    hat = (x - x.mean(0)) / deviation
    return gamma * hat + beta, (hat, gamma, deviation)


def norm_plain(x, gamma, beta):
    centred = x - x.mean(0)
    deviation = jnp.sqrt((centred**2).mean(0) + 0.1)
    return gamma * (centred / deviation) + beta


def norm_with(**rules):
    def backward(dout, cache):
        hat, gamma, deviation = cache
        d = gamma * dout
        dx = (d - d.mean(0) - hat * (d * hat).mean(0)) / deviation
        found = {"dx": dx, "dgamma": (dout * hat).sum(0), "dbeta": dout.sum(0)}
        return found | {name: rule(dout, *cache) for name, rule in rules.items()}

    return Pair(norm, backward, norm_plain)


def of_norm(name, kinds, x=X, **rules) -> Mutant:
    return mutant(f"batch norm: {name}", kinds, lambda: norm_with(**rules), x, GAMMA, BETA)


def along(d, hat):
    return hat * (d * hat).mean(0)


NORM = (
    of_norm("mean's term missing", "term missing", dx=lambda d, h, g, s: g * (d - along(d, h)) / s),
    of_norm(
        "variance's term missing", "term missing", dx=lambda d, h, g, s: g * (d - d.mean(0)) / s
    ),
    of_norm("both terms missing", "term missing", dx=lambda d, h, g, s: g * d / s),
    of_norm(
        "sign of the mean's term",
        "sign of a term",
        dx=lambda d, h, g, s: g * (d + d.mean(0) - along(d, h)) / s,
    ),
    of_norm(
        "sums for means",
        "factor of a term",
        dx=lambda d, h, g, s: g * (d - d.mean(0) - 6 * along(d, h)) / s,
    ),
    of_norm(
        "gamma forgotten",
        "factor missing",
        dx=lambda d, h, g, s: (d - d.mean(0) - along(d, h)) / s,
    ),
    of_norm(
        "over the features",
        "wrong axis",
        dx=lambda d, h, g, s: (
            (g * d - (g * d).mean(1, keepdims=True) - h * (g * d * h).mean(1, keepdims=True)) / s
        ),
    ),
    of_norm(
        "dgamma without x̂", "factor missing/derivative missing", dgamma=lambda d, h, g, s: d.sum(0)
    ),
    of_norm("dgamma is a mean", "mean or sum", dgamma=lambda d, h, g, s: (d * h).mean(0)),
    of_norm("dbeta over the features", "wrong axis", X[:4], dbeta=lambda d, h, g, s: d.sum(1)),
    of_norm(
        "dgamma and dbeta swapped",
        "swapped",
        dgamma=lambda d, h, g, s: d.sum(0),
        dbeta=lambda d, h, g, s: (d * h).sum(0),
    ),
    of_norm("dgamma not summed", "not summed", dgamma=lambda d, h, g, s: d * h),
)


@plainly
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


def of_softmax(name, kinds, rule) -> Mutant:
    return mutant(
        f"numpy softmax: {name}",
        kinds,
        lambda: Pair(softmax, rule, lambda x: jax.nn.softmax(x, axis=1)),
        X,
    )


SOFTMAX = (
    of_softmax("sum missing", "term missing", lambda d, y: y * d),
    of_softmax(
        "sign of the sum", "sign of a term", lambda d, y: y * (d + (d * y).sum(1, keepdims=True))
    ),
    of_softmax("sum over the examples", "wrong axis", lambda d, y: y * (d - (d * y).sum(0))),
    of_softmax(
        "mean for the sum",
        "factor of a term",
        lambda d, y: y * (d - (d * y).mean(1, keepdims=True)),
    ),
    of_softmax("diagonal alone", "term missing", lambda d, y: y * (1 - y) * d),
    of_softmax(
        "back to front", "shifted", lambda d, y: (y * (d - (d * y).sum(1, keepdims=True)))[:, ::-1]
    ),
    of_softmax("zeros", "zeros", lambda d, y: 0 * d),
)


@plainly
def convolve(x, w):
    steps = x.shape[1] - len(w) + 1
    return sum(x[:, k : k + steps] @ w[k] for k in range(len(w))), (x, w)


def convolve_back(dout, cache, kernel=lambda w: w, shift=0):
    x, w = cache
    steps = dout.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        dx[:, k : k + steps] += dout @ kernel(w)[k].T
        dw[k] = np.einsum("ntc,nto->co", np.roll(x, -shift, 1)[:, k : k + steps], dout)
    return dx, dw


def of_convolution(name, kinds, change) -> Mutant:
    return mutant(
        f"numpy convolution: {name}", kinds, lambda: Pair(convolve, change), SIGNAL, KERNEL
    )


CONVOLUTION = (
    of_convolution(
        "kernel back to front",
        "shifted",
        lambda d, c: convolve_back(d, c, kernel=lambda w: w[::-1]),
    ),
    of_convolution(
        "dw back to front",
        "shifted",
        lambda d, c: (convolve_back(d, c)[0], convolve_back(d, c)[1][::-1]),
    ),
    of_convolution(
        "dx off by one",
        "shifted",
        lambda d, c: (np.roll(convolve_back(d, c)[0], 1, axis=1), convolve_back(d, c)[1]),
    ),
    of_convolution(
        "dw of the first example",
        "not summed",
        lambda d, c: (
            convolve_back(d, c)[0],
            convolve_back(d[:1], (c[0][:1], c[1]))[1],
        ),
    ),
    of_convolution(
        "dw averaged",
        "mean or sum",
        lambda d, c: (convolve_back(d, c)[0], convolve_back(d, c)[1] / 2),
    ),
    of_convolution(
        "last tap forgotten",
        "one row/term missing",
        lambda d, c: (convolve_back(d, c)[0], put(convolve_back(d, c)[1], -1, 0.0)),
    ),
)

COURSES = NORM + SOFTMAX + CONVOLUTION
