"""celerite2: solves with semiseparable matrices, whose derivatives are compiled code."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "celerite2"


def cases() -> Iterator[Case]:
    import celerite2.jax
    from celerite2.jax import ops, terms

    rng = np.random.default_rng(12)
    t, c = np.array([0.0, 0.7, 1.1, 2.0, 2.2]), np.array([0.3, 0.8])
    U, V, W = 0.5 * rng.normal(size=(3, 5, 2))
    Y, a, t2 = rng.normal(size=(5, 3)), rng.uniform(3, 4, 5), np.array([0.2, 1.3, 2.4])
    yield Case(PACKAGE, "factor", ops.factor, (t, c, a, U, V))
    for name in ("solve_lower", "solve_upper", "matmul_lower", "matmul_upper"):
        yield Case(PACKAGE, name, getattr(ops, name), (t, c, U, W, Y))
    for name in ("general_matmul_lower", "general_matmul_upper"):
        yield Case(PACKAGE, name, getattr(ops, name), (t2, t, c, U[:3], V, Y))

    def likelihood(parameters: Any, y: Any) -> Any:
        kernel = terms.SHOTerm(S0=parameters[0], w0=parameters[1], Q=parameters[2])
        process = celerite2.jax.GaussianProcess(kernel, t=t, diag=0.1)
        return process.log_likelihood(y)

    yield Case(PACKAGE, "GaussianProcess.log_likelihood", likelihood,
               (np.array([1.3, 2.1, 0.9]), Y[:, 0].copy()))  # fmt: skip
