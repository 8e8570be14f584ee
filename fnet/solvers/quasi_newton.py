"""Quasi-Newton methods: curvature learnt from gradients."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array
from jax.lax import dynamic_update_index_in_dim as put
from jax.scipy.linalg import solve_triangular

from fnet.core.expect import require_whole
from fnet.core.values import constructor
from fnet.solvers.contract import Solver
from fnet.solvers.descents import Direction, Proposal, descending, first_step
from fnet.solvers.objectives import Problem, identity
from fnet.solvers.outcomes import State, either, rounding
from fnet.solvers.searches import Search, strong_wolfe

LEAST = 0.3  # of a step's mean curvature: that at its end is believed if it is as much
EXACT = 0.1  # of the mean: so much of it may be rounding of the values of f


class Bfgs(NamedTuple):
    """What `bfgs` remembers: H (n, n), the inverse of the Hessian so far, and how many steps.

    >>> import jax.numpy as jnp
    >>> bfgs().init_state(jnp.zeros(2)).memory.own.H.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    H: Array
    count: Array


class Lbfgs(NamedTuple):
    """What `lbfgs` remembers of the last steps, in a ring: s and y, both (memory, n).

    sy and yy (memory, memory) are their products sᵢᵀyⱼ and yᵢᵀyⱼ, count the steps so far.

    >>> import jax.numpy as jnp
    >>> lbfgs(memory=3).init_state(jnp.zeros(2)).memory.own.s.shape
    (3, 2)
    """

    s: Array
    y: Array
    sy: Array
    yy: Array
    count: Array


@constructor
def bfgs(search: Search | None = None) -> Solver:
    """The inverse of the Hessian, learnt from steps s and the changes y of the gradient.

        p = −H g
        H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ        ρ = 1 / (yᵀ s)

    H begins as I, and is scaled by yᵀs / yᵀy before its first update. It takes n² numbers; for
    many parameters take `lbfgs`. The search is `strong_wolfe` unless another is given.

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithm 6.1.

    >>> from fnet.solvers import solve
    >>> result = solve(bfgs(), lambda x: (x[0] - 1) ** 4 + x[1] ** 2, jnp.zeros(2), tol=1e-12)
    >>> result.params.round(3).tolist(), result.converged
    ([1.0, 0.0], True)
    """

    def begin(x: Array) -> Bfgs:
        return Bfgs(identity(x), jnp.int32(0))

    def propose(problem: Problem, state: State, m: Bfgs) -> Proposal:
        p = -(m.H @ state.grad)
        return Proposal(p, jnp.where(m.count == 0, first_step(state.grad), 1), m)

    def learn(m: Bfgs, before: State, after: State, p: Array) -> Bfgs:
        s, y = after.x - before.x, after.grad - before.grad
        ys, yy = jnp.vdot(y, s), jnp.vdot(y, y)
        rho = 1 / ys
        H = m.H * jnp.where(m.count == 0, ys / yy, 1)
        Hy = H @ y
        along = (1 + rho * jnp.vdot(y, Hy)) * rho * s - rho * Hy
        outer = s[:, None] * along[None] - Hy[:, None] * (rho * s)[None]
        curved = ys > jnp.finfo(s.dtype).eps * yy
        return Bfgs(jnp.where(curved, H + outer, m.H), m.count + curved.astype(jnp.int32))

    return descending(Direction(begin, propose, learn), search or strong_wolfe())


@constructor
def lbfgs(memory: int = 10, search: Search | None = None) -> Solver:
    """BFGS from the last `memory` steps alone: 2 · memory · n numbers.

        u = R⁻¹ S g        v = R⁻ᵀ ((D + γ Y Yᵀ) u − γ Y g)
        p = −γ g − Sᵀ v + γ Yᵀ u        γ = (sᵀ y) / (yᵀ y)

    The rows of S and Y are the steps s and the changes y of the gradient, from the oldest; R is the
    upper triangle of S Yᵀ, and D its diagonal. It is the same direction as that of two loops over
    the steps, in four products with all of them at once. γ is of the last step. With f the values,

        d = ∇f₊ − ∇f        y = (1 + θ / (sᵀ d)) d        θ = 6 (f − f₊) + 3 (∇f + ∇f₊)ᵀ s

    so that sᵀ y is the curvature at the end of the step, not the mean along it, in any units of the
    parameters. θ is 0 where it would be rounding, or sᵀ y less than three tenths of the mean.

    The search is `strong_wolfe(curvature=0.8)` unless another is given: on the problems of the
    benchmark that takes the fewest evaluations.

    Source: Nocedal (1980), Updating quasi-Newton matrices with limited storage; Byrd, Nocedal &
    Schnabel (1994), Representations of quasi-Newton matrices, theorem 2.2; Zhang, Deng & Chen
    (1999), New quasi-Newton equation and related methods for unconstrained optimization, for θ;
    Zhang & Xu (2001), Properties and numerical performance of quasi-Newton methods with modified
    quasi-Newton equations, for any vector that it may be along.

    >>> import jax
    >>> from fnet import losses, models
    >>> from fnet.solvers import objective, solve
    >>> x = jnp.linspace(-1, 1, 20)[:, None]
    >>> t = (x[:, 0] > 0.1).astype(float).at[3].set(1.0)
    >>> model = models.logistic_regression()
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> solve(lbfgs(), objective(model, losses.bce(), x, t), params).converged
    True
    """
    require_whole("lbfgs: memory", memory, least=1)

    def begin(x: Array) -> Lbfgs:
        past, small = jnp.zeros((memory, len(x)), x.dtype), jnp.zeros((memory, memory), x.dtype)
        return Lbfgs(past, past, small, small, jnp.int32(0))

    def propose(problem: Problem, state: State, m: Lbfgs) -> Proposal:
        g = state.grad
        # Places in the ring from the oldest step to the newest; those before the first have s = 0.
        order = (m.count + jnp.arange(memory, dtype=jnp.int32)) % memory
        sy, yy = (each[order][:, order] for each in (m.sy, m.yy))
        D = jnp.diagonal(sy)
        R = jnp.triu(sy) + jnp.diag(jnp.where(D > 0, 0, 1).astype(g.dtype))
        gamma = jnp.where(m.count > 0, D[-1] / jnp.where(m.count > 0, yy[-1, -1], 1), 1)
        Sg, Yg = ((each @ g)[order] for each in (m.s, m.y))
        u = solve_triangular(R, Sg)
        v = solve_triangular(R, D * u + gamma * (yy @ u - Yg), trans=1)
        ring = (jnp.arange(memory, dtype=jnp.int32) - m.count) % memory
        p = -gamma * g - v[ring] @ m.s + gamma * (u[ring] @ m.y)
        return Proposal(p, jnp.where(m.count == 0, first_step(g), 1), m)

    def learn(m: Lbfgs, before: State, after: State, p: Array) -> Lbfgs:
        s, y = pair(before, after)
        i = m.count % memory
        S, Y = put(m.s, s, i, 0), put(m.y, y, i, 0)
        Yy = Y @ y
        sy = put(put(m.sy, S @ y, i, 1), Y @ s, i, 0)
        learnt = Lbfgs(S, Y, sy, put(put(m.yy, Yy, i, 1), Yy, i, 0), m.count + 1)
        curved = sy[i, i] > jnp.finfo(s.dtype).eps * Yy[i]
        return either(curved, learnt, m)

    return descending(Direction(begin, propose, learn), search or strong_wolfe(curvature=0.8))


def pair(before: State, after: State) -> tuple[Array, Array]:
    """s and y of a step: how far it went, and the change of ∇f, corrected by the values of f.

    Of a cubic, sᵀy is the curvature at the end of the step, whatever the step. y stays along the
    change of ∇f: along s, whose small entries may be rounding, it would depend on units.

    >>> import jax
    >>> def at(x):
    ...     value, grad = jax.value_and_grad(lambda x: (x**3).sum())(jnp.array([x]))
    ...     return bfgs().init_state(jnp.array([x]))._replace(value=value, grad=grad)
    >>> s, y = pair(at(1.0), at(3.0))
    >>> s.tolist(), y.tolist()
    ([2.0], [36.0])
    """
    s, y = after.x - before.x, after.grad - before.grad
    mean = jnp.vdot(s, y)
    theta = 6 * (before.value - after.value) + 3 * jnp.vdot(before.grad + after.grad, s)
    exact = (rounding(before.value) <= EXACT * mean) & (mean > 0)
    known = exact & (theta >= (LEAST - 1) * mean)
    return s, y * (1 + jnp.where(known, theta / jnp.where(known, mean, 1), 0))
