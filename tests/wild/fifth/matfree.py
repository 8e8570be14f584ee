"""matfree: decompositions by products with vectors, whose adjoints are written by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "matfree"


def cases() -> Iterator[Case]:
    from matfree import decomp, lstsq

    rng = np.random.default_rng(77)
    A, v = rng.normal(size=(5, 5)), rng.normal(size=5)

    def times(v: Any, A: Any) -> Any:
        return A @ v

    def symmetric(v: Any, A: Any) -> Any:
        return (A + A.T) @ v

    for reortho in ("full", "none"):
        for depth in (2, 4):
            make = decomp.tridiag_sym(depth, reortho=reortho)

            def lanczos(v: Any, A: Any, make: Any = make) -> Any:
                found = make(symmetric, v, A)
                return found.Q_tall, found.J_small, found.residual, found.init_length_inv

            yield Case(PACKAGE, f"tridiag_sym, {reortho}", lanczos, (v, A), f"depth {depth}")
            other = decomp.hessenberg(depth, reortho=reortho)

            def arnoldi(v: Any, A: Any, make: Any = other) -> Any:
                found = make(times, v, A)
                return found.Q_tall, found.J_small, found.residual, found.init_length_inv

            yield Case(PACKAGE, f"hessenberg, {reortho}", arnoldi, (v, A), f"depth {depth}")
    tall, wide = rng.normal(size=(6, 3)), rng.normal(size=(3, 6))
    for name, matrix in (("tall", tall), ("wide", wide)):
        for damp in (0.0, 0.5):
            solve = lstsq.lsmr(atol=1e-15, btol=1e-15, ctol=1e-15)
            right = rng.normal(size=len(matrix))

            def solution(A: Any, b: Any, solve: Any = solve, damp: float = damp) -> Any:
                return solve(lambda v, A: v @ A, b, A, damp=damp)[0]

            yield Case(PACKAGE, "lsmr", solution, (matrix, right), f"{name}, damped {damp}",
                       options={"rtol": 1e-6})  # fmt: skip
