"""Energies, forces and steps of motion, in NumPy."""

import numpy as np

from tests.mutants.unseen.form import of_loss, of_pair

RNG = np.random.default_rng(10)
ATOMS = np.array([[0.0, 0.1], [1.2, 0.0], [0.2, 1.1], [1.4, 1.5]])
CHARGES, DT, G, FIELD = np.array([1.0, -2.0, 1.5, 0.5]), 0.05, 9.81, RNG.normal(size=8)
PAIRS = np.array([[0, 1], [1, 2], [0, 3], [2, 3]])
THERE = np.eye(4)


def lennard_jones(x):
    r2 = np.sum((x[:, None] - x) ** 2, axis=-1) + THERE
    return 2 * np.sum((1 - THERE) * (r2**-6 - r2**-3))


def lennard_jones_gradient(x):
    gap = x[:, None] - x
    r2 = np.sum(gap**2, axis=-1) + THERE
    slope = (1 - THERE) * (-12 * r2**-7 + 6 * r2**-4)
    return 4 * np.sum(slope[..., None] * gap, axis=1)


def coulomb(x, q):
    r = np.sqrt(np.sum((x[:, None] - x) ** 2, axis=-1) + THERE)
    return np.sum((1 - THERE) * np.outer(q, q) / r) / 2


def coulomb_gradient(x, q):
    gap = x[:, None] - x
    r = np.sqrt(np.sum(gap**2, axis=-1) + THERE)
    weights = (1 - THERE) / r
    return -np.sum((np.outer(q, q) * weights**3)[..., None] * gap, axis=1), weights @ q


def springs(x, k):
    gap = x[PAIRS[:, 0]] - x[PAIRS[:, 1]]
    return k / 2 * np.sum((np.sqrt(np.sum(gap**2, axis=1)) - 1) ** 2)


def springs_gradient(x, k):
    gap = x[PAIRS[:, 0]] - x[PAIRS[:, 1]]
    length = np.sqrt(np.sum(gap**2, axis=1))
    force = k * ((length - 1) / length)[:, None] * gap
    dx = np.zeros_like(x)
    np.add.at(dx, PAIRS[:, 0], force)
    np.add.at(dx, PAIRS[:, 1], -force)
    return dx, np.sum((length - 1) ** 2) / 2


def morse(r, depth, width):
    return np.sum(depth * (1 - np.exp(-width * (r - 1))) ** 2)


def morse_gradient(r, depth, width):
    e = np.exp(-width * (r - 1))
    inner = 2 * depth * (1 - e) * e
    return inner * width, np.sum((1 - e) ** 2), np.sum(inner * (r - 1))


def pendulum(state, length):
    angle, speed = state
    return np.stack([angle + DT * speed, speed - DT * G / length * np.sin(angle)])


def pendulum_backward(dy, state, length):
    angle, _ = state
    dangle = dy[0] - DT * G / length * np.cos(angle) * dy[1]
    dlength = DT * G / length**2 * np.sum(dy[1] * np.sin(angle))
    return np.stack([dangle, DT * dy[0] + dy[1]]), dlength


def heat(u, k):
    return u + k * (np.roll(u, 1) - 2 * u + np.roll(u, -1))


def heat_backward(dy, u, k):
    spread = np.roll(dy, 1) - 2 * dy + np.roll(dy, -1)
    return dy + k * spread, np.sum(u * spread)


def advected(u, c):
    """Upwind: what flows in from the left."""
    return u - c * (u - np.roll(u, 1))


def advected_backward(dy, u, c):
    return dy - c * (dy - np.roll(dy, -1)), -np.sum(dy * (u - np.roll(u, 1)))


def lorentz(v):
    return 1 / np.sqrt(1 - v**2)


def lorentz_backward(dy, v):
    return dy * v * (1 - v**2) ** -1.5


def verlet(x, v):
    """A step in the potential x⁴ / 4."""
    half = v - DT / 2 * x**3
    x = x + DT * half
    return np.stack([x, half - DT / 2 * x**3])


def verlet_backward(dy, x, v):
    after = x + DT * (v - DT / 2 * x**3)
    dx = dy[0] - DT / 2 * 3 * after**2 * dy[1]
    dhalf = dy[1] + DT * dx
    return dx - DT / 2 * 3 * x**2 * dhalf, dhalf


def planck(x, t):
    """A spectrum at temperature t."""
    return x**3 / np.expm1(x / t)


def planck_backward(dy, x, t):
    e = np.expm1(x / t)
    common = dy * x**3 * (e + 1) / e**2
    return dy * 3 * x**2 / e - common / t, np.sum(common * x) / t**2


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_loss(
        lennard_jones, lennard_jones_gradient, (ATOMS,),
        ("repulsion alone", "(-12 * r2**-7 + 6 * r2**-4)", "(-12 * r2**-7)", TERM),
        ("pairs counted once", "return 4 *", "return 2 *", "half|twice|factor|2 ×|too small"),
        ("force, not gradient", "return 4 *", "return -4 *", SIGN),
        ("an atom and itself", "r2 = np.sum(gap**2, axis=-1) + THERE\n    slope = (1 - THERE)", "r2 = np.sum(gap**2, axis=-1)\n    slope = (1 - THERE)", "nan|not a number|finite|0 ×"),
    ),
    *of_loss(
        coulomb, coulomb_gradient, (ATOMS, CHARGES),
        ("inverse square without direction", "weights**3", "weights**2", "power|exponent|factor|norm|unit|root"),
        ("pairs counted twice", ", weights @ q", ", 2 * weights @ q", "half|twice|factor|2 ×|too large"),
        ("sign", "return -np", "return np", SIGN),
        ("one charge", "np.outer(q, q) * weights**3", "q * weights**3", "factor|charge"),
    ),
    *of_loss(
        springs, springs_gradient, (ATOMS, 2.0),
        ("one end", "    np.add.at(dx, PAIRS[:, 1], -force)\n", "", TERM),
        ("ends that meet twice", "np.add.at(dx, PAIRS[:, 0], force)", "dx[PAIRS[:, 0]] += force", "repeat|index|ids|scatter|add|accumul|duplic|overwr|term"),
        ("natural length", "((length - 1) / length)", "(length / length)", "term|natural|length"),
        ("half", "np.sum((length - 1) ** 2) / 2", "np.sum((length - 1) ** 2)", "half|twice|factor|2 ×|too large"),
    ),
    *of_loss(
        morse, morse_gradient, (np.array([0.8, 1.3, 2.0]), 1.5, 1.1),
        ("inner derivative", "return inner * width", "return inner", r"factor|1\.1|chain|×"),
        ("exp's sign", "inner = 2", "inner = -2", SIGN),
        ("(r − 1) is r", "inner * (r - 1)", "inner * r", TERM),
        ("square's two", "inner = 2 *", "inner =", "half|twice|factor|2 ×|too small"),
    ),
    *of_pair(
        pendulum, pendulum_backward, (np.array([[0.7, -1.2], [0.3, 0.5]]), 1.4),
        ("sin for cos", "np.cos(angle)", "np.sin(angle)", "sin|cos"),
        ("angle held constant", "dy[0] - DT * G / length * np.cos(angle) * dy[1]", "dy[0]", TERM),
        ("step of the speed", "DT * dy[0] + dy[1]", "dy[0] + dy[1]", r"factor|0\.05|20|×|term|too large"),
        ("not summed", "np.sum(dy[1] * np.sin(angle))", "dy[1] * np.sin(angle)", "sum"),
    ),
    *of_pair(
        heat, heat_backward, (FIELD, 0.2),
        ("the point itself", "np.roll(dy, 1) - 2 * dy +", "np.roll(dy, 1) +", TERM),
        ("identity", "dy + k * spread", "k * spread", "term|identity"),
        ("one neighbour twice", "np.roll(dy, 1) - 2 * dy + np.roll(dy, -1)", "np.roll(dy, 1) - 2 * dy + np.roll(dy, 1)", "shift|roll|index|place|swap|term|direction"),
    ),
    *of_pair(
        advected, advected_backward, (FIELD, 0.3),
        ("downstream", "np.roll(dy, -1)", "np.roll(dy, 1)", "shift|roll|transpos|direction|index|place"),
        ("sign of c", ", -np.sum", ", np.sum", SIGN),
    ),
    *of_pair(
        lorentz, lorentz_backward, (np.array([0.2, -0.5, 0.8]),),
        ("power", "** -1.5", "** -0.5", "power|exponent|factor|root"),
        ("chain rule", "dy * v *", "dy *", "factor|chain| v|by x"),
        ("twice", "dy * v *", "dy * 2 * v *", "half|twice|factor|2 ×|too large"),
    ),
    *of_pair(
        verlet, verlet_backward, (FIELD, FIELD[::-1].copy()),
        ("first kick held constant", "return dx - DT / 2 * 3 * x**2 * dhalf, dhalf", "return dx, dhalf", TERM),
        ("second kick at the old place", "3 * after**2", "3 * x**2", "place|instead|before|after|step|input"),
        ("drift", "dhalf = dy[1] + DT * dx", "dhalf = dy[1] + dx", r"factor|0\.05|20|×|term|too large"),
    ),
    *of_pair(
        planck, planck_backward, (np.array([0.5, 1.5, 3.0]), 0.9),
        ("product rule", "dy * 3 * x**2 / e - common / t", "dy * 3 * x**2 / e", "term|denominator|product|quotient"),
        ("exp for expm1", "(e + 1) / e**2", "e / e**2", r"\bexp|term|factor"),
        ("temperature's power", "/ t**2", "/ t", r"power|square|factor|×|0\.9|1\.1"),
    ),
]  # fmt: skip
