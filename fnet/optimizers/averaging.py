"""Means over steps: of gradients before a step, and of parameters after it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_number, require_state, require_whole
from fnet.core.trees import is_non_trainable, zeros_like
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.rule import (
    apply_updates,
    filled,
    is_still,
    leafwise,
    passed,
    require_gradients,
    require_optimizer,
    require_params,
    risen,
    wider,
)


class Accumulated(NamedTuple):
    """The state of `accumulate`: the sum of the gradients since the last step, and how many.

    >>> from fnet.optimizers import sgd
    >>> state = accumulate(sgd(0.5), 4).init(jnp.zeros(2))
    >>> state.total.tolist(), int(state.held)
    ([0.0, 0.0], 0)
    """

    step: Array
    held: Array
    total: ArrayTree
    inner: Any

    @property
    def learning_rate(self) -> Any:
        """That of the optimizer inside."""
        return self.inner.learning_rate


class Averaged(NamedTuple):
    """The state of `averaged`: `mean`, the averaged parameters, in float32 at least.

    >>> from fnet.optimizers import sgd
    >>> averaged(sgd(0.5)).init(jnp.ones(2)).mean.tolist()
    [1.0, 1.0]
    """

    step: Array
    mean: ArrayTree
    inner: Any

    @property
    def learning_rate(self) -> Any:
        """That of the optimizer inside."""
        return self.inner.learning_rate


@constructor
def accumulate(optimizer: Any, k: int) -> Optimizer:
    """The optimizer, of the mean of k gradients: one step in k updates, the others are zero.

    With batches of equal size it makes the steps of batches k times as large, up to rounding.
    Gradients are added in float32 at least. `state.step` counts updates, `state.inner.step` steps:
    a schedule inside counts steps, one around counts updates. Arguments such as `value` are those
    of the last of the k updates.

    >>> from fnet.optimizers import sgd
    >>> optimizer = accumulate(sgd(1.0), 2)
    >>> state = optimizer.init(jnp.zeros(()))
    >>> for g in (1.0, 3.0):
    ...     updates, state = optimizer.update(jnp.array(g), state)
    ...     print(float(updates))
    0.0
    -2.0
    """
    require_optimizer("accumulate", optimizer)
    require_whole("accumulate: k", k, least=1)
    added = leafwise(lambda total, g: total + g)
    mean_of = leafwise(lambda g, total: total / k)

    def init_state(params: ArrayTree) -> Accumulated:
        step, held = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32)
        return Accumulated(step, held, filled(params), optimizer.init(params))

    def update(grads: ArrayTree, state: Accumulated, params: Any = None, **more: Any) -> Any:
        require_state("accumulate", Accumulated, state)
        require_gradients("accumulate", grads)
        grads = jax.tree.map(lambda g: None if is_still(g) else g, grads)
        total = added((state.total, grads))

        def stepped(inner: Any) -> Any:
            updates, after = passed(optimizer, mean_of((grads, total)), inner, params, **more)
            # One of optax may give other dtypes where those of gradients and parameters differ.
            return _like(updates, grads), _like(after, inner), zeros_like(total)

        def waited(inner: Any) -> Any:
            return zeros_like(grads), inner, total

        full = state.held + 1 == k
        updates, inner, total = jax.lax.cond(full, stepped, waited, state.inner)
        held = jnp.where(full, 0, state.held + 1)
        return updates, Accumulated(state.step + 1, held, total, inner)

    return Optimizer(init_state, update)


@constructor
def averaged(optimizer: Any, decay: float | None = 0.999) -> Optimizer:
    """The optimizer, beside which the mean of the parameters over all steps so far is kept.

        θ ← θ + Δθ      mean ← mean + w (θ − mean)      w = (1 − β) / (1 − βᵗ)      t = 1, 2, ...

    β is `decay`. That is the exponential moving average corrected for its beginning: after the
    first step it is θ. With decay=None it is the mean over all steps, w = 1 / t. Training is not
    changed by it. `averaged_params` reads it.

    Source: Polyak & Juditsky (1992), Acceleration of Stochastic Approximation by Averaging.

    >>> from fnet.optimizers import sgd
    >>> optimizer, params = averaged(sgd(1.0), decay=None), jnp.zeros(())
    >>> state = optimizer.init(params)
    >>> for _ in range(3):  # -1, -2, -3
    ...     updates, state = optimizer.update(jnp.ones(()), state, params)
    ...     params = apply_updates(params, updates)
    >>> float(params), float(averaged_params(state, params))
    (-3.0, -2.0)
    """
    require_optimizer("averaged", optimizer)
    if decay is not None:
        require_number("averaged: decay", decay, least=0, below=1)
    moved = leafwise(lambda mean, p, w: mean + w * (p - mean))

    def init_state(params: ArrayTree) -> Averaged:
        inner = optimizer.init(params)
        mean = jax.tree.map(lambda p: jnp.array(p, wider(p.dtype)), params)  # a copy
        return Averaged(jnp.zeros((), jnp.int32), mean, inner)

    def update(grads: ArrayTree, state: Averaged, params: Any = None, **more: Any) -> Any:
        require_state("averaged", Averaged, state)
        require_params("averaged", params, grads)
        updates, inner = passed(optimizer, grads, state.inner, params, **more)
        step = state.step + 1
        t = step.astype(float)
        w = 1 / t if decay is None else (1 - decay) / risen(decay, t)
        mean = moved((state.mean, apply_updates(params, updates)), w)
        return updates, Averaged(step, mean, inner)

    return Optimizer(init_state, update)


def _like(tree: ArrayTree, other: ArrayTree) -> ArrayTree:
    """The tree in the dtypes of the other; a key, which has no `astype`, as it is."""
    return jax.tree.map(lambda a, b: a if a.dtype == b.dtype else a.astype(b.dtype), tree, other)


def averaged_params(state: Any, params: ArrayTree) -> ArrayTree:
    """The averaged parameters from the state of an optimizer with `averaged` in it.

    They have the dtypes of `params`, from which `NonTrainable` parts, such as the statistics of
    `batch_norm`, are taken: evaluate(model, loss, averaged_params(state.opt_state, state.params),
    dataset).

    >>> from fnet.optimizers import clip_by_value, sgd
    >>> optimizer, params = clip_by_value(averaged(sgd(0.5)), 1.0), jnp.ones(2)
    >>> averaged_params(optimizer.init(params), params).tolist()
    [1.0, 1.0]
    """
    kept = state
    while not isinstance(kept, Averaged):
        if not hasattr(kept, "inner"):
            raise ConfigurationError(
                f"averaged_params: there is no average in a state of type {type(state).__name__}; "
                "train with averaged(optimizer)"
            )
        kept = kept.inner

    def read(p: Any, mean: Any) -> Any:
        return p if is_non_trainable(p) else mean.astype(p.dtype)

    return jax.tree.map(read, params, kept.mean, is_leaf=is_non_trainable)
