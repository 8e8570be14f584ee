"""One step of training: forward → loss → backward → update, with no autodiff in it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Loss
from fnet.core.remembering import remembered
from fnet.data.augmentation import Augmentation, augment
from fnet.data.transforms import Transform, compose
from fnet.optimizers import apply_updates
from fnet.optimizers.rule import passed
from fnet.training.evaluation import penalty_of
from fnet.training.feeding import inputs
from fnet.training.last_layer import open_for
from fnet.training.records import Metrics, State
from fnet.training.scoring import score, weight
from fnet.training.seen_rows import seen_rows
from fnet.training.solving import require_optimizer
from fnet.training.updating import extras


@remembered
def make_step(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    transform: Transform = compose(),
    augmentation: Augmentation = augment(),
) -> Callable[..., tuple[State, Metrics]]:
    """The compiled step(state, x, target, where=None, key=None) -> state, metrics.

        y, cache = forward(θ, transform(x))      value, dy = loss(y, target)
        dθ = backward(θ, cache, dy) + ∇penalty(θ)      θ ← observe(θ + update(dθ), cache)

    x: (N, ...) or a tree of such arrays, cast to the dtype of θ. target: (N, ...). where: (N,)
    bool, the rows that count. key: for the augmentation and for layers with noise, which differ
    from step to step. Equal arguments give the same compiled function.

    With a key, x and target are first augmented: x before its transform, and with `fold_in(key,
    state.step)`. Correct answers are counted by the target that was given.

    >>> from fnet import losses, optimizers
    >>> from fnet.training import records
    >>> from fnet.layers import affine
    >>> model, loss, optimizer = affine(1), losses.mse(), optimizers.sgd(0.5)
    >>> step = make_step(model, loss, optimizer)
    >>> state = records.start(model, optimizer, (1,)).state
    >>> x = jnp.array([[-1.0], [1.0]])
    >>> for _ in range(20):
    ...     state, metrics = step(state, x, 3 * x + 2)
    >>> state.params.w.round(2).tolist(), state.params.b.round(2).tolist()
    ([[3.0]], [2.0])
    """
    return jax.jit(one_step(open_for(loss, model), loss, optimizer, transform, augmentation))


def one_step(
    model: Layer, loss: Loss, optimizer: Any, transform: Transform, augmentation: Augmentation
) -> Callable[..., tuple[State, Metrics]]:
    """The step that `make_step` compiles, of a model that is open for its loss."""
    require_optimizer(optimizer)
    model = seen_rows(model, optimizer)

    def step(
        state: State,
        x: Any,
        target: Array,
        where: Array | None = None,
        key: PRNGKey | None = None,
    ) -> tuple[State, Metrics]:
        params = state.params
        noise = None if key is None else jax.random.fold_in(key, state.step)
        x = inputs(transform, params, augmentation.images(noise, x))
        y, cache = model.forward(params, x, noise)
        soft = augmentation.targets(noise, target, y)
        value, dy = loss.value_and_grad(y, soft, where)
        grads, _ = model.backward(params, cache, dy)
        cost, dcost = penalty_of(model, params)
        if dcost is not None:
            grads = jax.tree.map(jnp.add, grads, dcost)
        more = extras(model, loss, (x, soft, where, noise), value + cost.astype(value.dtype), grads)
        updates, opt_state = passed(optimizer, grads, state.opt_state, params, **more)
        params = apply_updates(params, updates)
        if model.observe is not None:
            params = model.observe(params, cache)
        return State(params, opt_state, state.step + 1), Metrics(
            value, cost, *score(loss, y, target, where), weight(loss, soft, where)
        )

    return step
