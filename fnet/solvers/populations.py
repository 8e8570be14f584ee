"""Search without gradients: many points at once, and chance."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, PRNGKey
from jax.tree_util import Partial

from fnet.core.expect import require, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.solvers.given import require_key, require_known, require_method, require_one_number
from fnet.solvers.numbers import real


class Population(NamedTuple):
    """Points x (m, n) and their values (m,), and the steps done; ∞ stands for NaN.

    >>> init_state, update = genetic()
    >>> init_state(lambda x: x @ x, jnp.ones((4, 2))).values.tolist()
    [2.0, 2.0, 2.0, 2.0]
    """

    x: Array
    values: Array
    step: Array


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Explorer(Value):
    """A stateless pair.

        init_state(f, x)        -> state      x: (m, n)
        update(f, state, key)   -> state

    >>> init_state, update = annealing(1.0)
    """

    init_state: Callable[[Any, Array], Population]
    update: Callable[[Any, Population, PRNGKey], Population]

    def __iter__(self) -> Any:
        return iter((self.init_state, self.update))


class Explored(NamedTuple):
    """The best point (n,), its value, how often f was computed, and the best value at each step.

    >>> found = explore(genetic(), lambda x: x @ x, jnp.ones((8, 2)), jax.random.key(0), steps=5)
    >>> found.evaluations
    48
    """

    x: Array
    value: float
    evaluations: int
    history: np.ndarray


def explore(
    explorer: Explorer,
    f: Callable[[Array], Array],
    x: Array,
    key: PRNGKey,
    *,
    steps: int,
) -> Explored:
    """Look for the least f(x) from the points x (m, n), drawn by the caller where it may be.

    f of one point (n,) needs no gradient; NaN counts as worst. Equal keys give equal results.

    >>> def rastrigin(x):
    ...     return (x**2 - 10 * jnp.cos(2 * jnp.pi * x) + 10).sum()
    >>> begin, key = jax.random.split(jax.random.key(0))
    >>> x = jax.random.uniform(begin, (200, 2), minval=-5, maxval=5)
    >>> explore(genetic(), rastrigin, x, key, steps=100).value < 1e-3
    True
    """
    require_method("explore: the explorer", explorer, Explorer, "genetic()")
    require_key("explore: key", key)
    require_whole("explore: steps", steps, least=1)
    x = real("explore: x", x)
    require(
        x.ndim == 2 and len(x) > 1, f"explore: x is {x.shape}; it must be (m, n), several points"
    )
    require_one_number("explore: f of one point", f, x[0])
    best, value, history = _explore(explorer, steps, Partial(f), x, key)
    require_known("explore", best, value)
    return Explored(best, float(value), len(x) * (steps + 1), np.asarray(history))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _explore(
    explorer: Explorer, steps: int, f: Any, x: Array, key: PRNGKey
) -> tuple[Array, Array, Array]:
    def better(best: tuple[Array, Array], state: Population) -> tuple[Array, Array]:
        i = jnp.argmin(state.values)
        lower = state.values[i] < best[1]
        return jnp.where(lower, state.x[i], best[0]), jnp.where(lower, state.values[i], best[1])

    def step(carry: Any, key: PRNGKey) -> Any:
        state = explorer.update(f, carry[0], key)
        best = better(carry[1], state)
        return (state, best), best[1]

    state = explorer.init_state(f, x)
    best = better((x[0], jnp.asarray(jnp.inf, state.values.dtype)), state)
    (_, end), history = jax.lax.scan(step, (state, best), jax.random.split(key, steps))
    return *end, jnp.concatenate([best[1][None], history])


def _start(f: Any, x: Array) -> Population:
    return Population(x, _values(f, x), jnp.zeros((), x.dtype))


def _values(f: Any, x: Array) -> Array:
    values = jax.vmap(f)(x)
    return jnp.where(jnp.isnan(values), jnp.inf, values)


@constructor
def genetic(rivals: int = 3, spread: float = 0.3, mutation: float = 0.1) -> Explorer:
    """A genetic algorithm of real numbers: selection, crossover, mutation; the best one stays.

        child = a + u (b − a) + mutation · σ N(0, 1)

    entry by entry. The parents a and b are each the best of `rivals` drawn at random, u is uniform
    between −spread and 1 + spread, and σ is the standard deviation of that entry among all points:
    the search narrows as they gather.

    Source: Eshelman & Schaffer (1993), Real-coded genetic algorithms and interval-schemata.

    >>> x = jax.random.normal(jax.random.key(0), (50, 3))
    >>> def distance(x):
    ...     return jnp.abs(x - 1).sum()
    >>> explore(genetic(), distance, x, jax.random.key(1), steps=60).value < 1e-2
    True
    """
    require_whole("genetic: rivals", rivals, least=1)
    require_number("genetic: spread", spread, least=0)
    require_number("genetic: mutation", mutation, least=0)

    def update(f: Any, state: Population, key: PRNGKey) -> Population:
        pairs, blend, noise = jax.random.split(key, 3)
        m, dtype = len(state.x), state.x.dtype
        drawn = jax.random.randint(pairs, (2, m, rivals), 0, m)
        winners = jnp.take_along_axis(drawn, state.values[drawn].argmin(-1)[..., None], -1)[..., 0]
        a, b = state.x[winners[0]], state.x[winners[1]]
        u = jax.random.uniform(blend, a.shape, dtype, -spread, 1 + spread)
        sigma = state.x.std(axis=0)
        x = a + u * (b - a) + mutation * sigma[None] * jax.random.normal(noise, a.shape, dtype)
        x = x.at[0].set(state.x[jnp.argmin(state.values)])
        return Population(x, _values(f, x), state.step + 1)

    return Explorer(_start, update)


@constructor
def annealing(temperature: float, cooling: float = 0.99, step: float = 1.0) -> Explorer:
    """Simulated annealing: a random walk that also goes uphill, less and less.

        y = x + step √(T / T₀) N(0, I)        T ← cooling · T

    y is taken with probability min(1, exp((f(x) − f(y)) / T)). T begins at T₀, the `temperature`:
    about the differences of f that are to be crossed. Each point walks by itself.

    Source: Kirkpatrick, Gelatt & Vecchi (1983), Optimization by simulated annealing.

    >>> x = jnp.full((20, 1), 4.0)
    >>> def waves(x):
    ...     return (x**2 / 10 - jnp.cos(5 * x)).sum()
    >>> found = explore(annealing(2.0), waves, x, jax.random.key(0), steps=600)
    >>> bool(abs(found.x[0]) < 0.02)
    True
    """
    require_number("annealing: temperature", temperature, above=0)
    require_number("annealing: cooling", cooling, above=0, below=1)
    require_number("annealing: step", step, above=0)

    def update(f: Any, state: Population, key: PRNGKey) -> Population:
        walk, chance = jax.random.split(key)
        part = cooling**state.step
        noise = jax.random.normal(walk, state.x.shape, state.x.dtype)
        y = state.x + step * jnp.sqrt(part) * noise
        values = _values(f, y)
        luck = jax.random.exponential(chance, values.shape, values.dtype)
        taken = values - state.values < luck * (temperature * part)
        x = jnp.where(taken[:, None], y, state.x)
        return Population(x, jnp.where(taken, values, state.values), state.step + 1)

    return Explorer(_start, update)
