"""How smooth functions of one array are differentiated wrongly: the formulas that people write.

A mistake is told as a function whose right derivative is the wrong one.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnet.check.truth.plain import Step, bound

Function = Callable[..., Any]


class Mistake(NamedTuple):
    """The kind, a sentence, and what is differentiated instead, by these operands alone."""

    kind: str
    words: str
    operands: tuple[int, ...]
    instead: Function  # of all operands


FORMULAS: dict[str, tuple[tuple[str, str, Function], ...]] = {  # wrong ones, of x and y
    "tanh": (
        ("derivative", "1 − y stands where 1 − y² must", lambda x, y: 1 - y),
        ("evaluated at the input", "1 − x² stands where 1 − y² must", lambda x, y: 1 - x**2),
        ("derivative", "y (1 − y), that of the sigmoid, stands there", lambda x, y: y * (1 - y)),
        ("derivative", "y² stands where 1 − y² must", lambda x, y: y**2),
    ),
    "logistic": (
        ("derivative", "y stands where y (1 − y) must", lambda x, y: y),
        ("derivative", "1 − y stands where y (1 − y) must", lambda x, y: 1 - y),
        ("evaluated at the input", "x (1 − x) stands where y (1 − y) must", lambda x, y: x - x**2),
        ("derivative", "1 − y², that of tanh, stands there", lambda x, y: 1 - y**2),
        ("derivative", "y (1 + y) stands where y (1 − y) must", lambda x, y: y * (1 + y)),
    ),
    "exp": (("evaluated at the input", "x stands where exp(x) must", lambda x, y: x),),
    "log": (
        ("derivative", "x stands where 1/x must", lambda x, y: x),
        ("evaluated at the output", "1/log(x) stands where 1/x must", lambda x, y: 1 / y),
    ),
    "log1p": (("derivative", "1/x stands where 1/(1 + x) must", lambda x, y: 1 / x),),
    "sin": (("derivative", "sin stands where cos must", lambda x, y: y),),
    "cos": (("derivative", "cos stands where −sin must", lambda x, y: y),),
    "sqrt": (
        ("evaluated at the input", "1/(2x) stands where 1/(2√x) must", lambda x, y: 0.5 / x),
        ("derivative", "√x/2 stands where 1/(2√x) must", lambda x, y: 0.5 * y),
    ),
    "rsqrt": (
        ("derivative", "−1/(2√x) stands where −1/(2√x³) must", lambda x, y: -0.5 * y),
        ("derivative", "−1/(2x) stands where −1/(2√x³) must", lambda x, y: -0.5 * y**2),
    ),
}
SMOOTH = {
    *("tanh", "logistic", "exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "cbrt"),
    *("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
    *("erf", "erfc", "square", "integer_pow", "abs", "clamp"),
}


def of_smooth(step: Step, operand: int) -> Iterator[Mistake]:
    """The derivative left out, taken elsewhere, or by a formula that is another function's."""

    def again(*values: Any) -> Any:
        x = values[operand]
        there = x + jax.lax.stop_gradient(done(step, *values) - x)
        return done(step, *exchanged(values, operand, there))

    def formula(wrong: Function, *values: Any) -> Any:
        slope = jax.lax.stop_gradient(wrong(values[operand], done(step, *values)))
        return jnp.where(jnp.isfinite(slope), slope, jnp.zeros_like(slope)) * values[operand]

    name = step.eqn.primitive.name
    words = "its derivative is not multiplied in: what comes from above is handed on as it is"
    yield Mistake("derivative missing", words, (operand,), lambda *values: values[operand])
    if name not in ("clamp", "abs"):
        words = "its derivative is taken at its output, and must be at its input"
        yield Mistake("evaluated at the output", words, (operand,), again)
    for kind, told, wrong in FORMULAS.get(name, ()):
        yield Mistake(kind, told, (operand,), functools.partial(formula, wrong))
    if name in ("integer_pow", "square"):
        power = step.eqn.params.get("y", 2)
        kept = f"{power} x^{power} stands where {power} x^{power - 1} must"
        yield Mistake(
            "derivative",
            f"the exponent is not lowered: {kept}",
            (operand,),
            lambda *values: power / (power + 1) * values[operand] ** (power + 1),
        )


def done(step: Step, *values: Any) -> Any:
    """What the operation makes of these operands."""
    return bound(step, list(values))[0]


def exchanged(values: Any, operand: int, value: Any) -> tuple[Any, ...]:
    """The operands, with another one in this place."""
    return (*values[:operand], value, *values[operand + 1 :])
