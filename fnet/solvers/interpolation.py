"""The next step of a line search, from the cubics and quadratics through earlier ones."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array

NEAREST = 1.1  # how much farther the next step goes at least while no minimum is enclosed
SHORTER = 0.66  # of an interval: no step beyond that part of it


class Trial(NamedTuple):
    """A step t along the line, the value f there, and the slope d."""

    t: Array
    f: Array
    d: Array


class Interval(NamedTuple):
    """The best step so far, and one on the other side of a minimum if it is `enclosed`.

    `widths` are those of the last two intervals. No step is tried beyond `limit`, nor, while no
    minimum is enclosed, more than `stretch` times as far ahead as the last.
    """

    low: Trial
    high: Trial
    enclosed: Array
    widths: Array
    limit: Array
    stretch: Array


def cubic(u: Trial, v: Trial) -> Array:
    """Where the cubic with these values and slopes is least; NaN where it has no minimum."""
    middle = u.d + v.d - 3 * (u.f - v.f) / (u.t - v.t)
    scale = jnp.maximum(jnp.abs(middle), jnp.maximum(jnp.abs(u.d), jnp.abs(v.d)))
    root = jnp.sqrt((middle / scale) ** 2 - (u.d / scale) * (v.d / scale))
    root = jnp.sign(v.t - u.t) * scale * root
    return v.t - (v.t - u.t) * (v.d + root - middle) / (v.d - u.d + 2 * root)


def quadratic(u: Trial, v: Trial) -> Array:
    """Where the parabola through both values, and with u's slope, is least."""
    return u.t + (v.t - u.t) * 0.5 * u.d / ((u.f - v.f) / (v.t - u.t) + u.d)


def secant(u: Trial, v: Trial) -> Array:
    """Where the slope is 0 if it is linear."""
    return v.t + v.d / (v.d - u.d) * (u.t - v.t)


def next_step(interval: Interval, trial: Trial) -> tuple[Array, Array, Array, Array]:
    """The step to try next, and the cases: value higher than the best; slopes of two signs.

    Four cases, each with its safeguards. Source: Moré & Thuente (1994), section 4.
    """
    low, high, enclosed, _, limit, stretch = interval
    ahead = trial.t - low.t
    bound = jnp.minimum(trial.t + stretch * ahead, limit)
    least = jnp.minimum(trial.t + NEAREST * ahead, bound)
    c, q, s = cubic(low, trial), quadratic(low, trial), secant(low, trial)
    higher = trial.f > low.f
    turned = ~higher & (trial.d * low.d < 0)
    flatter = jnp.abs(trial.d) < jnp.abs(low.d)

    # The value is higher: the minimum is before the trial, and nearer to the cubic's.
    mean = jnp.where(jnp.abs(c - low.t) < jnp.abs(q - low.t), c, c + (q - c) / 2)
    # So near to the best step the cubic's is a difference of rounding; the parabola's is not.
    near = jnp.abs(c - low.t) <= 4 * jnp.finfo(c.dtype).eps * jnp.abs(ahead)
    mean = jnp.where(near, q, mean)
    # The slope has turned: the minimum is between them; the estimate farther from the trial.
    far = jnp.where(jnp.abs(c - trial.t) > jnp.abs(s - trial.t), c, s)
    # The slope is flatter: a cubic only if it has a minimum beyond the trial.
    beyond = jnp.where((c - trial.t) * ahead > 0, c, jnp.where(enclosed, high.t, bound))
    wall = trial.t + SHORTER * (high.t - trial.t)
    nearer = jnp.where(jnp.abs(beyond - trial.t) < jnp.abs(s - trial.t), beyond, s)
    nearer = jnp.where(ahead > 0, jnp.minimum(wall, nearer), jnp.maximum(wall, nearer))
    farther = jnp.where(jnp.abs(beyond - trial.t) > jnp.abs(s - trial.t), beyond, s)
    flat = jnp.where(enclosed, nearer, jnp.clip(farther, least, bound))
    # The slope is steeper: between the trial and the other end, or as far as allowed.
    steep = jnp.where(enclosed, cubic(trial, high), bound)

    t = jnp.where(higher, mean, jnp.where(turned, far, jnp.where(flatter, flat, steep)))
    return t, higher, turned, jnp.isfinite(t)


def advance(
    interval: Interval, trial: Trial, tilt: Array, tilted: Array
) -> tuple[Interval, Array, Array]:
    """The interval with this trial in it, the step to try next, and whether the trial is `low`.

    Where `tilted`, steps are chosen on f(t) − tilt t, so that the decrease is reached first.
    """

    def turn(end: Trial) -> Trial:
        return Trial(
            end.t,
            jnp.where(tilted, end.f - end.t * tilt, end.f),
            jnp.where(tilted, end.d - tilt, end.d),
        )

    low, high = interval.low, interval.high
    turned_interval = interval._replace(low=turn(low), high=turn(high))
    t, higher, turned, fine = next_step(turned_interval, turn(trial))
    enclosed = interval.enclosed | higher | turned
    high = _either(higher, trial, _either(turned, low, high))
    low = _either(higher, low, trial)
    width = jnp.abs(high.t - low.t)
    slow = width >= SHORTER * interval.widths[1]
    half = low.t + 0.5 * (high.t - low.t)
    t = jnp.where(enclosed & (slow | ~fine), half, t)
    t = jnp.where(fine | enclosed, t, interval.limit)
    t = jnp.minimum(t, interval.limit)
    left, right = jnp.minimum(low.t, high.t), jnp.maximum(low.t, high.t)
    narrow = width <= 4 * jnp.finfo(t.dtype).eps * right
    t = jnp.where(enclosed & ((t <= left) | (t >= right) | narrow), low.t, t)
    widths = jnp.where(enclosed, jnp.stack([width, interval.widths[0]]), interval.widths)
    return interval._replace(low=low, high=high, enclosed=enclosed, widths=widths), t, ~higher


def _either(condition: Array, a: Trial, b: Trial) -> Trial:
    return Trial(*(jnp.where(condition, x, y) for x, y in zip(a, b, strict=True)))
