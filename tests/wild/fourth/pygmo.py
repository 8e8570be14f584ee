"""pygmo: test problems of optimizers with sparse gradients and Hessians."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import by_jacobian

PACKAGE = "pygmo"


def cases() -> Iterator[Case]:
    import pygmo

    at = np.random.default_rng(59).uniform(1, 3, 6)
    for name, given, size in (
        ("rosenbrock", (4,), 4),
        ("hock_schittkowski_71", (), 4),
        ("luksan_vlcek1", (5,), 5),
        ("minlp_rastrigin", (4, 2), 6),
    ):
        problem = pygmo.problem(getattr(pygmo, name)(*given))
        x = at[:size].copy()
        pair = by_jacobian(problem.fitness, lambda x, p=problem: _dense(p, x))
        yield Case(PACKAGE, f"{name}.gradient", pair, (x,))
        if problem.has_hessians():
            for number in range(problem.get_nf()):
                pair = by_jacobian(lambda x, p=problem, n=number: _dense(p, x)[n],
                                   lambda x, p=problem, n=number: _hessian(p, x, n))  # fmt: skip
                yield Case(PACKAGE, f"{name}.hessians", pair, (x,), str(number))
    least = np.ones(4)
    problem = pygmo.problem(pygmo.rosenbrock(4))
    pair = by_jacobian(problem.fitness, lambda x: _dense(problem, x))
    yield Case(PACKAGE, "rosenbrock.gradient", pair, (least,), "at its minimum")


def _dense(problem: Any, x: Any) -> np.ndarray:
    found = np.zeros((problem.get_nf(), len(x)))
    found[tuple(problem.gradient_sparsity().T)] = problem.gradient(x)
    return found


def _hessian(problem: Any, x: Any, number: int) -> np.ndarray:
    """Their lower triangles are given."""
    lower = np.zeros((len(x), len(x)))
    lower[tuple(problem.hessians_sparsity()[number].T)] = problem.hessians(x)[number]
    return lower + np.tril(lower, -1).T
