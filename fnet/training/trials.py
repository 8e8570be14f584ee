"""What is tried before training, on a few rows: targets, transforms, and losses of one's own."""

import inspect
import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Loss
from fnet.core.masking import unmarked_counts
from fnet.core.values import Value
from fnet.data.dataset import Dataset
from fnet.errors import ConfigurationError, DataError, FnetError
from fnet.optimizers.rule import passed
from fnet.training.feeding import example_shape, inputs

ROWS = 4  # that are tried
TIMES = 8  # that a transform is called; one that draws at random will hardly agree with itself


def check_targets(loss: Loss, target: Any, places: Any = None) -> None:
    """Raise DataError naming the first floating-point target that the loss does not take.

    `places` are the indices of these targets in their dataset, where they are not all of it.
    """
    if loss.targets is None or not jnp.issubdtype(target.dtype, jnp.floating):
        return
    known, (low, high) = np.asarray(target), loss.targets
    # In 64 bits: a bound next to -1 would be -1 itself in 32.
    wrong = (known < np.float64(low)) | (known > np.float64(high))
    if wrong.any():
        first = np.unravel_index(wrong.argmax(), wrong.shape)
        row = first[0] if places is None else places[first[0]]
        index = ", ".join(map(str, (row, *first[1:])))
        raise DataError(
            f"target[{index}] is {known[first]:g}, and {loss} takes targets from {low} to "
            f"{high}: {_remedy(known, low, high)}"
        )


def _remedy(target: np.ndarray, low: float, high: float) -> str:
    if high == np.inf:
        return ("counts are not negative; " if low == 0 else "") + "for other numbers take mse()"
    values = np.unique(target)
    if len(values) == 2:
        a, b = values
        return f"turn {a:g} and {b:g} into 0 and 1, (target == {b:g}).astype(float)"
    return "scale them, if they are shares, or take mse() for a regression"


def require_samples(dataset: Dataset, name: str) -> None:
    """Raise DataError for a dataset without samples."""
    if len(dataset) == 0:
        raise DataError(
            f"the {name} is empty: what selected its samples left none; select some"
            + (", or leave it out" if name == "validation set" else "")
        )


def require_steady(dataset: Dataset) -> None:
    """Raise ConfigurationError for a transform that draws at random.

    It would draw once, when it is compiled, and give every batch the same noise. The generators
    of NumPy and Python are left as they were.
    """
    batch = dataset.gather(np.arange(min(ROWS, len(dataset))))[dataset.fields[0]]
    states: tuple[Any, Any] = np.random.get_state(), random.getstate()
    first, *others = (_transformed(dataset, batch) for _ in range(TIMES))
    drawn = _differ(states[0], np.random.get_state()) or random.getstate() != states[1]
    np.random.set_state(states[0])
    random.setstate(states[1])
    if drawn or any(_differ(first, other) for other in others):
        raise ConfigurationError(
            f"the transform {dataset.transform} draws at random, and training compiles it once: "
            "all batches would have the same noise. Give what is random to training, "
            "fit(..., augmentation=augment(flip(), crop(4))), and leave it out of the transform"
        )


def _transformed(dataset: Dataset, batch: Any) -> Any:
    # A copy, since a transform may work in place.
    return dataset.transform(jax.tree.map(np.array, batch))


def _differ(a: Any, b: Any) -> bool:
    """Whether any array in these trees does, or anything else."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return any(np.asarray(x).tobytes() != np.asarray(y).tobytes() for x, y in pairs)


def require_masking(model: Layer, loss: Loss, dataset: Dataset) -> None:
    """Raise ConfigurationError for a loss that counts rows which `where` does not mark.

    The last batch of an epoch is filled with such rows. Losses of fnet are not tried.
    """
    if loss.made and loss.made[0].__module__.startswith("fnet."):
        return
    try:
        inspect.signature(loss.value_and_grad).bind(None, None, None)
    except TypeError:
        raise ConfigurationError(
            f"{loss} takes no `where`, which marks the rows that count: write "
            "value_and_grad(y, target, where=None)"
        ) from None
    batch = dataset.gather(np.arange(ROWS) % len(dataset))
    x, target = (jax.tree.map(jnp.asarray, batch[name]) for name in dataset.fields)
    y = _drawn(model, dataset, x)
    how = unmarked_counts(loss, y, target)
    if how is not None:
        raise ConfigurationError(
            f"the loss is {loss}, and {how}. The last batch of an epoch is filled with rows that "
            "do not count: sum over those of `where` alone, divide a mean by where.sum(), and let "
            "dy be 0 elsewhere"
        )


def _drawn(model: Layer, dataset: Dataset, x: Any) -> Any:
    """Outputs of the model's shape and dtype, which may be logits or probabilities."""

    def output(key: Any, x: Any) -> ArrayTree:
        params, _ = model.init(key, example_shape(dataset))
        return model.forward(params, inputs(dataset.transform, params, x))[0]

    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.uniform(0.2, 0.8, leaf.shape), leaf.dtype),
        jax.eval_shape(output, jax.random.key(0), x),
    )


def require_update(model: Layer, optimizer: Any, dataset: Dataset) -> None:
    """Raise ConfigurationError for an optimizer that needs more than training gives it.

    Those of fnet are not tried.
    """
    if isinstance(optimizer, Value) and optimizer.written:
        return

    def step(key: Any) -> Any:
        params, _ = model.init(key, example_shape(dataset))
        value = jnp.zeros(())
        more = {"value": value, "grad": params, "value_fn": _squares}
        return passed(optimizer, params, optimizer.init(params), params, **more)

    try:
        jax.eval_shape(step, jax.random.key(0))
    except FnetError:
        raise
    except Exception as error:
        kind, words = type(error).__name__, (str(error).splitlines() or [""])[0]
        raise ConfigurationError(
            f"the optimizer cannot be used here: init(params), or update(grads, state, params) "
            f"with value=, grad= and value_fn= if it takes them, raises {kind}: {words}"
        ) from error


def _squares(params: ArrayTree) -> Any:
    return sum((jnp.vdot(leaf, leaf).real for leaf in jax.tree.leaves(params)), jnp.zeros(()))
