"""qpax: the solution of a quadratic program by its data, through a relaxed problem."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.wild.case import Case

PACKAGE = "qpax"
BOX = np.concatenate([np.eye(3), -np.eye(3)])


def cases() -> Iterator[Case]:
    """Without active bounds the solution is smooth; with them it is smoothed by design."""
    import qpax

    rng = np.random.default_rng(444)
    half, q = rng.normal(size=(3, 3)), 0.3 * rng.normal(size=3)
    square, total = half @ half.T + np.eye(3), np.ones((1, 3))

    def solved(square: Any, q: Any, b: Any, bound: Any) -> Any:
        symmetric = (square + square.T) / 2
        bounds = jnp.broadcast_to(bound, 6)
        return qpax.solve_qp_primal(symmetric, q, total, b, BOX, bounds)

    b, wide, narrow = np.array([0.1]), np.array(10.0), np.array(0.12)
    given, near = (square, q, b, wide), {"rtol": 1e-2}
    yield Case(PACKAGE, "solve_qp_primal", solved, given, "no bound active", options=near)
    yield Case(PACKAGE, "solve_qp_primal", solved, (square, 5 * q, b, narrow), "bounds active")

    def value(square: Any, q: Any, b: Any) -> Any:
        x = solved(square, q, b, wide)
        return x @ square @ x / 2 + q @ x

    yield Case(PACKAGE, "solve_qp_primal value", value, (square, q, b), "smooth", options=near)

    def elastic(square: Any, q: Any) -> Any:
        symmetric = (square + square.T) / 2
        return qpax.solve_qp_elastic_primal(symmetric, q, BOX, 10 * jnp.ones(6), 5.0)

    yield Case(PACKAGE, "solve_qp_elastic_primal", elastic, (square, q), "smooth", options=near)
