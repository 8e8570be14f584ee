"""Classic test functions of unconstrained minimisation, with their starts and published minima.

The eighteen are those of Moré, Garbow & Hillstrom (1981), Testing unconstrained optimization
software, whose numbers stand in brackets; each is a sum of squares. The others are those on which
SciPy tests its minimisers.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np


class Classic(NamedTuple):
    """A function to minimise, where to begin, and the values of its minima."""

    f: Callable
    start: np.ndarray
    minima: tuple[float, ...]


def steps(n, scale):
    return jnp.arange(1, n + 1) * scale


def helical_valley(x):
    turns = jnp.arctan(x[1] / x[0]) / (2 * jnp.pi) + jnp.where(x[0] < 0, 0.5, 0.0)
    return [10 * (x[2] - 10 * turns), 10 * (jnp.hypot(x[0], x[1]) - 1), x[2]]


def biggs(x):
    t = steps(13, 0.1)
    y = jnp.exp(-t) - 5 * jnp.exp(-10 * t) + 3 * jnp.exp(-4 * t)
    return [x[2] * jnp.exp(-t * x[0]) - x[3] * jnp.exp(-t * x[1]) + x[5] * jnp.exp(-t * x[4]) - y]


def gaussian(x):
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
    y = jnp.array(half + half[-2::-1])
    t = (8 - steps(15, 1.0)) / 2
    return [x[0] * jnp.exp(-x[1] * (t - x[2]) ** 2 / 2) - y]


def powell_badly_scaled(x):
    return [1e4 * x[0] * x[1] - 1, jnp.exp(-x[0]) + jnp.exp(-x[1]) - 1.0001]


def box(x):
    t = steps(10, 0.1)
    return [jnp.exp(-t * x[0]) - jnp.exp(-t * x[1]) - x[2] * (jnp.exp(-t) - jnp.exp(-10 * t))]


def variably_dimensioned(x):
    total = (steps(len(x), 1.0) * (x - 1)).sum()
    return [x - 1, total, total**2]


def watson(x):
    t = steps(29, 1 / 29)[:, None]
    j = jnp.arange(len(x))
    slope = (j[1:] * x[1:] * t ** j[:-1]).sum(1)
    return [slope - (x * t**j).sum(1) ** 2 - 1, x[0], x[1] - x[0] ** 2 - 1]


def penalty_one(x):
    return [np.sqrt(1e-5) * (x - 1), (x**2).sum() - 0.25]


def penalty_two(x):
    n, root = len(x), np.sqrt(1e-5)
    i = steps(n, 0.1)
    y = jnp.exp(i[1:]) + jnp.exp(i[:-1])
    return [
        x[0] - 0.2,
        root * (jnp.exp(x[1:] / 10) + jnp.exp(x[:-1] / 10) - y),
        root * (jnp.exp(x[1:] / 10) - np.exp(-0.1)),
        ((n - jnp.arange(n)) * x**2).sum() - 1,
    ]


def brown_badly_scaled(x):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def brown_and_dennis(x):
    t = steps(20, 0.2)
    return [(x[0] + t * x[1] - jnp.exp(t)) ** 2 + (x[2] + x[3] * jnp.sin(t) - jnp.cos(t)) ** 2]


def gulf(x):
    t = steps(99, 0.01)
    y = 25 + (-50 * jnp.log(t)) ** (2 / 3)
    return [jnp.exp(-(jnp.abs(y - x[1]) ** x[2]) / x[0]) - t]


def trigonometric(x):
    n = len(x)
    return [n - jnp.cos(x).sum() + steps(n, 1.0) * (1 - jnp.cos(x)) - jnp.sin(x)]


def rosenbrock_pairs(x):
    return [10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]]


def powell_singular(x):
    a, b, c, d = x.reshape(-1, 4).T
    return [a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2]


def beale(x):
    return [jnp.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** steps(3, 1))]


def wood(x):
    return [
        *(10 * (x[1] - x[0] ** 2), 1 - x[0], np.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2]),
        *(np.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / np.sqrt(10)),
    ]


def chebyquad(x):
    n, u = len(x), 2 * x - 1
    polynomials = [jnp.ones(n), u]
    for _ in range(n - 1):
        polynomials.append(2 * u * polynomials[-1] - polynomials[-2])
    integrals = [0.0 if i % 2 else -1 / (i**2 - 1) for i in range(1, n + 1)]
    return [p.mean() - integral for p, integral in zip(polynomials[1:], integrals, strict=True)]


def squares(residuals):
    def f(x):
        return sum((r**2).sum() for r in residuals(x))

    f.__name__ = residuals.__name__
    return f


def rosen(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def himmelblau(p):
    x, y = p
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _classic(residuals, start, *minima):
    return Classic(squares(residuals), np.asarray(start, float), minima or (0.0,))


TEN = np.arange(1, 11)
MORE_GARBOW_HILLSTROM = {
    "helical valley [7]": _classic(helical_valley, [-1, 0, 0]),
    "Biggs EXP6 [18]": _classic(biggs, [1, 2, 1, 1, 1, 1], 0.0, 5.65565e-3),
    "Gaussian [9]": _classic(gaussian, [0.4, 1, 0], 1.12793e-8),
    "Powell badly scaled [3]": _classic(powell_badly_scaled, [0, 1]),
    "Box [12]": _classic(box, [0, 10, 20]),
    "variably dimensioned [25]": _classic(variably_dimensioned, 1 - TEN / 10),
    "Watson [20]": _classic(watson, np.zeros(6), 2.28767e-3),
    "penalty I [23]": _classic(penalty_one, TEN, 7.08765e-5),
    "penalty II [24]": _classic(penalty_two, np.full(10, 0.5), 2.93660e-4),
    "Brown badly scaled [4]": _classic(brown_badly_scaled, [1, 1]),
    "Brown and Dennis [16]": _classic(brown_and_dennis, [25, 5, -5, -1], 85822.2),
    "Gulf [11]": _classic(gulf, [5, 2.5, 0.15]),
    "trigonometric [26]": _classic(trigonometric, np.full(10, 0.1), 0.0, 2.79506e-5),
    "extended Rosenbrock [21]": _classic(rosenbrock_pairs, [-1.2, 1] * 5),
    "extended Powell singular [22]": _classic(powell_singular, [3, -1, 0, 1] * 3),
    "Beale [5]": _classic(beale, [1, 1]),
    "Wood [14]": _classic(wood, [-3, -1, -3, -1]),
    "Chebyquad [35]": _classic(chebyquad, np.arange(1, 9) / 9, 3.51687e-3),
}
OTHERS = {
    "rosen, 2": Classic(rosen, np.array([-1.2, 1.0]), (0.0,)),
    "rosen, 5": Classic(rosen, np.array([1.3, 0.7, 0.8, 1.9, 1.2]), (0.0,)),
    "rosen, 50": Classic(rosen, np.tile([-1.2, 1.0], 25), (0.0, 3.98662)),
    "Himmelblau": Classic(himmelblau, np.array([0.0, 0.0]), (0.0,)),
}
CLASSICS = {**MORE_GARBOW_HILLSTROM, **OTHERS}
