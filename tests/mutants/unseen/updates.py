"""Steps of optimizers as functions of what they take, in JAX."""

import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(4)
W, G, M = RNG.normal(size=(3, 6))
V, RATE, MU, B1, B2, EPS, STEPS = RNG.uniform(0.2, 1, 6), 0.1, 0.9, 0.9, 0.99, 1e-3, 3
MATRIX = RNG.normal(size=(4, 4)) / 4


def momentum(w, v, g):
    return w - RATE * (MU * v + g)


def momentum_backward(dw, w, v, g):
    return dw, -RATE * MU * dw, -RATE * dw


def nesterov(w, v, g):
    v = MU * v - RATE * g
    return w + MU * v - RATE * g


def nesterov_backward(dw, w, v, g):
    return dw, MU**2 * dw, -RATE * (1 + MU) * dw


def adam(g, m, v):
    m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g**2
    return -RATE * m / (1 - B1**STEPS) / (jnp.sqrt(v / (1 - B2**STEPS)) + EPS)


def adam_backward(dw, g, m, v):
    m, v = (B1 * m + (1 - B1) * g) / (1 - B1**STEPS), (B2 * v + (1 - B2) * g**2) / (1 - B2**STEPS)
    root = jnp.sqrt(v)
    dm = -RATE * dw / (root + EPS) / (1 - B1**STEPS)
    dv = RATE * dw * m / (root + EPS) ** 2 / (2 * root) / (1 - B2**STEPS)
    return (1 - B1) * dm + (1 - B2) * 2 * g * dv, B1 * dm, B2 * dv


def decayed(w, g, decay):
    return w - RATE * (g + decay * w)


def decayed_backward(dw, w, g, decay):
    return (1 - RATE * decay) * dw, -RATE * dw, -RATE * jnp.sum(w * dw)


def clipped(g):
    """Scaled to a norm of 1, for its norm is larger."""
    return g / jnp.linalg.norm(g)


def clipped_backward(dy, g):
    norm = jnp.linalg.norm(g)
    return dy / norm - g * jnp.sum(g * dy) / norm**3


def adagrad(g, total):
    return g / jnp.sqrt(total + g**2)


def adagrad_backward(dy, g, total):
    s = total + g**2
    return dy * total / s**1.5, -dy * g / (2 * s**1.5)


def shrunk(w, threshold):
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - threshold, 0)


def shrunk_backward(dy, w, threshold):
    alive = jnp.abs(w) > threshold
    alive = alive.astype(float)
    return dy * alive, -jnp.sum(dy * alive * jnp.sign(w))


def descended(x, rate):
    """Three steps down x A x / 2."""
    for _ in range(STEPS):
        x = x - rate * MATRIX @ x
    return x


def descended_backward(dx, x, rate):
    points = [x]
    for _ in range(STEPS):
        points.append(points[-1] - rate * MATRIX @ points[-1])
    drate = 0.0
    for point in points[-2::-1]:
        drate = drate - dx @ (MATRIX @ point)
        dx = dx - rate * MATRIX.T @ dx
    return dx, drate


def secant(x, g):
    """The step of Barzilai and Borwein, from x to x + 1 with gradients 0 and g."""
    return jnp.sum(x * x) / jnp.sum(x * g)


def secant_backward(dy, x, g):
    top, bottom = jnp.sum(x * x), jnp.sum(x * g)
    return dy * (2 * x / bottom - top * g / bottom**2), -dy * top * x / bottom**2


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_pair(
        momentum, momentum_backward, (W, M, G),
        ("the rate for the velocity", "-RATE * MU * dw", "MU * dw", "factor|sign|rate|×"),
        ("the sign", ", -RATE * dw", ", RATE * dw", SIGN),
        ("nothing for the velocity", "-RATE * MU * dw", "0 * dw", "zero|term|missing|×"),
    ),
    *of_pair(
        nesterov, nesterov_backward, (W, M, G),
        ("looking ahead forgotten", "(1 + MU) * dw", "dw", "term|factor|too small|×"),
        ("once for twice", "MU**2", "MU", r"factor|power|square|0\.9|1\.1|×"),
    ),
    *of_pair(
        adam, adam_backward, (G, M, V),
        ("second moment held constant", " + (1 - B2) * 2 * g * dv", "", "term|constant"),
        ("bias correction", "(root + EPS) / (1 - B1**STEPS)", "(root + EPS)", "factor|bias|×|too small|constant"),
        ("two", "2 * g * dv", "g * dv", "half|factor|twice|term|2 ×"),
        ("root's derivative", " / (2 * root) /", " /", "root|sqrt|power|factor"),
        ("sign of the second moment", "dv = RATE", "dv = -RATE", SIGN),
    ),
    *of_pair(
        decayed, decayed_backward, (W, G, 0.3),
        ("decay held constant", "(1 - RATE * decay) * dw", "dw", "term|factor|×"),
        ("not summed", "jnp.sum(w * dw)", "w * dw", "sum"),
        ("g for w", "jnp.sum(w * dw)", "jnp.sum(g * dw)", "place|instead|g for|swap"),
    ),
    *of_pair(
        clipped, clipped_backward, (G,),
        ("norm held constant", " - g * jnp.sum(g * dy) / norm**3", "", "term|norm|constant"),
        ("product of entries", "g * jnp.sum(g * dy)", "g * g * dy", "sum|diagonal"),
        ("norm's power", "norm**3", "norm**2", "power|square|exponent|term|norm|factor"),
    ),
    *of_pair(
        adagrad, adagrad_backward, (G, V),
        ("total held constant", "dy * total / s**1.5, -", "dy / s**0.5, -", "term|constant"),
        ("half", "(2 * s**1.5)", "s**1.5", "factor|half|twice|2 ×|too large"),
        ("exponent", "dy * total / s**1.5, -", "dy * total / s**0.5, -", "power|exponent|factor|root"),
    ),
    *of_pair(
        shrunk, shrunk_backward, (np.array([-1.2, 0.3, 0.9, -0.2, 2.0, 0.1]), 0.5),
        ("mask the other way", "alive = jnp.abs(w) > threshold", "alive = jnp.abs(w) < threshold", "mask|branch|condition|invert|swap|side"),
        ("mask forgotten", "dy * alive, -", "dy, -", "mask|branch|where|max|relu|condit|clip"),
        ("side of zero forgotten", "dy * alive * jnp.sign(w)", "dy * alive", "sign|abs"),
    ),
    *of_pair(
        descended, descended_backward, (W[:4], 0.2),
        ("not transposed", "MATRIX.T @ dx", "MATRIX @ dx", "transpos"),
        ("points one late", "points[-2::-1]", "points[:0:-1]", "step|late|index|shift|one|after"),
        ("last step only", "drate = drate - dx", "drate = -dx", "accumul|overwr|last|add|sum|term"),
        ("x passed through", "dx = dx - rate * MATRIX.T @ dx", "dx = -rate * MATRIX.T @ dx", "term|identity"),
    ),
    *of_pair(
        secant, secant_backward, (W, G),
        ("bottom held constant", " - top * g / bottom**2", "", "term|denominator|constant"),
        ("two", "2 * x / bottom", "x / bottom", "half|factor|twice|term|2 ×"),
    ),
]  # fmt: skip
