"""The effect of rounding error: every operation of a computation is perturbed at random.

Source: Parker (1997), Monte Carlo arithmetic: how to gamble with floating point and win.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import thresholds
from fnet.check.truth.arguments import is_float
from fnet.check.truth.compiling import compiled
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


def rounded_otherwise(
    program: Callable[..., Any], arguments: tuple[Any, ...]
) -> list[list[np.ndarray]]:
    """The results of several runs of the program, each with different rounding errors."""
    rng = np.random.default_rng(0)
    # Options of the compiler may not stand inside another program.
    closed = jax.make_jaxpr(getattr(program, "__wrapped__", program))(*arguments)

    def shaken(inputs: Any, phases: Any) -> list[Any]:
        number = itertools.count()

        def through(step: Step, values: list[Any]) -> list[Any]:
            found = bound(step, values)
            if step.eqn.primitive.name not in ROUNDED:
                return found
            return [_shaken(array, phases[next(number) % len(phases)]) for array in found]

        return run(closed, inputs, through)

    perturbed = compiled(shaken)
    phases = rng.uniform(0, 2 * np.pi, (thresholds.SHAKEN, thresholds.PHASES))
    inputs = jax.tree.leaves(arguments)
    return [[np.asarray(leaf) for leaf in perturbed(inputs, each)] for each in phases]


def _shaken(array: Any, phase: Any) -> Any:
    """The array with errors that do not average out: sin(ω i² + φ) has no period."""
    if not is_float(array):
        return array
    place = jnp.arange(array.size, dtype=jnp.float64).reshape(array.shape)
    share = thresholds.EPSILON * jnp.sin(thresholds.OMEGA * place * place + phase)
    return array * (1 + share).astype(array.dtype)
