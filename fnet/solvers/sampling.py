"""Monte Carlo: samples of a distribution whose density is known up to a factor."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey
from jax.tree_util import Partial

from fnet.core.expect import require, require_floating, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.solvers.given import require_key, require_method, require_one_number
from fnet.solvers.numbers import real
from fnet.solvers.outcomes import either


class Chain(NamedTuple):
    """The state of a chain: its point, log density and ∇ log density there (zeros if unused).

    >>> init_state, update = metropolis_hastings(0.5)
    >>> init_state(lambda x: -(x @ x), jnp.ones(2)).value.tolist()
    -2.0
    """

    x: Array
    value: Array
    grad: Array


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sampler(Value):
    """A stateless pair for one chain.

        init_state(log_density, x)          -> state
        update(log_density, state, key)     -> state, accepted

    >>> init_state, update = hmc(0.1)
    """

    init_state: Callable[[Any, Array], Chain]
    update: Callable[[Any, Chain, PRNGKey], tuple[Chain, Array]]

    def __iter__(self) -> Any:
        return iter((self.init_state, self.update))


class Samples(NamedTuple):
    """x: (steps, chains, n), the samples; accepted: the part of proposals that were taken.

    >>> draws = sample(metropolis_hastings(1.0), lambda x: -(x @ x) / 2, jnp.zeros((4, 1)),
    ...                jax.random.key(0), steps=1000)
    >>> draws.x.shape, bool(abs(draws.x.mean()) < 0.1)
    ((1000, 4, 1), True)
    """

    x: Array
    accepted: Array


def sample(
    sampler: Sampler,
    log_density: Callable[[Array], Array],
    x: Array,
    key: PRNGKey,
    *,
    steps: int,
    warm_up: int = 0,
) -> Samples:
    """Run a chain from each row of x (chains, n), side by side, after `warm_up` steps left out.

    log_density(x) of one point (n,) is log p(x) up to a constant; where it is −∞ or NaN, p is 0.
    Equal keys give equal samples. The start must have p > 0 for a chain to be one of p.

    >>> def log_density(x):
    ...     return -((x - 3) ** 2).sum() / 2
    >>> draws = sample(hmc(0.2), log_density, jnp.zeros((50, 2)), jax.random.key(1), steps=200,
    ...                warm_up=50)
    >>> print(draws.x.mean((0, 1)).round(1), draws.x.std((0, 1)).round(1))
    [3. 3.] [1. 1.]
    """
    require_method("sample: the sampler", sampler, Sampler, "hmc(0.1)")
    require_key("sample: key", key)
    require_whole("sample: steps", steps, least=1)
    require_whole("sample: warm_up", warm_up, least=0)
    x = real("sample: x", x)
    require(
        x.ndim == 2 and len(x) > 0,
        f"sample: x is {x.shape}; it must be (chains, n), a start for each chain",
    )
    what = "sample: log_density of one point"
    require_floating(what, require_one_number(what, log_density, x[0]))
    drawn: Samples = _sample(sampler, steps, warm_up, Partial(log_density), x, key)
    return drawn


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _sample(
    sampler: Sampler, steps: int, warm_up: int, log_density: Any, x: Array, key: PRNGKey
) -> Samples:
    update = jax.vmap(functools.partial(sampler.update, log_density))

    def step(state: Chain, key: PRNGKey) -> tuple[Chain, tuple[Array, Array]]:
        state, accepted = update(state, jax.random.split(key, len(x)))
        return state, (state.x, accepted)

    state = jax.vmap(functools.partial(sampler.init_state, log_density))(x)
    early, late = jax.random.split(key)
    if warm_up:
        state = jax.lax.scan(
            lambda state, key: (step(state, key)[0], None), state, jax.random.split(early, warm_up)
        )[0]
    _, (points, accepted) = jax.lax.scan(step, state, jax.random.split(late, steps))
    return Samples(points, accepted.astype(x.dtype).mean())


def _judge(key: PRNGKey, log_ratio: Array, new: Chain, old: Chain) -> tuple[Chain, Array]:
    """The new state with probability min(1, ratio); never where the ratio is NaN."""
    accepted = -jax.random.exponential(key, dtype=old.x.dtype) < log_ratio
    return either(accepted, new, old), accepted


@constructor
def metropolis_hastings(step: float) -> Sampler:
    """A random walk: a normal step, taken with probability min(1, p(y) / p(x)).

        y = x + step · N(0, I)

    About a quarter to a half of the steps should be accepted: `step` near 2.4 σ / √n.

    Source: Metropolis et al. (1953), Equation of state calculations by fast computing machines;
    Hastings (1970), Monte Carlo sampling methods using Markov chains.

    >>> draws = sample(metropolis_hastings(2.4), lambda x: -(x @ x) / 2, jnp.zeros((100, 1)),
    ...                jax.random.key(0), steps=500, warm_up=100)
    >>> bool(abs(draws.x.var() - 1) < 0.05)
    True
    """
    require_number("metropolis_hastings: step", step, above=0)

    def init_state(log_density: Any, x: Array) -> Chain:
        return Chain(x, log_density(x), jnp.zeros((0,), x.dtype))

    def update(log_density: Any, state: Chain, key: PRNGKey) -> tuple[Chain, Array]:
        first, second = jax.random.split(key)
        y = state.x + step * jax.random.normal(first, state.x.shape, state.x.dtype)
        new = Chain(y, log_density(y), state.grad)
        return _judge(second, new.value - state.value, new, state)

    return Sampler(init_state, update)


@constructor
def langevin(step: float) -> Sampler:
    """A step along the gradient with noise, corrected as by Metropolis: MALA.

        y = x + (h² / 2) ∇log p(x) + h N(0, I)        h = step

    It is `hmc` of one leap. About 0.57 of the steps should be accepted.

    Source: Roberts & Tweedie (1996), Exponential convergence of Langevin distributions.

    >>> draws = sample(langevin(1.0), lambda x: -(x @ x) / 2, jnp.zeros((100, 1)),
    ...                jax.random.key(0), steps=500, warm_up=50)
    >>> bool(abs(draws.x.var() - 1) < 0.05)
    True
    """
    return hmc(step, leaps=1)


@constructor
def hmc(step: float, leaps: int = 10) -> Sampler:
    """Hamiltonian Monte Carlo: a momentum q ~ N(0, I), and `leaps` steps h of its motion.

        q ← q + (h / 2) ∇log p(x)      x ← x + h q      q ← q + (h / 2) ∇log p(x)

    The end is taken with probability min(1, exp(H(x, q) − H(x′, q′))), H = ½ ‖q‖² − log p. About
    two thirds should be accepted.

    Source: Duane et al. (1987), Hybrid Monte Carlo; Neal (2011), MCMC using Hamiltonian dynamics.

    >>> draws = sample(hmc(0.5), lambda x: -(x**4).sum(), jnp.ones((100, 1)), jax.random.key(0),
    ...                steps=200, warm_up=20)
    >>> bool(abs((draws.x**2).mean() - 0.338) < 0.02)  # Γ(3/4) / Γ(1/4)
    True
    """
    require_number("hmc: step", step, above=0)
    require_whole("hmc: leaps", leaps, least=1)

    def at(log_density: Any, x: Array) -> Chain:
        return Chain(x, *jax.value_and_grad(log_density)(x))

    def update(log_density: Any, state: Chain, key: PRNGKey) -> tuple[Chain, Array]:
        first, second = jax.random.split(key)
        begin = jax.random.normal(first, state.x.shape, state.x.dtype)

        def leap(_: int, carry: tuple[Chain, Array]) -> tuple[Chain, Array]:
            now, q = carry
            q = q + step / 2 * now.grad
            now = at(log_density, now.x + step * q)
            return now, q + step / 2 * now.grad

        end, q = jax.lax.fori_loop(0, leaps, leap, (state, begin))
        gained = (end.value - jnp.vdot(q, q) / 2) - (state.value - jnp.vdot(begin, begin) / 2)
        return _judge(second, gained, end, state)

    return Sampler(at, update)
