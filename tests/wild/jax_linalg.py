"""Linear algebra, solvers and cumulative operations of jax.

Samples are left out: the derivative of `random.gamma` and its like is that of a distribution, and
not of the program that draws them.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as linalg
import numpy as np
from jax import lax

from tests.wild.case import Case

PACKAGE = "jax"


def symmetric(a: Any) -> Any:
    return (a + a.T) / 2


def cases() -> Iterator[Case]:
    """Factorisations, functions of matrices, solutions; then what is not of matrices."""
    rng = np.random.default_rng(303)
    square, tall = rng.normal(size=(3, 3)), rng.normal(size=(4, 2))
    positive = square.T @ square + 0.8 * np.eye(3)
    yield from _factors(square, tall, positive)
    yield from _determinants(rng)
    yield from _functions(square, tall, positive)
    yield from _solutions(rng, square, tall, positive)
    yield from _rows(rng)


def _factors(square: Any, tall: Any, positive: Any) -> Iterator[Case]:
    np_linalg = jnp.linalg
    for name, function, a in (
        ("numpy.linalg.cholesky", lambda a: np_linalg.cholesky(symmetric(a)), positive),
        ("scipy.linalg.cholesky", lambda a: linalg.cholesky(symmetric(a)), positive),
        ("numpy.linalg.eigh", lambda a: np_linalg.eigh(symmetric(a)), positive),
        ("numpy.linalg.eigvalsh", lambda a: np_linalg.eigvalsh(symmetric(a)), positive),
        ("numpy.linalg.svd", lambda a: np_linalg.svd(a, full_matrices=False), tall),
        ("numpy.linalg.svdvals", lambda a: np_linalg.svd(a, compute_uv=False), tall),
        ("numpy.linalg.qr", np_linalg.qr, tall),
        ("scipy.linalg.lu", lambda a: linalg.lu(a)[1:], square),
        ("scipy.linalg.polar", lambda a: linalg.polar(a, method="svd")[0], tall),
        ("numpy.linalg.eigvals", lambda a: jnp.abs(np_linalg.eigvals(a)), square),
    ):
        yield Case(PACKAGE, name, function, (a,), "ordinary")
    eigenvalues = np_linalg.eigvalsh
    yield Case(PACKAGE, "numpy.linalg.eigvalsh", eigenvalues, (2 * np.eye(3),), "edge ties")


def _determinants(rng: np.random.Generator) -> Iterator[Case]:
    a = rng.normal(size=(4, 4))
    once, twice = a.copy(), a.copy()
    once[2] = once[1]
    twice[[2, 3]] = twice[[0, 1]]
    batch = rng.normal(size=(2, 3, 3))
    determinant = jnp.linalg.det
    for label, matrix in (
        ("2 × 2", a[:2, :2]),
        ("3 × 3", a[:3, :3]),
        ("4 × 4", a),
        ("a batch", batch),
        ("edge rank 3 of 4", once),
        ("edge rank 2 of 4", twice),
        ("edge zero", np.zeros((3, 3))),
    ):
        yield Case(PACKAGE, "numpy.linalg.det", determinant, (matrix,), label)
    logarithm = jnp.linalg.slogdet
    yield Case(PACKAGE, "numpy.linalg.slogdet", lambda a: logarithm(a)[1], (a,), "logarithm")
    yield Case(PACKAGE, "numpy.linalg.slogdet", lambda a: tuple(logarithm(a)), (a,), "with sign")
    by_qr = "numpy.linalg.slogdet by QR"
    yield Case(PACKAGE, by_qr, lambda a: logarithm(a, method="qr")[1], (a,), "ordinary")


def _functions(square: Any, tall: Any, positive: Any) -> Iterator[Case]:
    inverse = jnp.linalg.pinv
    deficient = np.c_[tall, tall[:, :1]]
    yield Case(PACKAGE, "numpy.linalg.pinv", inverse, (tall,), "tall")
    yield Case(PACKAGE, "numpy.linalg.pinv", inverse, (tall.T.copy(),), "wide")
    yield Case(PACKAGE, "numpy.linalg.pinv", inverse, (deficient,), "edge deficient rank")
    yield Case(PACKAGE, "numpy.linalg.inv", jnp.linalg.inv, (square,), "ordinary")
    power = jnp.linalg.matrix_power
    yield Case(PACKAGE, "numpy.linalg.matrix_power", lambda a: power(a, 3), (square,), "cube")
    yield Case(PACKAGE, "numpy.linalg.matrix_power", lambda a: power(a, -2), (square,), "negative")
    yield Case(PACKAGE, "scipy.linalg.expm", linalg.expm, (square,), "ordinary")
    yield Case(PACKAGE, "scipy.linalg.expm", linalg.expm, (np.zeros((2, 2)),), "edge zero")

    def frechet(a: Any, e: Any) -> Any:
        return linalg.expm_frechet(a, e, compute_expm=False)

    name = "scipy.linalg.expm_frechet"
    yield Case(PACKAGE, name, frechet, (square[:2, :2] / 3, positive[:2, :2] / 4), "ordinary")
    for order, label in ((None, "Frobenius"), ("nuc", "nuclear"), (2, "spectral"), (1, "columns")):

        def norm(a: Any, order: Any = order) -> Any:
            return jnp.linalg.norm(a, order)

        yield Case(PACKAGE, "numpy.linalg.norm", norm, (tall,), label)
    yield Case(PACKAGE, "numpy.linalg.norm", jnp.linalg.norm, (np.zeros(4),), "edge zero")
    yield Case(PACKAGE, "numpy.linalg.norm", jnp.linalg.norm, (tall[:, 0],), "a vector")
    yield Case(PACKAGE, "numpy.cross", jnp.cross, (square[0], square[1]), "ordinary")
    yield Case(
        PACKAGE,
        "numpy.linalg.multi_dot",
        lambda a, b: jnp.linalg.multi_dot([a, b, b.T]),
        (square, positive),
        "ordinary",
    )
    yield Case(PACKAGE, "numpy.linalg.cond", jnp.linalg.cond, (positive,), "ordinary")


def _solutions(rng: np.random.Generator, square: Any, tall: Any, positive: Any) -> Iterator[Case]:
    one, two, long = rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=4)
    solve = jnp.linalg.solve
    yield Case(PACKAGE, "numpy.linalg.solve", solve, (square, one), "a vector")
    yield Case(PACKAGE, "numpy.linalg.solve", solve, (square, two), "a matrix")

    def of_positive(a: Any, b: Any) -> Any:
        return linalg.solve(symmetric(a), b, assume_a="pos")

    yield Case(PACKAGE, "scipy.linalg.solve", of_positive, (positive, one), "positive definite")

    def by_cholesky(a: Any, b: Any) -> Any:
        return linalg.cho_solve(linalg.cho_factor(symmetric(a)), b)

    yield Case(PACKAGE, "scipy.linalg.cho_solve", by_cholesky, (positive, two), "ordinary")

    def triangular(a: Any, b: Any) -> Any:
        return linalg.solve_triangular(a, b, lower=True)

    yield Case(PACKAGE, "scipy.linalg.solve_triangular", triangular, (positive, one), "lower")

    def least_squares(a: Any, b: Any) -> Any:
        return jnp.linalg.lstsq(a, b)[0]

    yield Case(PACKAGE, "numpy.linalg.lstsq", least_squares, (tall, long), "ordinary")
    sparse = jax.scipy.sparse.linalg
    for name, matrix in (("cg", positive), ("bicgstab", positive), ("gmres", square)):

        def iterated(a: Any, b: Any, name: str = name) -> Any:
            of = symmetric(a) if name == "cg" else a
            return getattr(sparse, name)(lambda x: of @ x, b, tol=1e-12)[0]

        yield Case(PACKAGE, f"scipy.sparse.linalg.{name}", iterated, (matrix, one), "ordinary")

    def custom(a: Any, b: Any) -> Any:
        def inverted(_: Any, b: Any) -> Any:
            return jnp.linalg.inv(a) @ b

        def transposed(_: Any, b: Any) -> Any:
            return jnp.linalg.inv(a).T @ b

        return lax.custom_linear_solve(lambda x: a @ x, b, inverted, transposed)

    yield Case(PACKAGE, "lax.custom_linear_solve", custom, (square, one), "ordinary")

    def cube_root(c: Any) -> Any:
        def newton(f: Any, x: Any) -> Any:
            return lax.fori_loop(0, 60, lambda _, x: x - f(x) / (3 * x * x), x)

        return lax.custom_root(lambda x: x**3 - c, c + 0.5, newton, lambda g, y: y / g(1.0))

    yield Case(PACKAGE, "lax.custom_root", cube_root, (np.array(5.0),), "a cube root")
    from jax.experimental.ode import odeint

    times = np.linspace(0.0, 0.8, 3)
    for label, tolerance in (("tolerance 1e-10", 1e-10), ("default tolerance", 1.4e-8)):

        def orbit(y: Any, k: Any, tolerance: float = tolerance) -> Any:
            def velocity(y: Any, t: Any, k: Any) -> Any:
                return jnp.stack([y[1], -k * jnp.sin(y[0]) + t])

            return odeint(velocity, y, times, k, rtol=tolerance, atol=tolerance)

        start = np.array([0.6, -0.2]), np.array(1.7)
        yield Case(PACKAGE, "experimental.ode.odeint", orbit, start, label)


def _rows(rng: np.random.Generator) -> Iterator[Case]:
    x, zeros = rng.normal(size=5), np.array([2.0, 0.0, -1.0, 0.0])
    for name, function, arguments, label in (
        ("lax.cumlogsumexp", lax.cumlogsumexp, x, "ordinary"),
        ("lax.cummax", lax.cummax, x, "ordinary"),
        ("lax.cumprod", lax.cumprod, x, "ordinary"),
        ("lax.cumprod", lax.cumprod, zeros, "edge two zeros"),
        ("numpy.prod", jnp.prod, zeros, "edge two zeros"),
        ("numpy.prod", jnp.prod, zeros[:3], "edge a zero"),
        ("numpy.sort", jnp.sort, x, "ordinary"),
        ("numpy.sort", jnp.sort, zeros, "edge ties"),
        ("numpy.max", jnp.max, np.array([1.0, 3.0, 3.0]), "edge ties"),
        ("numpy.median", jnp.median, x, "ordinary"),
        ("numpy.quantile", lambda x: jnp.quantile(x, 0.4), x, "ordinary"),
        ("numpy.std", jnp.std, x, "ordinary"),
        ("numpy.std", jnp.std, np.full(3, 2.0), "edge no variance"),
        ("lax.top_k", lambda x: lax.top_k(x, 2)[0], x, "ordinary"),
        ("numpy.convolve", lambda x: jnp.convolve(x, x[:2]), x, "ordinary"),
        ("numpy.fft.rfft", lambda x: jnp.abs(jnp.fft.rfft(x)), x, "moduli"),
        ("numpy.unwrap", jnp.unwrap, 2 * x, "ordinary"),
        ("numpy.trapezoid", jnp.trapezoid, x, "ordinary"),
        ("numpy.gradient", jnp.gradient, x, "ordinary"),
    ):
        yield Case(PACKAGE, name, function, (arguments,), label)
    image = rng.normal(size=(3, 4))
    yield Case(PACKAGE, "image.resize", lambda x: jax.image.resize(x, (5, 6), "cubic"), (image,))
    places = rng.uniform(0.2, 1.8, (2, 3))

    def interpolated(image: Any, places: Any) -> Any:
        return jax.scipy.ndimage.map_coordinates(image, list(places), 1)

    name = "scipy.ndimage.map_coordinates"
    yield Case(PACKAGE, name, interpolated, (image, places), "linear")
