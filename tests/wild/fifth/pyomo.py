"""Pyomo: derivatives of expressions, backwards through their trees."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case

PACKAGE = "pyomo"


def cases() -> Iterator[Case]:
    import pyomo.environ as of

    rng = np.random.default_rng(72)
    at, real, share = rng.uniform(0.3, 2.0, 4), rng.normal(size=4), rng.uniform(-0.9, 0.9, 4)
    expressions: dict[str, tuple[Any, Any]] = {
        **{name: (lambda x, name=name: _sum(getattr(of, name), x), real) for name in UNARY},
        **{name: (lambda x, name=name: _sum(getattr(of, name), x), share) for name in WITHIN},
        **{name: (lambda x, name=name: _sum(getattr(of, name), x), at) for name in POSITIVE},
        "abs": (lambda x: _sum(abs, x), real),
        "product": (lambda x: x[0] * x[1] * x[2] + 3 * x[3] * x[0], real),
        "quotient": (lambda x: x[0] / (x[1] + x[2]) + 2 / x[3], at),
        "power": (lambda x: x[0] ** x[1] + x[2] ** 3 + 2 ** x[3], at),
        "power, negative base": (lambda x: x[0] ** 2 + x[1] ** 3 + x[2] * x[3], -at),
        "sum": (lambda x: x[0] - (x[1] + x[2] - 2 * x[3]) + x[0] * 4, real),
        "Rosenbrock": (lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2 + x[2] * x[3],
                       real),
        "shared": (_shared, at),
        "entropy": (lambda x: sum(x[i] * of.log(x[i]) for i in range(4)), at),
    }  # fmt: skip
    for name, (expression, point) in expressions.items():
        for mode in ("reverse_numeric", "reverse_symbolic"):
            if name == "abs" and mode == "reverse_symbolic":
                continue  # it has no derivative
            yield Case(PACKAGE, f"{mode}, {name}", _differentiated(expression, mode), (point,))


UNARY = ("exp", "sin", "cos", "atan")
WITHIN = ("tan", "asin", "acos")
POSITIVE = ("log", "log10", "sqrt")


def _sum(function: Any, x: Any) -> Any:
    return sum((i + 1) * function(x[i]) for i in range(4)) * x[0]


def _shared(x: Any) -> Any:
    inner = x[0] * x[1] + x[2]
    return inner**2 * x[3] + inner / x[3]


def _differentiated(expression: Any, mode: str) -> ValueAndGrad:
    import pyomo.environ as of
    from pyomo.core.expr.calculus.derivatives import Modes, differentiate

    model = of.ConcreteModel()
    model.x = of.Var(range(4))
    formula = expression(model.x)

    def both(x: Any) -> Any:
        for i in range(4):
            model.x[i].value = float(x[i])
        found = differentiate(formula, wrt_list=list(model.x.values()), mode=Modes[mode])
        return float(of.value(formula)), np.array([float(of.value(each)) for each in found])

    return ValueAndGrad(both)
