"""Trust regions: the least value of a quadratic model within a radius, and who to trust how far."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.solvers.contract import Solver
from fnet.solvers.looping import repeated
from fnet.solvers.newton import curvature, gauss_newton_matrix, indefinite, jacobian, spectrum
from fnet.solvers.objectives import Problem, dense
from fnet.solvers.outcomes import (
    CONVERGED,
    EDGE,
    INDEFINITE,
    NO_DESCENT,
    NOT_FINITE,
    SMALL,
    UNBOUNDED,
    State,
    begun,
    either,
    fallen,
    first,
    length,
    moved_little,
    promises,
    rounding,
    size_of,
)

ENOUGH = 1e-4  # of the predicted decrease: a step is taken
NEARLY = 0.1  # of the radius: how exactly a step has its length
TRIALS, ROUNDS = 40, 60
SHRINKING = 0.9  # a step is that much shorter than the last where values no longer tell
EXACT = 0.99  # of the predicted decrease: a radius grows tenfold, if the value may have no bound

Model = Callable[[Problem, State, Array], tuple[Array, Array, Array]]


class Region(NamedTuple):
    """What a trust region remembers: its radius (0 before the first step), the scale of x, and how
    long the last step was.

    >>> levenberg_marquardt().init_state(jnp.zeros(2)).memory.scale.tolist()
    [0.0, 0.0]
    """

    radius: Array
    scale: Array
    length: Array


class _Trial(NamedTuple):
    x: Array
    value: Array
    grad: Array
    radius: Array
    length: Array
    predicted: Array
    k: Array
    took: Array
    finite: Array
    edge: Array
    done: Array


@constructor
def levenberg_marquardt(factor: float = 1.0) -> Solver:
    """Gauss-Newton within a region, whose shape follows the columns of J.

        (G + λ D²) p = −g

    λ ≥ 0 is such that ‖D p‖ ≤ Δ, and D has the largest norm of each column of J so far. Δ grows
    where the model G predicts the decrease well, and shrinks where it does not; at first it is
    `factor` · ‖D x‖. A singular J is no obstacle: along its null space nothing moves. For residuals
    G = JᵀJ, and p is by the singular values of J D⁻¹; otherwise G is that of `gauss_newton`, or the
    Hessian of a function. With tol=0 it ends with all the digits that rounding allows.

    Source: Moré (1978), The Levenberg-Marquardt algorithm: implementation and theory.

    >>> from fnet.solvers import least_squares, solve
    >>> x = jnp.arange(6.0)
    >>> goal = least_squares(lambda p, x, t: p[0] * (1 - jnp.exp(-p[1] * x)) - t, x,
    ...                      3 * (1 - jnp.exp(-0.7 * x)))
    >>> solve(levenberg_marquardt(), goal, jnp.ones(2)).params.round(6).tolist()
    [3.0, 0.7]
    """
    require_number("levenberg_marquardt: factor", factor, above=0)

    def columns(problem: Problem, x: Array) -> Array:
        if problem.residuals is not None:
            return jnp.sqrt((jacobian(problem, x) ** 2).sum(axis=0))
        return jnp.sqrt(jnp.abs(jnp.diagonal(gauss_newton_matrix(problem, x))))

    return _trusting(curvature, columns, factor)


@constructor
def trust_region(radius: float = 1.0) -> Solver:
    """Newton's step within a radius Δ, which begins with `radius`.

        (H + λ I) p = −g

    λ ≥ 0 is such that H + λ I is positive definite and ‖p‖ ≤ Δ. By the eigenvalues of H, which may
    be of any sign: a saddle point is left along its negative curvature. Along the null space of H
    nothing moves.

    Source: Moré & Sorensen (1983), Computing a trust region step; Nocedal & Wright (2006), 4.1.

    >>> from fnet.solvers import solve
    >>> def saddle(x):
    ...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4
    >>> print(abs(solve(trust_region(), saddle, jnp.array([1.0, 1e-3])).params).round(4))
    [0.     0.7071]
    """
    require_number("trust_region: radius", radius, above=0)

    def eigen(problem: Problem, state: State, scale: Array) -> tuple[Array, Array, Array]:
        return spectrum(dense(problem.hessian(state.x), state.x), state.grad)

    return _trusting(eigen, None, radius)


def _trusting(
    model: Model, columns: Callable[[Problem, Array], Array] | None, start: float
) -> Solver:
    """The solver that minimises the model within a region. Without columns the region is a ball."""

    def init_state(x: Array) -> State:
        return begun(
            x, Region(jnp.zeros((), x.dtype), jnp.zeros_like(x), jnp.asarray(jnp.inf, x.dtype))
        )

    def begin(problem: Problem, state: State) -> Region:
        if columns is None:
            scale, radius = jnp.ones_like(state.x), jnp.asarray(start, state.x.dtype)
        else:
            norms = jnp.maximum(state.memory.scale, columns(problem, state.x))
            scale = jnp.where(norms > 0, norms, 1)
            far = length(scale * state.x)
            radius = start * jnp.where(far > 0, far, 1)
        radius = jnp.where(state.memory.radius > 0, state.memory.radius, radius)
        return Region(radius, scale, state.memory.length)

    def update(problem: Problem, state: State) -> State:
        region = begin(problem, state)
        scale = region.scale
        values, V, c = model(problem, state, scale)
        endless = problem.residuals is None  # a sum of squares is never below 0
        noise = rounding(state.value)
        if columns is not None:  # the residuals themselves are rounded, as J x is
            size = jnp.sqrt(2 * jnp.abs(state.value)) * jnp.vdot(scale, jnp.abs(state.x))
            noise = noise + rounding(size)

        def attempt(loop: _Trial) -> _Trial:
            z, inside = within(values, c, loop.radius)
            x = state.x + (V @ z) / scale
            value, grad = problem.value_and_grad(x)
            predicted = -(jnp.vdot(c, z) + 0.5 * jnp.vdot(values * z, z))
            ratio = (state.value - value) / predicted
            finite = jnp.isfinite(value) & jnp.isfinite(grad).all()
            step = length(z)
            # Where values differ by rounding alone, steps may go on as long as they get shorter.
            level = (jnp.abs(value - state.value) <= noise) & (predicted <= noise)
            level = level & (step < SHRINKING * region.length)
            took = finite & ((ratio > ENOUGH) & (value < state.value) | level)
            less = jnp.where(finite, 0.25, 0.1) * jnp.minimum(loop.radius, step)
            grown = jnp.where((ratio > EXACT) & endless, 10, 2) * step
            more = jnp.where(inside, loop.radius, jnp.maximum(loop.radius, grown))
            radius = jnp.where(ratio > 0.25, jnp.where(ratio > 0.75, more, loop.radius), less)
            radius = jnp.where(took & level, loop.radius, radius)
            radius = jnp.where(jnp.isfinite(ratio), radius, less)
            done = took | moved_little(state.x, x - state.x) | ~(predicted > 0)
            return _Trial(
                *(x, value, grad, radius, step, predicted),
                *(loop.k + 1, took, loop.finite | finite, loop.edge | ~finite, done),
            )

        no = jnp.asarray(False)
        zero = jnp.zeros_like(state.value)
        here = (state.x, state.value, state.grad, region.radius, zero, zero)
        loop = repeated(
            lambda loop: ~loop.done & (loop.k < TRIALS),
            attempt,
            _Trial(*here, jnp.int32(0), no, no, no, no),
        )
        memory = Region(loop.radius, scale, loop.length)
        count = state.evaluations + loop.k
        after = State(loop.x, loop.value, loop.grad, memory, count, state.reason)
        kept = state._replace(memory=memory, evaluations=count)
        after = either(loop.took, after, kept)
        little = loop.predicted <= noise
        sizes = jnp.maximum(jnp.abs(values), jnp.finfo(c.dtype).eps * size_of(values))
        full = jnp.where(c == 0, 0, c / sizes)  # the step without a region
        decrease = 0.5 * jnp.vdot(c, full)
        stuck = loop.edge | promises(state.x, (V @ full) / scale, state.value, decrease)
        still = jnp.where(loop.took, moved_little(state.x, after.x - state.x), loop.done)
        converged = size_of(after.grad) <= problem.tol
        cases = (
            (converged & indefinite(values), INDEFINITE),
            (converged, CONVERGED),
            (fallen(after.value), UNBOUNDED),
            (~loop.took & ~loop.finite, NOT_FINITE),
            ((~loop.took & little | still) & ~stuck, SMALL),
            ((~loop.took | still) & loop.edge, EDGE),
            (~loop.took | still, NO_DESCENT),
        )
        return after._replace(reason=first(*cases))

    return Solver(init_state, update)


def within(values: Array, c: Array, radius: Array) -> tuple[Array, Array]:
    """z that minimises cᵀz + ½ Σ λᵢ zᵢ² with ‖z‖ ≤ radius, and whether it is inside.

    values (n,) ascend, and may be negative; on the border ‖z‖ is the radius to a tenth. Where a
    value is 0 and its c is not, nothing but the border ends the descent.

    >>> z, inside = within(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.0]), jnp.array(10.0))
    >>> z.tolist(), bool(inside)
    ([-1.0, -1.0], True)
    """

    def at(damping: Array) -> Array:
        curved = values + damping
        return jnp.where(curved > 0, -c / jnp.where(curved > 0, curved, 1), 0)

    def off(carry: tuple[Array, Array, Array, Array]) -> Array:
        _, _, damping, k = carry
        return (jnp.abs(length(at(damping)) - radius) > NEARLY * radius) & (k < ROUNDS)

    def nearer(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        low, high, damping, k = carry
        z, curved = at(damping), values + damping
        size = length(z)
        low = jnp.where(size > radius, damping, low)
        high = jnp.where(size > radius, high, damping)
        unit = z / size
        bend = jnp.sum(jnp.where(curved > 0, unit**2 / jnp.where(curved > 0, curved, 1), 0))
        newton = damping + (size - radius) / (bend * radius)
        middle = jnp.maximum(jnp.sqrt(low * high), low + 1e-3 * (high - low))
        inside = (newton > low) & (newton < high)
        return low, high, jnp.where(inside, newton, middle), k + 1

    least = jnp.min(values, initial=jnp.inf)
    low = jnp.maximum(0, -least)
    free = at(jnp.zeros_like(low))
    straight = jnp.any((values == 0) & (c != 0))
    inside = (least >= 0) & ~straight & (length(free) <= radius)
    high = low + length(c) / radius
    begin = (low, high, jnp.where(inside, 0, low + 1e-3 * (high - low)), jnp.int32(0))
    begin = (*begin[:3], jnp.where(inside, jnp.int32(ROUNDS), begin[3]))
    damping = repeated(off, nearer, begin)[2]
    z = jnp.where(inside, free, at(damping))
    # Where c has no part along the most negative curvature, the border is reached along it.
    size = length(z)
    rest = jnp.sqrt(jnp.maximum(radius - size, 0)) * jnp.sqrt(radius + size)
    hard = (least < 0) & (rest > 2 * NEARLY * radius)
    along = jnp.arange(len(values)) == 0
    return z + jnp.where(hard & along, rest, 0), inside
