"""tensortrax: derivatives of functions of tensors by hyper-dual numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case
from tests.wild.fifth.glue import by_jacobian

PACKAGE = "tensortrax"


def cases() -> Iterator[Case]:
    import tensortrax as tr
    import tensortrax.math as tm

    rng = np.random.default_rng(71)
    A = np.eye(3) + 0.3 * rng.normal(size=(3, 3))
    B, S = rng.normal(size=(3, 3)), A + A.T
    functions: dict[str, tuple[Any, Any]] = {
        **{
            name: (lambda A, name=name: tm.sum(tm.sum(getattr(tm, name)(A) * B)), np.abs(A) + 0.2)
            for name in ("abs", "sqrt", "exp", "log", "log10")
        },
        **{
            name: (lambda A, name=name: tm.sum(tm.sum(getattr(tm, name)(A) * B)), A)
            for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")
        },
        "trace": (tm.trace, A),
        "power": (lambda A: tm.trace(A**3 * B), np.abs(A)),
        "quotient": (lambda A: tm.trace(B / A), np.abs(A) + 0.2),
        "det": (tm.linalg.det, A),
        "inv": (lambda A: tm.trace(tm.linalg.inv(A) @ B), A),
        "product": (lambda A: tm.trace(A @ A.T @ B), A),
        "ddot": (lambda A: tm.special.ddot(A, A @ A), A),
        "dev": (lambda A: tm.special.ddot(tm.special.dev(A @ A), B), A),
        "sym": (lambda A: tm.special.ddot(tm.special.sym(A @ A), B), A),
        "erf": (lambda A: tm.trace(tm.special.erf(A)), A),
        "von_mises": (tm.special.von_mises, A),
        "tresca": (tm.special.tresca, S),
        "maximum": (lambda A: tm.trace(tm.maximum(A * B, A)), A),
        "minimum": (lambda A: tm.trace(tm.minimum(A * B, A)), A),
        "einsum": (lambda A: tm.trace(tm.einsum("ij...,jk...->ik...", A, A) @ A), A),
        "eigvalsh": (lambda A: tm.sum(tm.linalg.eigvalsh(A + A.T) ** 3), A),
        "eigh": (lambda A: tm.sum(tm.linalg.eigh(A + A.T)[0] ** 3), A),
        "expm": (lambda A: tm.trace(tm.linalg.expm(A + A.T) @ B), 0.5 * A),
        "sqrtm": (lambda A: tm.trace(tm.linalg.sqrtm(A @ A.T) @ B), A),
    }
    for name, (function, at) in functions.items():
        slope, second = tr.gradient(function), tr.hessian(function)
        value = tr.function(function)

        def both(A: Any, value: Any = value, slope: Any = slope) -> Any:
            return float(value(np.array(A))), np.array(slope(np.array(A)))

        yield Case(PACKAGE, f"gradient, {name}", ValueAndGrad(both), (at,))
        pair = by_jacobian(lambda A, g=slope: np.array(g(np.array(A))),
                           lambda A, h=second: np.array(h(np.array(A))))  # fmt: skip
        if name not in ("abs", "trace", "maximum", "minimum"):  # it has no shape where it is 0
            yield Case(PACKAGE, f"hessian, {name}", pair, (at,))
