"""Schedules: what a learning rate is multiplied by, as pure functions of the step.

The first update is step 0. A schedule is a value: `schedule(step)` is a number, for a step that may
be traced; it prints as it was written, and is stored in checkpoints with its optimizer.

>>> [round(float(cosine(4)(step)), 2) for step in range(6)]
[1.0, 0.85, 0.5, 0.15, 0.0, 0.0]
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from chex import Array, Numeric

from fnet.core import columns
from fnet.core.choices import require_choice
from fnet.core.expect import require_bool, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.errors import ConfigurationError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Schedule(Value):
    """A pure function of the step: `schedule(step)` multiplies a learning rate.

    >>> float(linear(10)(5))
    0.5
    """

    function: Callable[[Array], Any]

    def __call__(self, step: Numeric) -> Array:
        t = jnp.asarray(step, dtype=float)  # a whole number may be beyond int32
        return jnp.broadcast_to(jnp.asarray(self.function(t), dtype=t.dtype), t.shape)


@constructor
def constant(value: float = 1.0) -> Schedule:
    """The same number at every step.

    >>> float(constant(0.5)(7))
    0.5
    """
    require_number("constant: value", value, least=0)
    return Schedule(lambda t: jnp.asarray(value, dtype=t.dtype))


@constructor
def piecewise(steps: tuple[int, ...], values: tuple[float, ...]) -> Schedule:
    """values[k] from step steps[k − 1] on, values[0] before all of them.

    PyTorch and optax change at the step named, as here; Keras one step after it.

    >>> [float(piecewise((2, 4), (1.0, 0.5, 0.25))(step)) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    if not isinstance(steps, tuple) or not isinstance(values, tuple):
        raise ConfigurationError("piecewise: steps and values must be sequences of numbers")
    for step in steps:
        require_whole("piecewise: a step", step, least=0)
    for value in values:
        require_number("piecewise: a value", value, least=0)
    if len(values) != len(steps) + 1 or list(steps) != sorted(set(steps)):
        raise ConfigurationError(
            f"piecewise: {len(steps)} steps and {len(values)} values; steps must increase, and "
            "there must be one value more: before the first, between them, and after the last"
        )

    def function(t: Array) -> Array:
        passed = _reached(t, steps).sum(axis=-1)
        return jnp.asarray(values, dtype=t.dtype)[passed]

    return Schedule(function)


@constructor
def exponential(steps: int, rate: float, staircase: bool = False, end: float = 0.0) -> Schedule:
    """rate^(t / steps), at least `end`; with `staircase` only at multiples of `steps`.

    Keras and optax have the same formula, and PyTorch for one step.

    >>> [float(exponential(2, 0.25)(step)) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    require_whole("exponential: steps", steps, least=1)
    require_number("exponential: rate", rate, above=0)
    require_bool("exponential: staircase", staircase)
    require_number("exponential: end", end, least=0)

    def function(t: Array) -> Array:
        p = t // steps if staircase else t / steps
        return jnp.maximum(rate**p, end)

    return Schedule(function)


@constructor
def polynomial(steps: int, power: float = 1.0, end: float = 0.0) -> Schedule:
    """From 1 to `end` in so many steps: (1 − end) (1 − t / steps)^power + end; then it stays.

    >>> [round(float(polynomial(4, power=2)(step)), 4) for step in (0, 2, 4, 9)]
    [1.0, 0.25, 0.0, 0.0]
    """
    require_whole("polynomial: steps", steps, least=1)
    require_number("polynomial: power", power, above=0)
    require_number("polynomial: end", end, least=0)

    def function(t: Array) -> Array:
        left = (steps - jnp.clip(t, 0, steps)) / steps  # 0 at the end, where 1 − t / steps is not
        return (1 - end) * left**power + end

    return Schedule(function)


@constructor
def linear(steps: int, end: float = 0.0) -> Schedule:
    """From 1 to `end` in a straight line of so many steps; then it stays.

    >>> [float(linear(4)(step)) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    return polynomial(steps, 1.0, end)


@constructor
def cosine(steps: int, end: float = 0.0) -> Schedule:
    """From 1 to `end` by half a cosine in so many steps; then it stays.

        (1 − end) (1 + cos(π t / steps)) / 2 + end

    Keras and optax have the same. That of PyTorch rises again after the end.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts.

    >>> [round(float(cosine(4, end=0.1)(step)), 3) for step in (0, 2, 4, 9)]
    [1.0, 0.55, 0.1, 0.1]
    """
    require_whole("cosine: steps", steps, least=1)
    require_number("cosine: end", end, least=0)

    def function(t: Array) -> Array:
        return _half_cosine(jnp.clip(t, 0, steps) / steps, end)

    return Schedule(function)


@constructor
def cosine_restarts(steps: int, longer: int = 1, lower: float = 1.0, end: float = 0.0) -> Schedule:
    """`cosine` again and again, each `longer` times as long as the one before and `lower` as high.

    A new one begins at the step where the old one would have reached its end, which it never does.
    It does not end. Keras has the same, and PyTorch with lower=1.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts.

    >>> [round(float(cosine_restarts(2, longer=2)(step)), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """
    require_whole("cosine_restarts: steps", steps, least=1)
    require_whole("cosine_restarts: longer", longer, least=1)
    require_number("cosine_restarts: lower", lower, above=0)
    require_number("cosine_restarts: end", end, least=0)
    # Where each begins, as whole numbers: a logarithm would miss some by a step.
    lengths = itertools.accumulate(itertools.repeat(longer), int.__mul__, initial=steps)
    sums = itertools.accumulate(lengths, initial=0)
    begins = list(itertools.takewhile(lambda at: at < 2**31, sums)) if longer > 1 else [0]

    def function(t: Array) -> Array:
        if longer == 1:
            # Not t / steps: compiled, that is t times 1 / steps, which may be 1 too few at its end.
            k, rest = jnp.divmod(t, steps)
            done = rest / steps
        else:
            k = (_reached(t, begins).sum(axis=-1) - 1).astype(t.dtype)
            done = (t - jnp.asarray(begins, dtype=t.dtype)[k.astype(int)]) / (
                float(steps) * longer**k
            )
        return _half_cosine(done, end, lower**k)

    return Schedule(function)


@constructor
def warmup(steps: int, schedule: Schedule = constant(), start: float = 0.0) -> Schedule:
    """From `start` to the schedule's first value in a straight line of so many steps; then the
    schedule, from its step 0.

    The warm-up is added: warmup(100, cosine(900)) ends after 1,000 steps. Keras and PyTorch's
    SequentialLR do the same; in optax's warmup_cosine_decay_schedule, decay_steps includes it.

    >>> [float(warmup(2, linear(4))(step)) for step in range(5)]
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    require_whole("warmup: steps", steps, least=0)
    require_number("warmup: start", start, least=0)
    require_schedule("warmup", schedule)

    def function(t: Array) -> Array:
        rising = start + (schedule(0) - start) * jnp.clip(t, 0, steps) / max(steps, 1)
        return jnp.where(t < steps, rising, schedule(jnp.maximum(t - steps, 0)))

    return Schedule(function)


@constructor
def one_cycle(
    steps: int,
    peak: float = 0.3,
    start: float = 0.04,
    end: float = 4e-6,
    shape: str = "cosine",
    closed: bool = True,
) -> Schedule:
    """From `start` up to 1 at the share `peak` of all steps, and down to `end` at the last one.

    Both ways are half a cosine, or straight with shape="linear". If it is `closed`, as in PyTorch,
    the last of the steps, steps − 1, has the value `end`, and the top is at peak · steps − 1; else,
    as in optax, the step after the last, and the top is at the whole part of peak · steps. After
    the end it stays, where PyTorch raises.

    Source: Smith & Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using
    Large Learning Rates.

    >>> [round(float(one_cycle(10, shape="linear")(step)), 3) for step in (0, 1, 2, 9)]
    [0.04, 0.52, 1.0, 0.0]
    """
    require_whole("one_cycle: steps", steps, least=2)
    require_number("one_cycle: peak", peak, least=0, most=1)
    require_number("one_cycle: start", start, least=0)
    require_number("one_cycle: end", end, least=0)
    require_choice("one_cycle: shape", shape, "cosine", "linear")
    require_bool("one_cycle: closed", closed)
    top, last = (peak * steps - 1, steps - 1) if closed else (int(peak * steps), steps)

    def between(low: float, high: float, p: Array) -> Array:
        if shape == "linear":
            return (high - low) * p + low
        return high + (low - high) / 2 * (jnp.cos(jnp.pi * p) + 1)

    def function(t: Array) -> Array:
        up = between(start, 1.0, t / max(top, 1e-9))
        down = between(1.0, end, jnp.clip((t - top) / max(last - top, 1e-9), 0, 1))
        return jnp.where(t < top, up, down)

    return Schedule(function)


@constructor
def inverse_sqrt(steps: int) -> Schedule:
    """Up in a straight line of so many steps, and down by the root of the step; t = step + 1.

        min(t / steps, √(steps / t))

    Source: Vaswani et al. (2017), Attention Is All You Need, section 5.3; its rate is this times
    1 / √(width · steps).

    >>> [float(inverse_sqrt(4)(step)) for step in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """
    require_whole("inverse_sqrt: steps", steps, least=1)
    return Schedule(lambda t: jnp.minimum((t + 1) / steps, jnp.sqrt(steps / (t + 1))))


def _reached(t: Array, steps: Sequence[int]) -> Array:
    """Which of these steps t has reached, along a last axis of their own."""
    each = t[..., None]
    return each >= columns(jnp.asarray(steps, dtype=t.dtype), each)


def _half_cosine(p: Array, end: float, height: Any = 1.0) -> Array:
    return (1 - end) * (height * 0.5 * (1 + jnp.cos(jnp.pi * p))) + end


def require_schedule(name: str, schedule: Any) -> None:
    """Raise ConfigurationError unless it is a schedule."""
    if not isinstance(schedule, Schedule):
        raise ConfigurationError(
            f"{name}: schedule is {schedule!r}; it must be one of fnet.optimizers.schedules, such "
            "as cosine(1000)"
        )


EXAMPLES = (
    "constant()",
    "piecewise((3, 5), (1.0, 0.1, 0.01))",
    "exponential(10, 0.5)",
    "polynomial(7, power=2.0)",
    "linear(7)",
    "cosine(7)",
    "cosine_restarts(3, longer=2)",
    "warmup(3, cosine(7))",
    "one_cycle(11)",
    "inverse_sqrt(3)",
)
