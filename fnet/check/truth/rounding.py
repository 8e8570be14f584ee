"""The effect of rounding error: every operation of a computation is perturbed at random.

Source: Parker (1997), Monte Carlo arithmetic: how to gamble with floating point and win.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.truth.arguments import is_float
from fnet.check.truth.plain import Step, bound, run

# Operations with rounded results; those that only move or select numbers are exact.
ROUNDED = {
    *("add", "add_any", "sub", "mul", "div", "dot_general", "conv_general_dilated", "scatter-add"),
    *("reduce_sum", "reduce_prod", "cumsum", "cumprod", "cumlogsumexp", "triangular_solve"),
    *("exp", "exp2", "expm1", "log", "log1p", "logistic", "erf", "erfc", "erf_inv"),
    *("pow", "integer_pow", "square", "sqrt", "rsqrt", "cbrt", "lgamma", "digamma"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
}
TIMES = 3
EPSILON = 2.0**-52


def rounded_otherwise(
    program: Callable[..., Any], arguments: tuple[Any, ...], seed: int = 0
) -> list[list[np.ndarray]]:
    """The results of several runs of the program, each with different rounding errors."""
    rng = np.random.default_rng(seed)
    closed = jax.make_jaxpr(program)(*arguments)
    inputs = jax.tree.leaves(arguments)

    def through(step: Step, values: list[Any]) -> list[Any]:
        found = bound(step, values)
        rounded = step.eqn.primitive.name in ROUNDED
        return [_shaken(array, rng) for array in found] if rounded else found

    return [[np.asarray(leaf) for leaf in run(closed, inputs, through)] for _ in range(TIMES)]


def _shaken(array: Any, rng: np.random.Generator) -> Any:
    if not is_float(array):
        return array
    share = EPSILON * rng.uniform(-1, 1, np.shape(array))
    return array * (1 + share).astype(array.dtype)
