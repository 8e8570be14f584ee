"""Line searches: how far to go along a direction."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.solvers.interpolation import Interval, Trial, advance
from fnet.solvers.looping import repeated
from fnet.solvers.objectives import Problem
from fnet.solvers.outcomes import either, fallen, rounding

AWAY = 0.1  # after a value that is not finite, the next step is this part of the way
FARTHER, FEW = 4.0, 8  # so many times as far at each trial, and so many trials long


class Found(NamedTuple):
    """What a search found: the point, f and ∇f there, and how often it computed them.

    `ok` is whether the value fell; otherwise the point is the start. `finite` is whether f was
    finite at some step, and `edge` whether it was not at another, and no step met the conditions.

    >>> Found._fields[:3]
    ('x', 'value', 'grad')
    """

    x: Array
    value: Array
    grad: Array
    step: Array
    evaluations: Array
    ok: Array
    finite: Array
    edge: Array


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Search(Value):
    """A line search: find(problem, x, f, g, p, t) -> Found, along x + t p, with t to begin with.

    >>> strong_wolfe()
    strong_wolfe()
    """

    find: Callable[..., Found]


class _Loop(NamedTuple):
    interval: Interval
    t: Array  # the step to try
    early: Array  # until a step has satisfied the decrease, and a slope to match
    low_grad: Array
    grad: Array
    last: Trial
    k: Array
    ok: Array
    finite: Array


@constructor
def strong_wolfe(decrease: float = 1e-4, curvature: float = 0.9, most: int = 25) -> Search:
    """A step at which the value has fallen enough, and the slope is small enough.

        f(x + t p) ≤ f(x) + c₁ t ∇f(x)ᵀ p        |∇f(x + t p)ᵀ p| ≤ c₂ |∇f(x)ᵀ p|

    c₁ is `decrease` and c₂ is `curvature`. Each trial is the minimum of a cubic or a parabola
    through others. While none is enclosed a trial is at most four times as far as the last; from
    the eighth on that is squared each time, so that a value which falls without bound does so
    within a search. Near a minimum, where values differ by rounding alone, slopes decide. A step at
    which the value is not finite is too long. After `most` trials the lowest value is taken.

    Source: Moré & Thuente (1994), Line search algorithms with guaranteed sufficient decrease;
    Hager & Zhang (2005), A new conjugate gradient method, for the condition of slopes alone.

    >>> from fnet.solvers import bfgs, solve
    >>> solve(bfgs(search=strong_wolfe(curvature=0.1)), lambda x: x @ x, jnp.ones(2)).reason
    'converged: the gradient is below the tolerance'
    """
    require_number("strong_wolfe: decrease", decrease, above=0, below=0.5)
    require_number("strong_wolfe: curvature", curvature, above=decrease, below=1)
    require_whole("strong_wolfe: most", most, least=1)

    def find(problem: Problem, x: Array, f: Array, g: Array, p: Array, t: Array) -> Found:
        d = jnp.vdot(g, p)

        def trial(loop: _Loop) -> _Loop:
            value, grad = problem.value_and_grad(x + loop.t * p)
            now = Trial(loop.t, value, jnp.vdot(grad, p))
            finite = jnp.isfinite(value) & jnp.isfinite(now.d)
            enough = value <= f + now.t * decrease * d
            flat = jnp.abs(now.d) <= -curvature * d
            level = jnp.abs(value - f) <= rounding(f)
            ok = finite & (enough | level) & flat
            early = loop.early & ~(enough & (now.d >= decrease * d))
            tilted = early & (value <= loop.interval.low.f) & ~enough
            stretched = loop.interval._replace(stretch=_stretch(loop.k, loop.t.dtype))
            interval, t, lower = advance(stretched, now, decrease * d, tilted)
            low_grad = jnp.where(lower, grad, loop.low_grad)
            after = _Loop(interval, t, early, low_grad, grad, now, loop.k + 1, ok, loop.finite)
            shorter = _shorter(loop)._replace(last=now, grad=grad, k=loop.k + 1)
            after = after._replace(finite=loop.finite | finite)
            return either(finite, after, shorter)

        def going(loop: _Loop) -> Array:
            low = loop.interval.low
            return ~loop.ok & (loop.k < most) & (loop.t != low.t) & ~fallen(low.f)

        big = jnp.asarray(jnp.finfo(x.dtype).max, x.dtype)
        zero, no = jnp.zeros_like(f), jnp.asarray(False)
        here = Trial(zero, f, d)
        interval = Interval(here, here, no, jnp.stack([big, big]), big, big)
        begin = _Loop(interval, t, ~no, g, g, here, jnp.int32(0), no, no)
        loop = repeated(going, trial, begin)
        t = jnp.where(loop.ok, loop.last.t, loop.interval.low.t)
        value = jnp.where(loop.ok, loop.last.f, loop.interval.low.f)
        grad = jnp.where(loop.ok, loop.grad, loop.low_grad)
        ok = loop.ok | ((t > 0) & (value < f))
        edge = ~loop.ok & (loop.interval.limit < big)
        return Found(x + t * p, value, grad, t, loop.k, ok, loop.finite, edge)

    return Search(find)


def _stretch(k: Array, dtype: Any) -> Array:
    """How much farther than the last trial k the next may be."""
    most = jnp.asarray(float(jnp.finfo(dtype).max) ** 0.125, dtype)
    return jnp.minimum(FARTHER ** (2.0 ** jnp.maximum(k - FEW, 0).astype(dtype)), most)


def _shorter(loop: _Loop) -> _Loop:
    """The search after a step at which the value is not finite."""
    low = loop.interval.low.t
    limit = low + 0.5 * (loop.t - low)
    t = low + AWAY * (loop.t - low)
    between = jnp.sqrt(low) * jnp.sqrt(loop.t)  # where the trial was many times as far
    return loop._replace(
        interval=loop.interval._replace(limit=limit),
        t=jnp.where(low > 0, jnp.minimum(t, between), t),
    )
