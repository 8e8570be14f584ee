"""Jaxley: the implicit step's solve of a branched neuron, with its own rule."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "jaxley"


def cases() -> Iterator[Case]:
    from jaxley import solver_gate
    from jaxley.solver_voltage import _make_dhs_solve

    rng = np.random.default_rng(18)
    # Node 0 is the root, 1 and 2 its children, 3 the child of 1; each level lists (child, parent).
    levels = [np.array([[1, 0], [2, 0]]), np.array([[3, 1]])]
    indexer = {
        "node_order_grouped": levels,
        "all_children": np.array([1, 2, 3]),
        "all_parents": np.array([0, 0, 1]),
    }
    solve = _make_dhs_solve(indexer, False, 5)
    diagonal = np.append(4 + rng.uniform(size=4), 1.0)
    lower, upper = (np.append(rng.uniform(-1, 0, 4), 0.0) for _ in range(2))
    lower[0] = upper[0] = 0.0
    right = np.append(rng.normal(size=4), 0.0)

    def voltages(d: Any, low: Any, high: Any, b: Any) -> Any:
        return solve(d, low, high, b)[:4]

    yield Case(PACKAGE, "solver_voltage, dhs_solve", voltages, (diagonal, lower, upper, right))
    x = rng.uniform(0.1, 0.9, 3)
    yield Case(PACKAGE, "solver_gate.exponential_euler",
               lambda x, inf, tau: solver_gate.exponential_euler(x, 0.025, inf, tau),
               (x, x[::-1].copy(), 2 * x))  # fmt: skip
    yield Case(PACKAGE, "solver_gate.save_exp", solver_gate.save_exp, (10 * x - 5,))
