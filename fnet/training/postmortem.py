"""Why training stopped being finite: which step, which array, and what probably made it so."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss
from fnet.data.batches import PADDING
from fnet.data.dataset import Arrays, Dataset
from fnet.errors import TrainingError
from fnet.summary import chain
from fnet.training.evaluation import penalty_of
from fnet.training.feeding import inputs
from fnet.training.records import Record, State

ORDINARY = 1e4  # in training that goes well, weights and outputs are smaller


class Training(NamedTuple):
    """What trains on what; `make_step` is that of `fnet.training`, `key` the one of the noise."""

    model: Layer
    loss: Loss
    optimizer: Any
    dataset: Dataset
    make_step: Any
    key: PRNGKey


class Cause(NamedTuple):
    """The number of a step (the first is 1), what is not finite in it, and why that may be."""

    step: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"at step {self.step} {self.what}: {self.why}"


@jax.jit
def finite(tree: ArrayTree) -> Array:
    """Whether every number in the arrays of this tree is finite."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.array([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def require_finite(
    training: Training, before: Record, after: Record, order: Sequence[np.ndarray] | np.ndarray
) -> None:
    """Raise TrainingError where `after` is not finite: with the step, the array, the likely cause.

    The steps since `before`, which was finite, are gone again one by one; `order` has the places of
    each batch of their epoch.
    """
    if finite((after.state, after.losses)):
        return
    found = first_failure(training, before.state, order[len(before.seen.loss) :])
    raise TrainingError(str(found or f"the loss is not finite before step {after.state.step}"))


def require_finite_validation(before: Record, after: Record) -> Record:
    """`after`; TrainingError where a validation loss of its epochs since `before` is not finite."""
    losses = after.history.get("val_loss", np.zeros(0)).tolist()
    for epoch, loss in enumerate(losses, start=before.epoch + 1):
        if not math.isfinite(loss):
            largest = _largest(after.state.params)
            why = (
                f"they reach {largest:.2g}; {_slower(after.state)}"
                if largest > ORDINARY
                else "look for NaN, or for huge values, in the validation set"
            )
            what = f"after epoch {epoch} the validation loss is {loss}, the weights being finite"
            raise TrainingError(f"{what}: {why}")
    return after


def first_failure(training: Training, state: State, order: Iterable[np.ndarray]) -> Cause | None:
    """Go again from a finite state, batch by batch, to the first step that does not stay finite.

    `order` has the places of each batch. None where all steps stay finite.
    """
    model, loss, optimizer, dataset, make_step, key = training
    step = make_step(model, loss, optimizer, dataset.transform)
    for places in order:
        rows = places[places != PADDING]
        batch = dataset.gather(np.where(places == PADDING, rows[0], places))
        x, target = (jnp.asarray(batch[name]) for name in dataset.fields)
        where = jnp.asarray(places != PADDING)
        after, metrics = step(state, x, target, where, key)
        if not finite((after, metrics)):
            real = {name: array[: len(rows)] for name, array in batch.items()}
            return Cause(int(state.step) + 1, *_examine(training, state, real, rows))
        state = after
    return None


def _examine(training: Training, state: State, batch: Arrays, rows: np.ndarray) -> tuple[str, str]:
    """The first array of the step that is not finite, and why."""
    model, loss, optimizer, dataset, _, key = training
    params, slower = state.params, _slower(state)
    name, target_name = dataset.fields
    x, target = jnp.asarray(batch[name]), jnp.asarray(batch[target_name])
    x = inputs(dataset.transform, params, x)
    for values, what in ((x, name), (target, target_name)):
        if not finite(values):
            place = rows[np.argmax(~np.isfinite(np.asarray(values)).reshape(len(rows), -1).all(1))]
            return (
                f"{what}[{place}] of the training set is not finite behind {dataset.transform}",
                "mend that sample or leave it out (for missing values: fill_missing)",
            )
    y, cache = model.forward(params, x, jax.random.fold_in(key, state.step))
    if not finite(y):
        return _layer(model, params, x, slower)
    value, dy = loss.value_and_grad(y, target)
    largest = float(jnp.abs(y).max())
    if not finite(value) or not finite(dy):
        what = f"{loss} of finite predictions (up to {largest:.2g}) is {float(jnp.sum(value)):.3g}"
        what += "" if finite(dy) else ", and its gradient is not finite"
        if largest > ORDINARY:
            return what, f"they have grown too large; {slower}"
        return what, "they are of ordinary size: its formula takes the log of 0, or divides by it"
    grads, _ = model.backward(params, cache, dy)
    cost, dcost = penalty_of(model, params)
    if not finite(cost) or not finite(dcost):
        return "the penalty of the weights is not finite", slower
    leaf = _leaf(grads)
    if leaf is not None:
        small = max(_largest(params), largest) <= ORDINARY
        return f"the gradient d{leaf} is not finite", (
            "weights and outputs are of ordinary size: look for a division by 0 in that backward "
            "(fnet.check.check_gradients)"
            if small
            else f"weights or outputs have grown too large; {slower}"
        )
    if dcost is not None:
        grads = jax.tree.map(jnp.add, grads, dcost)
    _, opt_state = optimizer.update(grads, state.opt_state, params)
    size = f"gradients reach {_largest(grads):.2g}"
    if not finite(opt_state):
        return f"the state of {optimizer} overflows", f"{size}; {slower}"
    return "the update makes the weights infinite", f"{size}; {slower}"


def _layer(model: Layer, params: ArrayTree, x: Array, slower: str) -> tuple[str, str]:
    """The first layer of a chain whose output is not finite."""
    number = 0
    for number, (layer, own) in enumerate(chain(model, params), start=1):
        x, before = layer.forward(own, x)[0], x
        if not finite(x):
            what = f"the output of layer {number}, {layer}, is not finite"
            if max(_largest(own), _largest(before)) > ORDINARY:
                return what, f"its weights reach {_largest(own):.2g}; {slower}"
            return what, "its input and weights are of ordinary size: look at its forward"
    return "the output of the model is not finite", slower


def _leaf(tree: ArrayTree) -> str | None:
    """The path of the first leaf that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path({"params": tree}):
        if not finite(leaf):
            return path[0].key + jax.tree_util.keystr(path[1:])  # type: ignore[no-any-return]
    return None


def _largest(tree: ArrayTree) -> float:
    sizes = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree) if leaf.size]
    return max(sizes, default=0.0)


def _slower(state: State) -> str:
    rate = getattr(state.opt_state, "learning_rate", None)
    now = "" if rate is None else f" than {float(rate):.2g}"
    return f"the likely cause is too large a step: take a smaller learning rate{now}"
