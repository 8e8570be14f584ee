"""Quasi-Newton methods: curvature learnt from gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_whole
from fnet.core.values import constructor
from fnet.solvers.contract import Solver
from fnet.solvers.descents import Direction, Proposal, descending, first_step
from fnet.solvers.objectives import Problem, identity
from fnet.solvers.outcomes import State
from fnet.solvers.searches import Search, strong_wolfe


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

    r (memory,) has 1 / sᵀy, 0 where there is no step yet, and γ is that of the last step.

    >>> import jax.numpy as jnp
    >>> lbfgs(memory=3).init_state(jnp.zeros(2)).memory.own.s.shape
    (3, 2)
    """

    s: Array
    y: Array
    r: Array
    gamma: Array
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
        outer = s[:, None] * ((1 + rho * jnp.vdot(y, Hy)) * rho * s - rho * Hy) - Hy[:, None] * (
            rho * s
        )
        curved = ys > jnp.finfo(s.dtype).eps * yy
        return Bfgs(jnp.where(curved, H + outer, m.H), m.count + curved.astype(jnp.int32))

    return descending(Direction(begin, propose, learn), search or strong_wolfe())


@constructor
def lbfgs(memory: int = 10, search: Search | None = None) -> Solver:
    """BFGS from the last `memory` steps alone: 2 · memory · n numbers.

        q = g        a = ρ sᵀ q        q ← q − a y    from the newest step to the oldest
        q ← γ q      q ← q + s (a − ρ yᵀ q)           and back
        p = −q       γ = (sᵀ y) / (yᵀ y)              ρ = 1 / (sᵀ y)

    The search is `strong_wolfe(curvature=0.8)` unless another is given: on the problems of the
    benchmark that takes the fewest evaluations.

    Source: Nocedal (1980), Updating quasi-Newton matrices with limited storage; Nocedal & Wright
    (2006), algorithms 7.4 and 7.5.

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
        past, none = jnp.zeros((memory, len(x)), x.dtype), jnp.zeros(memory, x.dtype)
        return Lbfgs(past, past, none, jnp.ones((), x.dtype), jnp.int32(0))

    def propose(problem: Problem, state: State, m: Lbfgs) -> Proposal:
        newest = m.count - 1 - jnp.arange(memory, dtype=jnp.int32)
        places = newest % memory
        used = jnp.minimum(m.count, memory)

        def back(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            q, a = carry
            i = places[k]
            ai = m.r[i] * jnp.vdot(m.s[i], q)
            return q - ai * m.y[i], a.at[i].set(ai)

        def forth(k: Array, q: Array) -> Array:
            i = places[used - 1 - k]
            return q + m.s[i] * (a[i] - m.r[i] * jnp.vdot(m.y[i], q))

        q, a = jax.lax.fori_loop(0, used, back, (state.grad, jnp.zeros_like(m.r)))
        q = jax.lax.fori_loop(0, used, forth, m.gamma * q)
        return Proposal(-q, jnp.where(m.count == 0, first_step(state.grad), 1), m)

    def learn(m: Lbfgs, before: State, after: State, p: Array) -> Lbfgs:
        s, y = after.x - before.x, after.grad - before.grad
        ys, yy = jnp.vdot(y, s), jnp.vdot(y, y)
        i = m.count % memory
        curved = ys > jnp.finfo(s.dtype).eps * yy
        learnt = Lbfgs(
            m.s.at[i].set(s), m.y.at[i].set(y), m.r.at[i].set(1 / ys), ys / yy, m.count + 1
        )
        kept: Lbfgs = jax.tree.map(lambda new, old: jnp.where(curved, new, old), learnt, m)
        return kept

    return descending(Direction(begin, propose, learn), search or strong_wolfe(curvature=0.8))
