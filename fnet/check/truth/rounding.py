"""The effect of rounding error: every operation of a computation is perturbed at random.

Source: Parker (1997), Monte Carlo arithmetic: how to gamble with floating point and win.
"""

import itertools
from collections.abc import Callable, Sequence
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


Rounded = Callable[[Sequence[Any]], list[list[np.ndarray]]]


def rounded_otherwise(program: Callable[..., Any], arguments: tuple[Any, ...]) -> Rounded:
    """The results of several runs of a program with different rounding errors each, for leaves like
    those of these arguments."""
    # Options of the compiler may not stand inside another program.
    closed = jax.make_jaxpr(getattr(program, "__wrapped__", program))(*arguments)

    def shaken(leaves: Any, phases: Any) -> list[Any]:
        number = itertools.count()

        def through(step: Step, values: list[Any]) -> list[Any]:
            found = bound(step, values)
            if step.eqn.primitive.name not in ROUNDED:
                return found
            return [_shaken(array, phases[next(number) % len(phases)]) for array in found]

        return run(closed, leaves, through)

    perturbed = compiled(shaken)
    size = (thresholds.SHAKEN, thresholds.PHASES)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, size)
    return lambda leaves: [[*map(np.asarray, perturbed(leaves, each))] for each in phases]


def _shaken(array: Any, phase: Any) -> Any:
    """The array with errors that do not average out: sin(ω i² + φ) has no period."""
    if not is_float(array):
        return array
    place = jnp.arange(array.size, dtype=jnp.float64).reshape(array.shape)
    share = thresholds.EPSILON * jnp.sin(thresholds.OMEGA * place * place + phase)
    return array * (1 + share).astype(array.dtype)
