"""Whether model, loss, optimizer and data fit each other."""

import textwrap
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.core import Layer, Loss, out_shape
from fnet.core.trees import is_shape, map_shapes
from fnet.data.augmentation import Augmentation
from fnet.data.dataset import Dataset, Memory
from fnet.errors import ConfigurationError, ShapeError
from fnet.training.feeding import example_shape
from fnet.training.matching import are_numbers, matched, matched_to
from fnet.training.trials import (
    check_targets,
    require_masking,
    require_samples,
    require_steady,
    require_update,
)


def require_reduced(loss: Loss) -> None:
    """Raise ConfigurationError for a loss that gives one number per sample."""
    if loss.reduction == "none":
        raise ConfigurationError(
            f"one number is needed, to minimise or to report, and {loss} gives many; take "
            "reduction='mean' or 'sum'"
        )


PARTS = {  # a method by which each is known, and how it is written
    "model": ("backward", "a Layer: serial(...)"),
    "loss": ("value_and_grad", "a Loss: cross_entropy(), not cross_entropy"),
    "optimizer": ("update", "an optimizer: adam(1e-3), not adam"),
    "dataset": ("gather", 'a dataset: fnet.data.memory({"image": x, "label": y})'),
}


def require_parts(order: str, *parts: tuple[str, Any]) -> None:
    """Raise ConfigurationError unless each is what it is called; `order` is that of arguments."""
    for name, given in parts:
        method, instead = PARTS[name]
        if not hasattr(given, method):
            what = textwrap.shorten(repr(given), 60, placeholder=" ...")
            if _is_params(given):
                what = f"a tree of arrays ({what})"
            raise ConfigurationError(
                f"the {name} is {what}; it must be {instead}. The order is {order}"
            )


def require_params(params: Any) -> None:
    """Raise ConfigurationError for a record, or a state of training, in place of parameters."""
    inside = "state.params" if hasattr(params, "best") else "params"
    if hasattr(params, "state") or hasattr(params, "opt_state"):
        raise ConfigurationError(f"params is a {type(params).__name__}; it must be its .{inside}")


def check_fit(
    model: Layer, loss: Loss, optimizer: Any, dataset: Dataset, resume: Any = None
) -> None:
    """Raise ConfigurationError or DataError unless these can be trained together.

    Each must be of the right type, and the model must have an output for each class of the data.
    The record to resume must come from the same optimizer. See also `check_use`.
    """
    require_parts(
        "(model, loss, optimizer, train, val)",
        *(("model", model), ("loss", loss), ("optimizer", optimizer), ("dataset", dataset)),
    )
    require_samples(dataset, "training set")
    if resume is None:
        require_update(model, optimizer, dataset)
    else:
        _check_resume(optimizer, resume)
    check_use(model, loss, dataset)
    if dataset.classes:
        _check_classes(model, loss, dataset)


def _is_params(given: Any) -> bool:
    leaves = jax.tree.leaves(given)
    return bool(leaves) and all(isinstance(leaf, jax.Array) for leaf in leaves)


def _check_classes(model: Layer, loss: Loss, dataset: Dataset) -> None:
    """Raise ConfigurationError unless the model has an output for each class of the data."""
    classes = len(dataset.classes)
    if loss.probabilities is None:
        raise ConfigurationError(
            f"{loss} is for regression, and the target is one of {classes} classes; take "
            "cross_entropy()"
        )
    known = _distinguished(model, loss, dataset)
    if known < classes:
        raise ConfigurationError(
            f"{model} with {loss} distinguishes {known} classes, and the data have {classes}; "
            "give its last layer an output for each"
        )


def _distinguished(model: Layer, loss: Loss, dataset: Dataset) -> int:
    """How many classes the model has outputs for."""
    made = out_shape(model, example_shape(dataset))
    if not is_shape(made):
        raise ConfigurationError(f"{loss} takes one array, and {model} makes several, {made}")
    assert loss.probabilities is not None
    y = jax.ShapeDtypeStruct((1, *made), jnp.float32)
    count: int = jax.eval_shape(loss.probabilities, y).shape[-1]
    return count


def of_classes(
    who: str, model: Layer, loss: Loss, dataset: Dataset, classes: Sequence[str] | None
) -> Dataset:
    """The dataset with labels that mean the classes of the model, matched by name.

    Raises ConfigurationError where they are not given, and the data have names for others.
    """
    if not dataset.classes or loss.probabilities is None:
        return dataset
    known = _distinguished(model, loss, dataset)
    if classes is not None:
        if len(classes) != known:
            raise ConfigurationError(
                f"{who}: classes are {len(classes)}, and {model} distinguishes {known}; give the "
                "names of those, in order, as train.classes"
            )
        return matched_to(dataset, classes)
    count = len(dataset.classes)
    ignored = 0 if loss.ignored is None else int(loss.ignored(jnp.arange(count)).sum())
    if known not in (count, count - ignored) and not are_numbers(dataset.classes):
        names = ", ".join(map(repr, dataset.classes[:8]))
        raise ConfigurationError(
            f"{who}: the data have {count} classes ({names}), and {model} "
            f"distinguishes {known}; say which: {who}(..., classes=train.classes)"
        )
    return dataset


def check_use(model: Layer, loss: Loss, dataset: Dataset) -> None:
    """Raise ConfigurationError or DataError unless a loss over these samples means something.

    The loss must take the targets and leave out the rows that `where` does not mark, and the
    transform must not draw at random.
    """
    require_reduced(loss)
    require_steady(dataset)
    require_masking(model, loss, dataset)
    if isinstance(dataset, Memory):
        check_targets(loss, dataset.arrays[dataset.fields[1]])


def check_validation(
    model: Layer, loss: Loss, train: Dataset, val: Dataset | None
) -> Dataset | None:
    """The validation set with labels that mean the classes of `train`; raises as `check_use`."""
    if val is None:
        return None
    require_samples(val, "validation set")
    check_use(model, loss, val)
    return matched(val, train)


def check_augmentation(augmentation: Any, model: Layer, loss: Loss, dataset: Dataset) -> None:
    """Raise ConfigurationError unless this augmentation fits the model, the loss and the data.

    The inputs must be images, and targets must not have places that would move with the pixels. The
    loss must take soft labels where the augmentation makes them.
    """
    if not isinstance(augmentation, Augmentation):
        what = textwrap.shorten(repr(augmentation), 60, placeholder=" ...")
        raise ConfigurationError(
            f"the augmentation is {what}; it must be a call, or several: augment(flip(), crop(4))"
        )
    if augmentation.change is None and augmentation.blend is None:
        return
    batch = dataset.gather(np.zeros(1, int))
    x, target = (batch[name] for name in dataset.fields)
    key = jax.random.key(0)
    try:
        jax.eval_shape(augmentation.images, key, x)
    except ShapeError as error:
        raise ConfigurationError(f"{augmentation} does not fit the data: {error}") from None
    if target.ndim > 2:
        raise ConfigurationError(
            f"{augmentation} changes images alone, and a target of these data is an array of "
            f"{target.shape[1:]}, whose places would not move with the pixels"
        )
    if augmentation.blend is None:
        return
    made = out_shape(model, example_shape(dataset))
    y = map_shapes(lambda shape: jax.ShapeDtypeStruct((1, *shape), jnp.float32), made)
    try:
        soft = jax.eval_shape(augmentation.targets, key, target, y)
        jax.eval_shape(loss.value_and_grad, y, soft)
    except ShapeError as error:
        raise ConfigurationError(
            f"{augmentation} makes soft labels, and {loss} does not take them: {error}"
        ) from None


def _check_resume(optimizer: Any, record: Any) -> None:
    if not hasattr(record, "state"):
        raise ConfigurationError(
            f"resume is {record!r}; it must be a Record: fnet.checkpoint.load(path).record"
        )
    wanted: Any = jax.tree.structure(jax.eval_shape(optimizer.init, record.state.params))
    if jax.tree.structure(record.state.opt_state) != wanted:
        raise ConfigurationError(
            f"the run to resume was not trained by {optimizer}: resume with the same optimizer"
        )
