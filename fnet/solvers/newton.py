"""Newton's method: the Hessian itself, by products with the gradient's derivative."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.expect import require_number
from fnet.core.values import constructor
from fnet.solvers.contract import Solver
from fnet.solvers.descents import Direction, Proposal, descending
from fnet.solvers.looping import repeated
from fnet.solvers.objectives import Problem, Product, dense
from fnet.solvers.outcomes import INDEFINITE, RUNNING, SINGULAR, State, first, length, size_of
from fnet.solvers.searches import Search, strong_wolfe


@constructor
def newton(search: Search | None = None) -> Solver:
    """Newton's step, with the Hessian H made positive definite where it is not.

        p = −H⁻¹ g            by Cholesky
        p = −V |E|⁻¹ Vᵀ g     where H is not positive definite

    V and E are the eigenvectors and eigenvalues of H. H takes n products with the derivative of the
    gradient, and n² numbers; for many parameters take `newton_cg`. |E| is at least √ε of its
    largest. Ends as "indefinite" where the gradient vanishes at a saddle point.

    Source: Nocedal & Wright (2006), Numerical Optimization, section 3.4.

    >>> from fnet.solvers import solve
    >>> result = solve(newton(), lambda x: jnp.exp(x[0]) - x[0] + x[1] ** 2, jnp.array([2.0, 1.0]))
    >>> result.steps <= 6, result.gradient < 1e-8
    (True, True)
    """

    def propose(problem: Problem, state: State, m: tuple[()]) -> Proposal:
        H = dense(problem.hessian(state.x), state.x)
        lower = jnp.linalg.cholesky(H)

        def definite() -> tuple[Array, Array]:
            return -jax.scipy.linalg.cho_solve((lower, True), state.grad), jnp.int32(RUNNING)

        def modified() -> tuple[Array, Array]:
            values, V = jnp.linalg.eigh(H)
            eps, largest = jnp.finfo(H.dtype).eps, size_of(values)
            sizes = jnp.maximum(jnp.abs(values), jnp.sqrt(eps) * largest)
            p = -V @ ((V.T @ state.grad) / jnp.where(sizes > 0, sizes, 1))
            return p, jnp.where(indefinite(values), jnp.int32(INDEFINITE), jnp.int32(RUNNING))

        p, obstacle = jax.lax.cond(jnp.isfinite(lower).all(), definite, modified)
        return Proposal(p, jnp.ones_like(state.value), m, obstacle)

    return descending(_forgetful(propose), search or strong_wolfe())


@constructor
def newton_cg(search: Search | None = None) -> Solver:
    """Newton's step by conjugate gradients, as far as it is worth while: no matrix is stored.

        H p = −g

    until ‖H p + g‖ ≤ min(½, √‖g‖) ‖g‖, or a direction has no positive curvature. One of none at all
    is p itself, as far as the search says.

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithm 7.1.

    >>> from fnet.solvers import solve
    >>> solve(newton_cg(), lambda x: jnp.cosh(x).sum(), jnp.arange(3.0)).reason
    'converged: the gradient is below the tolerance'
    """

    def propose(problem: Problem, state: State, m: tuple[()]) -> Proposal:
        size = length(state.grad)
        goal = jnp.minimum(0.5, jnp.sqrt(size)) * size
        p = _truncated(problem.hessian(state.x), state.grad, goal)
        return Proposal(p, jnp.ones_like(state.value), m)

    return descending(_forgetful(propose), search or strong_wolfe())


class _Inner(NamedTuple):
    p: Array
    r: Array
    d: Array
    rr: Array
    k: Array
    done: Array


def _truncated(product: Product, grad: Array, goal: Array) -> Array:
    """p of H p ≈ −g by conjugate gradients; −g if H has no positive curvature along it."""

    def going(loop: _Inner) -> Array:
        return ~loop.done & (jnp.sqrt(loop.rr) > goal) & (loop.k < 10 * len(grad))

    def step(loop: _Inner) -> _Inner:
        Hd = product(loop.d)
        bend = jnp.vdot(loop.d, Hd)
        noise = jnp.finfo(grad.dtype).eps * jnp.vdot(loop.d, loop.d)
        flat, straight = bend <= noise, jnp.abs(bend) <= noise
        a = loop.rr / jnp.where(flat, 1, bend)
        r = loop.r + a * Hd
        rr = jnp.vdot(r, r)
        p = jnp.where(
            flat, jnp.where(straight | (loop.k == 0), loop.d, loop.p), loop.p + a * loop.d
        )
        return _Inner(p, r, -r + (rr / loop.rr) * loop.d, rr, loop.k + 1, flat)

    zero, rr = jnp.zeros_like(grad), jnp.vdot(grad, grad)
    begin = _Inner(zero, grad, -grad, rr, jnp.int32(0), jnp.asarray(False))
    return repeated(going, step, begin).p


@constructor
def gauss_newton(damping: float = 0.0, search: Search | None = None) -> Solver:
    """Newton's step with the Gauss-Newton matrix G in place of the Hessian; λ is `damping`.

        (G + λ I) p = −g        G = Jᵀ L J

    J is the derivative of the residuals (L = I) or of a model's output, and L the second derivative
    of the loss. For residuals and λ = 0, p is by the singular values of J, whose condition number
    is not squared. Ends as "singular" where columns of J depend on each other and λ = 0: take a
    damping, or `levenberg_marquardt`; and as "indefinite" where the gradient vanishes at a saddle
    point of a function whose Hessian G is.

    Source: Nocedal & Wright (2006), section 10.3; Schraudolph (2002), Fast curvature matrix-vector
    products, for L.

    >>> from fnet.solvers import least_squares, solve
    >>> x = jnp.arange(5.0)
    >>> goal = least_squares(lambda p, x, t: jnp.exp(p[0] * x) + p[1] - t, x, jnp.exp(0.5 * x) + 1)
    >>> solve(gauss_newton(), goal, jnp.zeros(2)).params.round(6).tolist()
    [0.5, 1.0]
    """
    require_number("gauss_newton: damping", damping, least=0)

    def propose(problem: Problem, state: State, m: tuple[()]) -> Proposal:
        values, V, c = curvature(problem, state, jnp.ones_like(state.x))
        lacks = (values == 0).any() | (V.shape[1] < V.shape[0])
        p = -V @ (c / (values + damping))
        obstacle = first((lacks & (damping == 0), SINGULAR), (indefinite(values), INDEFINITE))
        return Proposal(p, jnp.ones_like(state.value), m, obstacle)

    return descending(_forgetful(propose), search or strong_wolfe())


def curvature(problem: Problem, state: State, scale: Array) -> tuple[Array, Array, Array]:
    """Λ, V and Vᵀ g of G = V Λ Vᵀ, where G and g are of x · scale, and Λ ascends.

    A singular value of J, or an eigenvalue and its part of g, that is rounding is 0: a step along
    it would be as large as anything allows, and change nothing.
    """
    if problem.residuals is not None:
        noise = len(scale) * jnp.finfo(scale.dtype).eps
        J = jacobian(problem, state.x) / scale[None]
        U, S, Vt = jnp.linalg.svd(J, full_matrices=False)
        S = jnp.where(noise * jnp.max(S, initial=0) < S, S, 0)
        c = S * (U.T @ problem.residuals(state.x))
        return S[::-1] ** 2, Vt[::-1].T, c[::-1]
    G = gauss_newton_matrix(problem, state.x) / (scale[:, None] * scale[None])
    return spectrum(G, state.grad / scale)


def spectrum(G: Array, g: Array) -> tuple[Array, Array, Array]:
    """Λ, V and Vᵀ g of G = V Λ Vᵀ, where Λ ascends, without what is rounding in them.

    >>> values, V, c = spectrum(jnp.ones((2, 2)), jnp.ones(2))
    >>> print(values.round(4), abs(c).round(4))
    [0. 2.] [0.     1.4142]
    """
    eps = jnp.finfo(G.dtype).eps
    values, V = jnp.linalg.eigh(G)
    c = V.T @ g
    flat = jnp.abs(values) <= len(g) * eps * size_of(values)
    none = flat & (jnp.abs(c) <= jnp.sqrt(eps) * size_of(c))
    return jnp.where(flat, 0, values), V, jnp.where(none, 0, c)


def gauss_newton_matrix(problem: Problem, x: Array) -> Array:
    """G (n, n); the Hessian of a function of which no G is known."""
    product = problem.hessian if problem.gauss_newton is None else problem.gauss_newton
    return dense(product(x), x)


def indefinite(values: Array) -> Array:
    """Whether one of these eigenvalues is negative, by more than rounding."""
    noise = len(values) * jnp.finfo(values.dtype).eps * jnp.abs(values).max(initial=0)
    return values.min(initial=0) < -noise


def jacobian(problem: Problem, x: Array) -> Array:
    """J (N, n), by forward or reverse mode, whichever takes fewer passes."""
    assert problem.residuals is not None
    count = jax.eval_shape(problem.residuals, x).size
    mode = jax.jacfwd if len(x) <= count else jax.jacrev
    J: Array = mode(problem.residuals)(x)
    return J


def _forgetful(propose: Callable[[Problem, State, Any], Proposal]) -> Direction:
    """A direction that remembers nothing."""
    return Direction(lambda x: (), propose, lambda m, before, after, p: m)
