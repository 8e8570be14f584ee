"""Learning rates that change: by a schedule, or when the loss no longer falls."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require, require_number, require_state, require_whole
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.rule import passed, rate_of, require_optimizer, with_rate
from fnet.optimizers.schedules import Schedule, require_schedule


class Scheduled(NamedTuple):
    """The state of `scheduled`: the rate that the schedule multiplies, and the inner state.

    `learning_rate` is that of the next step.

    >>> from fnet.optimizers import sgd
    >>> from fnet.optimizers.schedules import warmup
    >>> state = scheduled(sgd(0.5), warmup(2)).init(jnp.zeros(2))
    >>> float(state.base), float(state.learning_rate)
    (0.5, 0.0)
    """

    step: Array
    base: Array
    inner: Any

    @property
    def learning_rate(self) -> Any:
        """That of the next step."""
        return self.inner.learning_rate


class Plateau(NamedTuple):
    """The state of `plateau`: the rate it began with, by what it is multiplied, and what it saw.

    >>> from fnet.optimizers import sgd
    >>> state = plateau(sgd(0.5), patience=3).init(jnp.zeros(2))
    >>> float(state.base), float(state.scale), float(state.best)
    (0.5, 1.0, inf)
    """

    step: Array
    base: Array
    scale: Array
    best: Array
    since: Array
    total: Array
    inner: Any

    @property
    def learning_rate(self) -> Any:
        """That of the next step."""
        return self.inner.learning_rate


@constructor
def scheduled(optimizer: Any, schedule: Schedule) -> Optimizer:
    """The optimizer whose learning rate follows a schedule: at step t, α schedule(t).

    α is the optimizer's own rate, or what `set_learning_rate` sets. The rate stands in the state,
    so that a compiled step is not traced again.

    >>> from fnet.optimizers import sgd
    >>> from fnet.optimizers.schedules import linear
    >>> optimizer = scheduled(sgd(1.0), linear(4))
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for _ in range(3):
    ...     updates, state = optimizer.update(jnp.ones(()), state)
    ...     print(float(updates), float(state.learning_rate))
    -1.0 0.75
    -0.75 0.5
    -0.5 0.25
    """
    require_optimizer("scheduled", optimizer)
    require_schedule("scheduled", schedule)

    def at(step: Array, base: Array, inner: Any) -> Any:
        return with_rate(inner, base * schedule(step).astype(base.dtype))

    def init_state(params: ArrayTree) -> Scheduled:
        inner, base = begun("scheduled", optimizer, params)
        step = jnp.zeros((), jnp.int32)
        return Scheduled(step, base, at(step, base, inner))

    def update(grads: ArrayTree, state: Scheduled, params: Any = None, **more: Any) -> Any:
        require_state("scheduled", Scheduled, state)
        now = at(state.step, state.base, state.inner)
        updates, inner = passed(optimizer, grads, now, params, **more)
        step = state.step + 1
        return updates, state._replace(step=step, inner=at(step, state.base, inner))

    return Optimizer(init_state, update)


@constructor
def plateau(
    optimizer: Any,
    patience: int = 10,
    factor: float = 0.1,
    threshold: float = 1e-4,
    every: int = 1,
    least: float = 0.0,
) -> Optimizer:
    """The optimizer whose learning rate is multiplied by `factor` when the loss no longer falls.

    `update(grads, state, params, value=loss)` is given the loss, as `fit` does. A reading is the
    mean of `every` of them. When more than `patience` readings in a row were not below
    best − threshold |best|, the rate is multiplied, and counting begins again. It does not fall
    below `least` times the optimizer's rate. A loss that is NaN is no improvement. optax.chain
    gives the loss to its own type alone: optax.GradientTransformationExtraArgs(*plateau(sgd(0.1))).

    PyTorch's ReduceLROnPlateau counts like that; Keras and optax reduce at the reading number
    `patience` without improvement, one sooner.

    >>> from fnet.optimizers import sgd
    >>> optimizer = plateau(sgd(1.0), patience=1, factor=0.5)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for loss in (1.0, 1.0, 1.0, 0.5):
    ...     updates, state = optimizer.update(jnp.ones(()), state, value=loss)
    ...     print(float(state.learning_rate))
    1.0
    1.0
    0.5
    0.5
    """
    require_optimizer("plateau", optimizer)
    require_whole("plateau: patience", patience, least=0)
    require_number("plateau: factor", factor, above=0, below=1)
    require_number("plateau: threshold", threshold, least=0, below=1)
    require_whole("plateau: every", every, least=1)
    require_number("plateau: least", least, least=0, below=1)

    def init_state(params: ArrayTree) -> Plateau:
        inner, base = begun("plateau", optimizer, params)
        counts = [jnp.zeros((), jnp.int32) for _ in range(2)]
        one, total = jnp.ones_like(base), jnp.zeros_like(base)
        return Plateau(counts[0], base, one, one * jnp.inf, counts[1], total, inner)

    def read(state: Plateau, value: Any) -> Plateau:
        """The state after one loss more."""
        total = state.total + jnp.asarray(value).astype(state.total.dtype)
        step, mean = state.step + 1, total / every
        full = step % every == 0
        better = full & (mean < state.best - threshold * jnp.abs(state.best))
        better = better | (full & jnp.isinf(state.best) & jnp.isfinite(mean))
        since = jnp.where(better, 0, state.since + full.astype(jnp.int32))
        tired = since > patience
        lower = jnp.maximum(state.scale * factor, least)
        return state._replace(
            step=step,
            scale=jnp.where(tired, lower, state.scale),
            best=jnp.where(better, mean, state.best),
            since=jnp.where(tired, 0, since),
            total=jnp.where(full, 0, total),
        )

    def update(
        grads: ArrayTree, state: Plateau, params: Any = None, value: Any = None, **more: Any
    ) -> Any:
        require_state("plateau", Plateau, state)
        if value is None:
            raise ConfigurationError(
                "plateau: update needs the loss: optimizer.update(grads, state, params, "
                "value=loss); within optax.chain write "
                "optax.GradientTransformationExtraArgs(*plateau(...)), which is given it"
            )
        require(
            jnp.shape(value) == (),
            f"plateau: value is an array {jnp.shape(value)}; it must be one number, the loss",
        )
        now = with_rate(state.inner, state.base * state.scale)
        updates, inner = passed(optimizer, grads, now, params, value=value, **more)
        state = read(state, value)
        return updates, state._replace(inner=with_rate(inner, state.base * state.scale))

    return Optimizer(init_state, update)


def begun(name: str, optimizer: Any, params: ArrayTree) -> tuple[Any, Array]:
    """The first state of an optimizer and the rate to change; ConfigurationError if it has none."""
    inner = optimizer.init(params)
    rate = rate_of(inner)
    if rate is None:
        raise ConfigurationError(
            f"{name}: the state of {optimizer} has no learning rate; take an optimizer of fnet"
        )
    return inner, jnp.copy(rate)  # a buffer twice in a state cannot be donated
