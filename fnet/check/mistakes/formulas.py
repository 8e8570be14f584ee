"""Wrong derivatives of smooth functions of one array, as people write them.

A mistake is represented by a function whose correct derivative is the wrong one.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnet.check.truth.plain import Step, bound

Function = Callable[..., Any]


def named_axes(axes: Iterable[int]) -> str:
    """axis 1, or axes 0 and 1."""
    numbers = [*map(str, axes)]
    return f"ax{'is' if len(numbers) == 1 else 'es'} {' and '.join(numbers)}"


class Mistake(NamedTuple):
    """The kind, a sentence, and the function differentiated instead, by these operands alone."""

    kind: str
    words: str
    operands: tuple[int, ...]
    instead: Function  # of all operands


FORMULAS: dict[str, tuple[tuple[str, str, Function], ...]] = {  # wrong ones, of x and y
    "tanh": (
        ("derivative", "1 − y is used instead of 1 − y²", lambda x, y: 1 - y),
        ("evaluated at the input", "1 − x² is used instead of 1 − y²", lambda x, y: 1 - x**2),
        ("derivative", "y (1 − y), that of the sigmoid, is used", lambda x, y: y * (1 - y)),
        ("derivative", "y² is used instead of 1 − y²", lambda x, y: y**2),
    ),
    "logistic": (
        ("derivative", "y is used instead of y (1 − y)", lambda x, y: y),
        ("derivative", "1 − y is used instead of y (1 − y)", lambda x, y: 1 - y),
        ("evaluated at the input", "x (1 − x) is used instead of y (1 − y)", lambda x, y: x - x**2),
        ("derivative", "1 − y², that of tanh, is used", lambda x, y: 1 - y**2),
    ),
    "exp": (("evaluated at the input", "x is used instead of exp(x)", lambda x, y: x),),
    "expm1": (("derivative", "y = exp(x) − 1 is used instead of exp(x)", lambda x, y: y),),
    "log": (("derivative", "x is used instead of 1/x", lambda x, y: x),),
    "log1p": (("derivative", "1/x is used instead of 1/(1 + x)", lambda x, y: 1 / x),),
    "sin": (("derivative", "sin is used instead of cos", lambda x, y: y),),
    "cos": (("derivative", "cos is used instead of −sin", lambda x, y: y),),
}
SMOOTH = {
    *("tanh", "logistic", "exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "cbrt"),
    *("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
    *("erf", "erfc", "square", "integer_pow", "abs", "clamp"),
}


def of_smooth(step: Step, operand: int) -> Iterator[Mistake]:
    """The derivative omitted, evaluated elsewhere, or by another function's formula."""

    def again(*values: Any) -> Any:
        x = values[operand]
        there = x + jax.lax.stop_gradient(done(step, *values) - x)
        return done(step, *exchanged(values, operand, there))

    def formula(wrong: Function, *values: Any) -> Any:
        slope = jax.lax.stop_gradient(wrong(values[operand], done(step, *values)))
        return jnp.where(jnp.isfinite(slope), slope, jnp.zeros_like(slope)) * values[operand]

    name = step.eqn.primitive.name
    words = "its derivative is not multiplied in: the incoming gradient is passed on unchanged"
    yield Mistake("derivative missing", words, (operand,), lambda *values: values[operand])
    if name not in ("clamp", "abs", "integer_pow", "square"):
        words = "its derivative is evaluated at its output, and must be at its input"
        yield Mistake("evaluated at the output", words, (operand,), again)
    for kind, text, wrong in FORMULAS.get(name, ()):
        yield Mistake(kind, text, (operand,), functools.partial(formula, wrong))
    if name in ("integer_pow", "square"):
        power = step.eqn.params.get("y", 2)
        kept = f"{power} x^{power} is used instead of {power} x^{power - 1}"
        yield Mistake(
            "derivative",
            f"the exponent is not lowered: {kept}",
            (operand,),
            lambda *values: power / (power + 1) * values[operand] ** (power + 1),
        )


def done(step: Step, *values: Any) -> Any:
    """The result of the operation for these operands."""
    return bound(step, list(values))[0]


def exchanged(values: Any, operand: int, value: Any) -> tuple[Any, ...]:
    """The operands with one replaced."""
    return (*values[:operand], value, *values[operand + 1 :])
