"""Nonlinear conjugate gradients: directions from two gradients, and no matrix."""

from typing import NamedTuple

import jax.numpy as jnp
from chex import Array

from fnet.core.choices import require_choice
from fnet.core.values import constructor
from fnet.solvers.contract import Solver
from fnet.solvers.descents import Direction, Proposal, descending, first_step
from fnet.solvers.objectives import Problem
from fnet.solvers.outcomes import State, length
from fnet.solvers.searches import Search, strong_wolfe

FORMULAS = ("FR", "PR+", "HS")
NOT_ORTHOGONAL = 0.2  # of two gradients: begin again with −g


class Conjugate(NamedTuple):
    """What `nonlinear_cg` remembers of the last step: g and p, its length t, and its slope.

    >>> nonlinear_cg().init_state(jnp.zeros(2)).memory.own.p.tolist()
    [0.0, 0.0]
    """

    g: Array
    p: Array
    t: Array
    slope: Array
    count: Array


@constructor
def nonlinear_cg(formula: str = "PR+", search: Search | None = None) -> Solver:
    """Conjugate gradients for any smooth function; four vectors are stored.

        p ← β p − g        y = g − g′
        β = (gᵀ g) / (g′ᵀ g′)                FR
        β = max(0, (gᵀ y) / (g′ᵀ g′))        PR
        β = (gᵀ y) / (pᵀ y)                  HS

    g′ is the gradient of the step before: Fletcher & Reeves (1964), Polak & Ribière (1969) as
    Powell (1984) bounds it, "PR+", and Hestenes & Stiefel (1952). It begins again with −g where two
    gradients are far from orthogonal, |gᵀ g′| ≥ 0.2 gᵀ g. The
    search is `strong_wolfe(curvature=0.1)` unless another is given.

    Source: Nocedal & Wright (2006), Numerical Optimization, section 5.2.

    >>> from fnet.solvers import solve
    >>> solve(nonlinear_cg(), lambda x: (x**2 * jnp.arange(1.0, 5)).sum(), jnp.ones(4)).converged
    True
    """
    require_choice("nonlinear_cg: formula", formula, *FORMULAS)

    def begin(x: Array) -> Conjugate:
        none, one = jnp.zeros_like(x), jnp.ones((), x.dtype)
        return Conjugate(none, none, one, -one, jnp.int32(0))

    def propose(problem: Problem, state: State, m: Conjugate) -> Proposal:
        g = state.grad
        y, gg = g - m.g, jnp.vdot(g, g)
        if formula == "FR":
            beta = gg / jnp.vdot(m.g, m.g)
        elif formula == "PR+":
            beta = jnp.maximum(0, jnp.vdot(g, y) / jnp.vdot(m.g, m.g))
        else:
            beta = jnp.vdot(g, y) / jnp.vdot(m.p, y)
        again = (m.count == 0) | (jnp.abs(jnp.vdot(g, m.g)) >= NOT_ORTHOGONAL * gg)
        p = -g + jnp.where(again, 0, beta) * m.p
        p = jnp.where(jnp.vdot(p, g) < 0, p, -g)
        # As far as the last step would have gone with this slope.
        t = jnp.where(m.count == 0, first_step(g), m.t * m.slope / jnp.vdot(p, g))
        return Proposal(p, t, m)

    def learn(m: Conjugate, before: State, after: State, p: Array) -> Conjugate:
        s = after.x - before.x
        t = length(s) / length(p)
        return Conjugate(before.grad, p, t, jnp.vdot(before.grad, p), m.count + 1)

    return descending(Direction(begin, propose, learn), search or strong_wolfe(curvature=0.1))
