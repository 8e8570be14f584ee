"""What solves an equation, differentiated by the implicit function theorem, in JAX and NumPy."""

import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(5)
A, B, TALL, RHS = (
    RNG.normal(size=(4, 4)) + 3 * np.eye(4),
    RNG.normal(size=4),
    RNG.normal(size=(6, 3)),
    RNG.normal(size=6),
)
SMALL, STEPS = RNG.normal(size=(4, 4)) / 5, 60


def root(a):
    x = np.ones_like(a)
    for _ in range(8):
        x = (x + a / x) / 2
    return x


def root_backward(dx, a):
    return dx / (2 * root(a))


def lambert(a):
    """x with x exp(x) = a."""
    x = jnp.log1p(a)
    for _ in range(8):
        x = x - (x - a * jnp.exp(-x)) / (1 + x)
    return x


def lambert_backward(dx, a):
    x = lambert(a)
    return dx / (jnp.exp(x) * (1 + x))


def solved(a, b):
    return np.linalg.solve(a, b)


def solved_backward(dx, a, b):
    db = np.linalg.solve(a.T, dx)
    return -np.outer(db, np.linalg.solve(a, b)), db


def least_squares(a, b):
    return jnp.linalg.solve(a.T @ a, a.T @ b)


def least_squares_backward(dx, a, b):
    x = least_squares(a, b)
    w = jnp.linalg.solve(a.T @ a, dx)
    return jnp.outer(b - a @ x, w) - jnp.outer(a @ w, x), a @ w


def ridge(a, b, penalty):
    return jnp.linalg.solve(a.T @ a + penalty * jnp.eye(3), a.T @ b)


def ridge_backward(dx, a, b, penalty):
    x = ridge(a, b, penalty)
    w = jnp.linalg.solve(a.T @ a + penalty * jnp.eye(3), dx)
    return jnp.outer(b - a @ x, w) - jnp.outer(a @ w, x), a @ w, -w @ x


def kepler(m, e):
    """The anomaly E with E − e sin E = m."""
    x = m + e * np.sin(m)
    for _ in range(12):
        x = x - (x - e * np.sin(x) - m) / (1 - e * np.cos(x))
    return x


def kepler_backward(dx, m, e):
    x = kepler(m, e)
    dm = dx / (1 - e * np.cos(x))
    return dm, np.sum(dm * np.sin(x))


def fixed_point(w, b):
    x = jnp.zeros_like(b)
    for _ in range(STEPS):
        x = jnp.tanh(w @ x + b)
    return x


def fixed_point_backward(dx, w, b):
    x = fixed_point(w, b)
    slope = 1 - x**2
    db = slope * jnp.linalg.solve(jnp.eye(4) - w.T * slope, dx)
    return jnp.outer(db, x), db


def quadratic(b, c):
    """The larger root of x² + b x + c."""
    return (-b + np.sqrt(b**2 - 4 * c)) / 2


def quadratic_backward(dx, b, c):
    x = quadratic(b, c)
    return -dx * x / (2 * x + b), -dx / (2 * x + b)


def softened(z):
    """Water-filling: y = log(1 + exp(z − t)) with t such that y sums to 2."""
    t = jnp.mean(z)
    for _ in range(30):
        p = jnp.logaddexp(0, z - t)
        t = t + (p.sum() - 2) / (1 / (1 + jnp.exp(t - z))).sum()
    return jnp.logaddexp(0, z - t)


def softened_backward(dy, z):
    s = 1 - jnp.exp(-softened(z))
    return s * (dy - jnp.sum(s * dy) / s.sum())


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_pair(
        root, root_backward, (np.array([0.4, 1.5, 2.5]),),
        ("two", "(2 * root(a))", "root(a)", "half|factor|twice|2 ×|too large"),
        ("a for its root", "(2 * root(a))", "(2 * a)", "root|place|instead|sqrt|power"),
        ("the residual's derivative", "dx / (2 * root(a))", "dx * 2 * root(a)", "divi|invers|reciproc|1 /"),
    ),
    *of_pair(
        lambert, lambert_backward, (np.array([0.4, 1.5, 2.5]),),
        ("product rule", "(jnp.exp(x) * (1 + x))", "jnp.exp(x)", r"term|product|factor|1 \+ x"),
        ("not inverted", "dx / (jnp.exp(x) * (1 + x))", "dx * (jnp.exp(x) * (1 + x))", "divi|invers|reciproc|1 /"),
        ("at a, not at x", "x = lambert(a)", "x = a", "place|instead|input|output"),
    ),
    *of_pair(
        solved, solved_backward, (A, B),
        ("not transposed", "a.T, dx", "a, dx", "transpos"),
        ("sign", "return -np", "return np", SIGN),
        ("outer product's order", "np.outer(db, np.linalg.solve(a, b))", "np.outer(np.linalg.solve(a, b), db)", "transpos|order"),
        ("b for x", "np.outer(db, np.linalg.solve(a, b))", "np.outer(db, b)", "place|instead"),
        ("multiplied, not solved", "np.linalg.solve(a.T, dx)", "a.T @ dx", "invers|solve|divi"),
    ),
    *of_pair(
        least_squares, least_squares_backward, (TALL, RHS),
        ("residual's part", "jnp.outer(b - a @ x, w) - jnp.outer", "-jnp.outer", TERM),
        ("residual's sign", "b - a @ x", "a @ x - b", "sign|minus|term"),
        ("normal matrix not inverted", "w = jnp.linalg.solve(a.T @ a, dx)", "w = (a.T @ a) @ dx", "invers|solve"),
    ),
    *of_pair(
        ridge, ridge_backward, (TALL, RHS, 0.7),
        ("sign of the penalty", ", -w @ x", ", w @ x", SIGN),
        ("penalty missing in the solve", "w = jnp.linalg.solve(a.T @ a + penalty * jnp.eye(3), dx)", "w = jnp.linalg.solve(a.T @ a, dx)", "term|penalty|solve|ridge"),
        ("b for the residual", "jnp.outer(b - a @ x, w)", "jnp.outer(b, w)", TERM),
    ),
    *of_pair(
        kepler, kepler_backward, (np.array([0.5, 1.5, 4.0]), 0.4),
        ("sign in the bottom", "(1 - e * np.cos(x))\n    return", "(1 + e * np.cos(x))\n    return", SIGN),
        ("explicit part alone", "np.sum(dm * np.sin(x))", "np.sum(dx * np.sin(x))", "term|divi|factor|implicit"),
        ("cos for sin", "np.sum(dm * np.sin(x))", "np.sum(dm * np.cos(x))", "cos|sin"),
        ("sine of m", "np.sum(dm * np.sin(x))", "np.sum(dm * np.sin(m))", "place|instead|input"),
    ),
    *of_pair(
        fixed_point, fixed_point_backward, (SMALL, B),
        ("one step alone", "slope * jnp.linalg.solve(jnp.eye(4) - w.T * slope, dx)", "slope * dx", "term|implicit|solve|invers"),
        ("not transposed", "w.T * slope", "w * slope", "transpos"),
        ("slope of the outside", "db = slope * jnp", "db = jnp", "factor|tanh|slope"),
        ("sign inside", "jnp.eye(4) - w.T", "jnp.eye(4) + w.T", SIGN),
    ),
    *of_pair(
        quadratic, quadratic_backward, (np.array([1.0, -2.0, 0.5]), np.array([-1.0, 0.5, -2.0])),
        ("sign of c", ", -dx / (2 * x + b)", ", dx / (2 * x + b)", SIGN),
        ("b held constant in the bottom", "-dx * x / (2 * x + b), -", "-dx / 2 - 0 * x, -", TERM),
        ("x forgotten", "-dx * x / (2 * x + b), -", "-dx / (2 * x + b), -", "factor|by x|multipl|place|one for"),
    ),
    *of_pair(
        softened, softened_backward, (np.array([0.3, -1.0, 2.0, 0.8]),),
        ("level held constant", "(dy - jnp.sum(s * dy) / s.sum())", "dy", "term|constant|mean"),
        ("mean, not weighted", "jnp.sum(s * dy) / s.sum()", "jnp.mean(dy)", "mean|weight|factor|term"),
    ),
]  # fmt: skip
