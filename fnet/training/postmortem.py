"""Why training stopped being finite: which step, which array, and the likely cause."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree, PRNGKey

from fnet.core import Layer, Loss, watching
from fnet.core.trees import add, all_finite, largest
from fnet.data.augmentation import Augmentation, augment
from fnet.data.dataset import Arrays, Dataset
from fnet.errors import TrainingError
from fnet.optimizers.rule import passed
from fnet.training.evaluation import penalty_of
from fnet.training.feeding import inputs, masked, places_of, taken
from fnet.training.records import Record, State

ORDINARY = 1e4  # weights and outputs are smaller in training that goes well


class Training(NamedTuple):
    """What trains on what; `make_step` is that of `fnet.training`, `key` seeds the noise."""

    model: Layer
    loss: Loss
    optimizer: Any
    dataset: Dataset
    make_step: Any
    key: PRNGKey
    augmentation: Augmentation = augment()


class Cause(NamedTuple):
    """A step, counted from 1, what is not finite in it, and the likely reason."""

    step: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"at step {self.step} {self.what}: {self.why}"


def require_finite(
    training: Training, before: Record, after: Record, order: Sequence[np.ndarray] | np.ndarray
) -> None:
    """Raise TrainingError where `after` is not finite, with the step, the array, the likely cause.

    The steps since `before`, which was finite, are repeated one by one; `order` has the indices of
    each batch of their epoch.
    """
    if all_finite((after.state, after.losses)):
        return
    cause = first_failure(
        training, before.state, masked(np.asarray(order))[len(before.seen.loss) :]
    )
    raise TrainingError(str(cause or f"the loss is not finite before step {after.state.step}"))


def require_finite_validation(before: Record, after: Record) -> Record:
    """`after`, or TrainingError where a validation loss since `before` is not finite."""
    losses = after.history.get("val_loss", np.zeros(0)).tolist()
    for epoch, loss in enumerate(losses, start=before.epoch + 1):
        if not math.isfinite(loss):
            reach = largest(after.state.params)
            why = (
                f"they reach {reach:.2g}; {_slower(after.state)}"
                if reach > ORDINARY
                else "look for NaN or huge values in the validation set"
            )
            what = f"after epoch {epoch} the validation loss is {loss}"
            raise TrainingError(f"{what}, though the weights are finite: {why}")
    return after


def first_failure(training: Training, state: State, order: Iterable[np.ndarray]) -> Cause | None:
    """Repeat training from a finite state, step by step, to the first that is not finite.

    `order` has the indices of each batch, `masked`. None where all steps stay finite.
    """
    model, loss, optimizer, dataset, make_step, key, augmentation = training
    step = make_step(model, loss, optimizer, dataset.transform, augmentation)
    for places in order:
        rows = places[places >= 0]
        read, where = places_of(places)
        batch = dataset.gather(read)
        x, target = (jax.tree.map(jnp.asarray, batch[name]) for name in dataset.fields)
        after, metrics = step(state, x, target, jnp.asarray(where), key)
        if not all_finite((after, metrics)):
            return Cause(int(state.step) + 1, *_examine(training, state, batch, rows))
        state = after
    return None


def _examine(training: Training, state: State, batch: Arrays, rows: np.ndarray) -> tuple[str, str]:
    """The first array of the step that is not finite, and the likely reason.

    `batch` may have rows of padding after the real `rows`.
    """
    model, loss, optimizer, dataset, _, key, augmentation = training
    params, slower = state.params, _slower(state)
    name, target_name = dataset.fields
    whole = [jax.tree.map(jnp.asarray, batch[field]) for field in (name, target_name)]
    noise = jax.random.fold_in(key, state.step)
    augmented = jax.jit(augmentation.images)(noise, whole[0])
    raw, target = taken(whole, slice(len(rows)))
    x = inputs(dataset.transform, params, raw)
    for path, values in jax.tree_util.tree_leaves_with_path({name: x, target_name: target}):
        if not all_finite(values):
            what = path[0].key + jax.tree_util.keystr(path[1:])
            place = rows[np.argmax(~np.isfinite(np.asarray(values)).reshape(len(rows), -1).all(1))]
            return (
                f"{what}[{place}] of the training set is not finite after {dataset.transform}",
                "repair that sample or leave it out (for missing values: fill_missing)",
            )
    x = inputs(dataset.transform, params, taken(augmented, slice(len(rows))))
    y, cache = model.forward(params, x, noise)
    if not all_finite(y):
        return _layer(model, params, x, noise, slower)
    blended = jax.jit(augmentation.targets)(noise, whole[1], y)
    value, dy = loss.value_and_grad(y, taken(blended, slice(len(rows))))
    reach = largest(y)
    if not all_finite(value) or not all_finite(dy):
        what = f"{loss} of finite predictions (up to {reach:.2g}) is {float(jnp.sum(value)):.3g}"
        what += "" if all_finite(dy) else ", and its gradient is not finite"
        if reach > ORDINARY:
            return what, f"they have grown too large; {slower}"
        return what, "they are of ordinary size: its formula takes the log of 0 or divides by 0"
    grads, _ = model.backward(params, cache, dy)
    cost, dcost = penalty_of(model, params)
    if not all_finite(cost) or not all_finite(dcost):
        return "the penalty of the weights is not finite", slower
    leaf = _leaf(grads)
    if leaf is not None:
        small = max(largest(params), reach) <= ORDINARY
        return f"the gradient d{leaf} is not finite", (
            "weights and outputs are of ordinary size: look for a division by 0 in that backward "
            "pass (fnet.check.check_gradients)"
            if small
            else f"weights or outputs have grown too large; {slower}"
        )
    if dcost is not None:
        grads = add(grads, dcost)
    _, opt_state = passed(
        optimizer, grads, state.opt_state, params, value=value, grad=grads, value_fn=lambda _: value
    )
    size = f"gradients reach {largest(grads):.2g}"
    if not all_finite(opt_state):
        return f"the state of {optimizer} overflows", f"{size}; {slower}"
    return "the update makes the weights infinite", f"{size}; {slower}"


def _layer(model: Layer, params: ArrayTree, x: Any, key: PRNGKey, slower: str) -> tuple[str, str]:
    """The first layer whose output is not finite, the innermost one inside compositions."""
    bad: list[tuple[str, float, float]] = []
    depth = number = 0

    def watch(layer: Layer, own: Any, x: Any, run: Any) -> Any:
        nonlocal depth, number
        number += depth == 1  # counts the layers of a chain
        depth += 1
        y, cache = run()
        depth -= 1
        if not bad and not all_finite(y):
            place = (
                f"layer {max(number, 1)}, {layer}," if depth < 2 else f"{layer} in layer {number}"
            )
            bad.append((place, largest(own), largest(x)))
        return y, cache

    with watching(watch), jax.disable_jit():  # so that arrays in loops have values
        model.forward(params, x, key)
    if not bad:
        return "the output of the model is not finite", slower
    place, weights, given = bad[0]
    what = f"the output of {place} is not finite"
    if max(weights, given) > ORDINARY:
        return what, f"its weights reach {weights:.2g}; {slower}"
    return what, "its input and weights are of ordinary size: look at its forward pass"


def _leaf(tree: ArrayTree) -> str | None:
    """The path of the first leaf that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path({"params": tree}):
        if not all_finite(leaf):
            return path[0].key + jax.tree_util.keystr(path[1:])  # type: ignore[no-any-return]
    return None


def _slower(state: State) -> str:
    rate = getattr(state.opt_state, "learning_rate", None)
    now = "" if rate is None else f" than {float(rate):.2g}"
    return f"the likely cause is too large a step: take a smaller learning rate{now}"
