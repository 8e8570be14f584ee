"""Optimistix: roots, minima and fixed points differentiated by the implicit function theorem."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "optimistix"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    import jax.numpy as jnp
    import optimistix as optx

    rng = np.random.default_rng(17)
    X, y, a = rng.normal(size=(7, 3)), rng.normal(size=7), rng.uniform(0.3, 0.9, 3)

    def root(solver: Any) -> Any:
        return lambda a: (
            optx.root_find(
                lambda x, a: x**3 + x - a + 0.1 * jnp.sum(x), solver, jnp.ones(3), a
            ).value
        )

    def squares(solver: Any) -> Any:
        def residual(w: Any, y: Any) -> Any:
            return jnp.tanh(X @ w) - y

        return lambda y: optx.least_squares(residual, solver, jnp.zeros(3), y, max_steps=500).value

    def minimum(solver: Any) -> Any:
        def objective(w: Any, args: Any) -> Any:
            y, strength = args
            return jnp.mean((X @ w - y) ** 4) + strength * w @ w

        def value(y: Any, strength: Any) -> Any:
            return optx.minimise(
                objective, solver, jnp.zeros(3), (y, strength), max_steps=2000
            ).value

        return value

    def fixed(a: Any) -> Any:
        solver = optx.FixedPointIteration(rtol=1e-13, atol=1e-13)
        return optx.fixed_point(lambda x, a: jnp.cos(a * x), solver, jnp.zeros(3), a).value

    def bisected(a: Any) -> Any:
        solver = optx.Bisection(rtol=1e-13, atol=1e-13)
        options = {"lower": 0.0, "upper": 4.0}
        start = jnp.array(1.0)
        return optx.root_find(lambda x, a: x**3 + x - a, solver, start, a, options).value

    exact = {"rtol": 1e-13, "atol": 1e-13}
    yield _case("root_find, Newton", root(optx.Newton(**exact)), a)
    yield _case("root_find, Newton", root(optx.Newton(rtol=1e-3, atol=1e-3)), a, label="coarse")
    yield _case("root_find, Chord", root(optx.Chord(**exact)), a)
    yield _case("root_find, Dogleg", root(optx.Dogleg(**exact)), a)
    yield _case("root_find, Bisection", bisected, np.array(2.3))
    yield _case("least_squares, LevenbergMarquardt", squares(optx.LevenbergMarquardt(**exact)),
                0.3 * y)  # fmt: skip
    yield _case("least_squares, GaussNewton", squares(optx.GaussNewton(**exact)), 0.3 * y)
    yield _case("minimise, BFGS", minimum(optx.BFGS(**exact)), y, np.array(0.2))
    yield _case("fixed_point", fixed, a)
    for name in ("rms_norm", "max_norm", "two_norm"):
        yield _case(name, getattr(optx, name), a - 0.6)
        yield _case(name, getattr(optx, name), 0 * a, label="0")
