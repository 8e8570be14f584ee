"""Functions of matrices, in JAX."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(12)
A, B, C = RNG.normal(size=(3, 4, 4)) + 2 * np.eye(4)
V, SPD, LOWER = RNG.normal(size=4), A @ A.T / 4, np.tril(B)


def log_det(a):
    return jnp.linalg.slogdet(a)[1]


def log_det_backward(dy, a):
    return dy * jnp.linalg.inv(a).T


def det(a):
    return jnp.linalg.det(a)


def det_backward(dy, a):
    return dy * jnp.linalg.det(a) * jnp.linalg.inv(a).T


def inverse(a):
    return jnp.linalg.inv(a)


def inverse_backward(dy, a):
    y = jnp.linalg.inv(a)
    return -y.T @ dy @ y.T


def cube(a):
    return jnp.trace(a @ a @ a)


def cube_backward(dy, a):
    return 3 * dy * (a @ a).T


def quadratic(x, a):
    return x @ a @ x


def quadratic_backward(dy, x, a):
    return dy * (a + a.T) @ x, dy * jnp.outer(x, x)


def product(a, b, c):
    return a @ b @ c


def product_backward(dy, a, b, c):
    return dy @ c.T @ b.T, a.T @ dy @ c.T, b.T @ a.T @ dy


def squared(a):
    return a @ a


def squared_backward(dy, a):
    return dy @ a.T + a.T @ dy


def whitened(l, b):
    """The triangular system l x = b; what is above the diagonal of l is not read."""
    return solve_triangular(l, b, lower=True)


def whitened_backward(dx, l, b):
    db = solve_triangular(l, dx, lower=True, trans=1)
    return -jnp.tril(jnp.outer(db, whitened(l, b))), db


def cholesky_solved(a, b):
    return cho_solve((jnp.linalg.cholesky(a), True), b)


def cholesky_solved_backward(dx, a, b):
    x = cholesky_solved(a, b)
    db = cho_solve((jnp.linalg.cholesky(a), True), dx)
    both = jnp.outer(db, x)
    return -(both + both.T) / 2, db


def mahalanobis(x, a):
    return jnp.sqrt(x @ jnp.linalg.solve(a, x))


def mahalanobis_backward(dy, x, a):
    left, right = jnp.linalg.solve(a.T, x), jnp.linalg.solve(a, x)
    d = jnp.sqrt(x @ right)
    return dy * (left + right) / (2 * d), -dy * jnp.outer(left, right) / (2 * d)


def frobenius(a, b):
    return jnp.sqrt(jnp.sum((a - b) ** 2))


def frobenius_backward(dy, a, b):
    da = dy * (a - b) / jnp.sqrt(jnp.sum((a - b) ** 2))
    return da, -da


def sandwiched(a, s):
    return a @ s @ a.T


def sandwiched_backward(dy, a, s):
    return dy @ a @ s.T + dy.T @ a @ s, a.T @ dy @ a


SIGN, TERM, TRANSPOSED = "sign|minus|negat", "term", "transpos"
MISTAKES = [
    *of_pair(
        log_det, log_det_backward, (A,),
        ("not transposed", "inv(a).T", "inv(a)", TRANSPOSED),
        ("the determinant's gradient", "dy * jnp", "dy * jnp.linalg.det(a) * jnp", "det|log|factor|×"),
        ("upstream forgotten", "dy * jnp.linalg", "jnp.linalg", "dout|upstream|dy"),
    ),
    *of_pair(
        det, det_backward, (A,),
        ("logarithm's gradient", "dy * jnp.linalg.det(a) *", "dy *", "det|log|factor|×"),
        ("not transposed", "inv(a).T", "inv(a)", TRANSPOSED),
    ),
    *of_pair(
        inverse, inverse_backward, (A,),
        ("sign", "-y.T", "y.T", SIGN),
        ("not transposed", "-y.T @ dy @ y.T", "-y @ dy @ y", TRANSPOSED),
        ("as if of numbers", "-y.T @ dy @ y.T", "-dy * (y @ y)", "element|product|matrix|order"),
        ("upstream transposed", "@ dy @", "@ dy.T @", TRANSPOSED),
    ),
    *of_pair(
        cube, cube_backward, (A,),
        ("one of three places", "3 * dy", "dy", "factor|×|term|power"),
        ("not transposed", "(a @ a).T", "(a @ a)", TRANSPOSED),
        ("power of entries", "(a @ a).T", "a**2", "element|product|matrix|entr|power"),
    ),
    *of_pair(
        quadratic, quadratic_backward, (V, A),
        ("as if symmetric", "(a + a.T)", "(2 * a)", "symmetr|transpos|both|term"),
        ("one of two places", "(a + a.T)", "a", TERM),
        ("half for the matrix", "dy * jnp.outer(x, x)", "dy * jnp.outer(x, x) / 2", "half|twice|factor|2 ×|too small"),
        ("inner for outer", "dy * jnp.outer(x, x)", "dy * (x @ x) * jnp.eye(4)", "outer|inner|diagonal|product"),
    ),
    *of_pair(
        product, product_backward, (A, B, C),
        ("order", "dy @ c.T @ b.T", "dy @ b.T @ c.T", "order|swap|exchang|place"),
        ("one not transposed", "b.T @ a.T @ dy", "b.T @ a @ dy", TRANSPOSED),
        ("middle's left", "a.T @ dy @ c.T", "dy @ c.T", "factor|multipl|term"),
    ),
    *of_pair(
        squared, squared_backward, (A,),
        ("one of two places", "dy @ a.T + a.T @ dy", "dy @ a.T", TERM),
        ("as if of numbers", "dy @ a.T + a.T @ dy", "2 * dy @ a.T", "term|order|commut|place|both"),
    ),
    *of_pair(
        whitened, whitened_backward, (LOWER, V),
        ("not transposed", "lower=True, trans=1", "lower=True", TRANSPOSED),
        ("sign", "return -jnp", "return jnp", SIGN),
        ("above the diagonal too", "-jnp.tril(jnp.outer(db, whitened(l, b)))", "-jnp.outer(db, whitened(l, b))", "triang|tril|mask|zero|diagonal"),
    ),
    *of_pair(
        cholesky_solved, cholesky_solved_backward, (SPD, V),
        ("sign", "return -(both", "return (both", SIGN),
        ("symmetrised without half", "(both + both.T) / 2", "(both + both.T)", "half|twice|factor|2 ×|too large"),
        ("b for x", "jnp.outer(db, x)", "jnp.outer(db, b)", "place|instead"),
    ),
    *of_pair(
        mahalanobis, mahalanobis_backward, (V, SPD),
        ("root", "dy * (left + right) / (2 * d)", "dy * (left + right)", "sqrt|root|factor|divi"),
        ("sign of the covariance", "-dy * jnp", "dy * jnp", SIGN),
        ("two", "(left, right) / (2 * d)", "(left, right) / d", "half|twice|factor|2 ×|too large"),
    ),
    *of_pair(
        frobenius, frobenius_backward, (A, B),
        ("sign of the second", "return da, -da", "return da, da", SIGN),
        ("root", " / jnp.sqrt(jnp.sum((a - b) ** 2))\n", "\n", "sqrt|root|norm|factor|divi|×"),
        ("square's gradient", "dy * (a - b)", "dy * 2 * (a - b)", "half|twice|factor|2 ×|too large"),
    ),
    *of_pair(
        sandwiched, sandwiched_backward, (A, C),
        ("one of two places", "dy @ a @ s.T + dy.T @ a @ s,", "dy @ a @ s.T,", TERM),
        ("as if dy were symmetric", "dy @ a @ s.T + dy.T @ a @ s,", "2 * dy @ a @ s.T,", "symmetr|transpos|both|term"),
        ("the middle's sides", "a.T @ dy @ a\n", "a @ dy @ a.T\n", "transpos|order|swap"),
    ),
]  # fmt: skip
