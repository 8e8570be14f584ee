"""Covariance functions and Gram matrices, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(3)
X, Y, R, TIMES = (
    RNG.normal(size=(5, 2)),
    RNG.normal(size=(4, 2)),
    RNG.uniform(0.2, 3, 6),
    np.arange(5.0),
)


def rbf(x, y, l):
    return np.exp(-np.sum((x[:, None] - y) ** 2, axis=-1) / (2 * l**2))


def rbf_backward(dk, x, y, l):
    gap = x[:, None] - y
    squares = np.sum(gap**2, axis=-1)
    each = (dk * np.exp(-squares / (2 * l**2)))[..., None] * gap / l**2
    return (
        -each.sum(axis=1),
        each.sum(axis=0),
        np.sum(dk * np.exp(-squares / (2 * l**2)) * squares) / l**3,
    )


def gram_rbf(x):
    return np.exp(-np.sum((x[:, None] - x) ** 2, axis=-1))


def gram_rbf_backward(dk, x):
    gap = x[:, None] - x
    each = 2 * (dk * gram_rbf(x))[..., None] * gap
    return each.sum(axis=0) - each.sum(axis=1)


def gram(x):
    return x @ x.T


def gram_backward(dk, x):
    return (dk + dk.T) @ x


def matern(r, l):
    a = np.sqrt(3) * r / l
    return (1 + a) * np.exp(-a)


def matern_backward(dk, r, l):
    a = np.sqrt(3) * r / l
    da = -dk * a * np.exp(-a)
    return da * np.sqrt(3) / l, np.sum(-da * a) / l


def periodic(t, p, l):
    d = t[:, None] - t
    return np.exp(-2 * np.sin(np.pi * d / p) ** 2 / l**2)


def periodic_backward(dk, t, p, l):
    d = t[:, None] - t
    k = np.exp(-2 * np.sin(np.pi * d / p) ** 2 / l**2)
    dd = dk * k * (-2 / l**2) * np.sin(2 * np.pi * d / p) * np.pi / p
    return (
        dd.sum(axis=1) - dd.sum(axis=0),
        np.sum(-dd * d) / p,
        np.sum(dk * k * 4 * np.sin(np.pi * d / p) ** 2) / l**3,
    )


def polynomial(x, y, c):
    return (x @ y.T + c) ** 3


def polynomial_backward(dk, x, y, c):
    inner = dk * 3 * (x @ y.T + c) ** 2
    return inner @ y, inner.T @ x, inner.sum()


def rational(r, alpha):
    return (1 + r**2 / (2 * alpha)) ** (-alpha)


def rational_backward(dk, r, alpha):
    base = 1 + r**2 / (2 * alpha)
    dr = -dk * r * base ** (-alpha - 1)
    return dr, np.sum(dk * base**-alpha * (r**2 / (2 * alpha * base) - np.log(base)))


def similarity(x, y):
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    return u @ v.T


def similarity_backward(dk, x, y):
    nx, ny = (np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    u, v = x / nx, y / ny
    du, dv = dk @ v, dk.T @ u
    dx = (du - u * np.sum(du * u, axis=1, keepdims=True)) / nx
    return dx, (dv - v * np.sum(dv * v, axis=1, keepdims=True)) / ny


def distances(x):
    gap = x[:, None] - x
    return np.sqrt(np.sum(gap**2, axis=-1) + 1e-4)


def distances_backward(dk, x):
    each = (dk / distances(x))[..., None] * (x[:, None] - x)
    return each.sum(axis=1) - each.sum(axis=0)


SIGN, TERM, POWER = "sign|minus|negat", "term", "power|square|exponent"
MISTAKES = [
    *of_pair(
        rbf, rbf_backward, (X, Y, 1.3),
        ("length not squared", "gap / l**2", "gap / l", rf"{POWER}|factor|×|1\.3"),
        ("sign", "-each.sum(axis=1)", "each.sum(axis=1)", SIGN),
        ("kernel forgotten", "(dk * np.exp(-squares / (2 * l**2)))[..., None]", "dk[..., None]", r"\bexp|factor|kernel"),
        ("upstream forgotten", "np.sum(dk * np.exp", "np.sum(np.exp", "dout|upstream|dk"),
        ("sign of the second", " each.sum(axis=0)", " -each.sum(axis=0)", SIGN),
        ("length's power", "/ l**3", "/ l**2", rf"{POWER}|factor|×|1\.3"),
    ),
    *of_pair(
        gram_rbf, gram_rbf_backward, (X,),
        ("as rows alone", "each.sum(axis=0) - each.sum(axis=1)", "-each.sum(axis=1)", "term|symmetr|transpos|both"),
        ("as if dk were symmetric", "each.sum(axis=0) - each.sum(axis=1)", "-2 * each.sum(axis=1)", "symmetr|transpos|both|term"),
        ("factor two", "2 * (dk", "(dk", "half|factor|2 ×|twice|too small"),
    ),
    *of_pair(
        gram, gram_backward, (X,),
        ("one side", "(dk + dk.T)", "dk", "term|symmetr|transpos|both"),
        ("twice one side", "(dk + dk.T)", "(2 * dk)", "symmetr|transpos|both|term"),
        ("minus", "dk + dk.T", "dk - dk.T", SIGN),
    ),
    *of_pair(
        matern, matern_backward, (R, 0.8),
        ("exp differentiated, (1 + a) not", "-dk * a * np.exp", "-dk * (1 + a) * np.exp", "term|product"),
        ("inner derivative", "da * np.sqrt(3) / l", "da / l", r"factor|chain|×|1\.7"),
        ("sign of the length", "np.sum(-da", "np.sum(da", SIGN),
        ("(1 + a) differentiated, exp not", "-dk * a * np.exp", "dk * np.exp", "term|product"),
    ),
    *of_pair(
        periodic, periodic_backward, (TIMES * 0.37, 1.7, 1.1),
        ("pi / p", "* np.pi / p\n", "\n", "factor|chain|×|too small|too large"),
        ("double angle", "np.sin(2 * np.pi * d / p)", "np.sin(np.pi * d / p)", "sin|cos|half|factor|term"),
        ("times are taken once", "dd.sum(axis=1) - dd.sum(axis=0)", "dd.sum(axis=1)", "term|symmetr|both"),
        ("period's derivative of d / p", "np.sum(-dd * d) / p", "np.sum(-dd * d) / p**2", rf"{POWER}|factor|×|1\.7"),
    ),
    *of_pair(
        polynomial, polynomial_backward, (X, Y, 1.0),
        ("power not lowered", "** 2", "** 3", f"{POWER}|factor"),
        ("three", "dk * 3", "dk", "factor|×|power|too small"),
        ("upstream forgotten", "dk * 3 * (x @ y.T + c) ** 2", "3 * (x @ y.T + c) ** 2", "dout|upstream|dk"),
    ),
    *of_pair(
        rational, rational_backward, (R, 1.4),
        ("power not lowered", "(-alpha - 1)", "(-alpha)", f"{POWER}|factor"),
        ("exponent held constant", "- np.log(base)", "", "term|log"),
        ("base held constant", "(r**2 / (2 * alpha * base) - np.log(base))", "(-np.log(base))", TERM),
    ),
    *of_pair(
        similarity, similarity_backward, (X, Y),
        ("norm held constant", "(du - u * np.sum(du * u, axis=1, keepdims=True)) / nx", "du / nx", "term|norm|constant"),
        ("norm forgotten", "/ nx\n    return", "\n    return", "norm|factor|divi"),
        ("sum over rows", "np.sum(dv * v, axis=1", "np.sum(dv * v, axis=0", "axis"),
    ),
    *of_pair(
        distances, distances_backward, (X,),
        ("square root", "(dk / distances(x))", "(2 * dk)", "root|sqrt|distance|factor|power"),
        ("plus", "each.sum(axis=1) - each.sum(axis=0)", "each.sum(axis=1) + each.sum(axis=0)", SIGN),
        ("nan on the diagonal", "distances(x)", "np.sqrt(np.sum((x[:, None] - x) ** 2, axis=-1))", "nan|not a number|finite|0 / 0"),
    ),
]  # fmt: skip
