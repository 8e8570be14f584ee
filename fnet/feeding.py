"""How a dataset reaches a compiled function: on the device whole, or batch by batch."""

import dataclasses
import textwrap
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss, Shape
from fnet.data.batches import PADDING
from fnet.data.dataset import Dataset, Memory
from fnet.data.transforms import Transform
from fnet.errors import ConfigurationError


def on_device(dataset: Dataset) -> Dataset:
    """The dataset with its arrays on the device, if it lies in memory."""
    if not isinstance(dataset, Memory):
        return dataset
    # Copied: device_put may alias an array on the CPU, which its owner is free to change.
    arrays: Any = {name: jnp.array(array) for name, array in dataset.arrays.items()}
    return dataclasses.replace(dataset, arrays=arrays)


def blocks(dataset: Dataset, order: np.ndarray) -> Iterator[tuple[Any, Any, np.ndarray]]:
    """(x, target, order of them) triples that together are the batches of `order`.

    A dataset in memory is one block; of any other each batch is a block of its own, padded.
    """
    if isinstance(dataset, Memory):
        x, target = dataset.arrays.values()
        yield x, target, order
        return
    for row in order:
        places = np.where(row == PADDING, PADDING, np.arange(len(row), dtype=row.dtype))
        batch = dataset.gather(np.where(row == PADDING, row[0], row))
        x, target = (batch[name] for name in dataset.fields)
        yield x, target, places[None]


def inputs(transform: Transform, params: ArrayTree, x: Array) -> Array:
    """transform(x), in the dtype of the parameters: they say how precisely to compute."""
    x = transform(x)
    leaves = jax.tree.leaves(params)
    return x.astype(leaves[0].dtype) if leaves and jnp.issubdtype(x.dtype, jnp.floating) else x


def example_shape(dataset: Dataset) -> Shape:
    """The shape of one example as the model sees it, after the dataset's transform."""
    return tuple(dataset[0][dataset.fields[0]].shape)


def require_reduced(loss: Loss) -> None:
    """Raise ConfigurationError for a loss that gives a number for each sample."""
    if loss.reduction == "none":
        raise ConfigurationError(f"one number is needed, to lower or to report; {loss} gives many")


def check_fit(
    model: Layer, loss: Loss, optimizer: Any, dataset: Dataset, resume: Any = None
) -> None:
    """Raise ConfigurationError unless these can be trained together.

    Each must be what it stands for, and the model have an output for each class of the data. The
    record to resume must be of the same optimizer.
    """
    for name, given, method, instead in (
        ("model", model, "backward", "a Layer: serial(...)"),
        ("loss", loss, "value_and_grad", "a Loss: cross_entropy(), not cross_entropy"),
        ("optimizer", optimizer, "update", "an optimizer: adam(1e-3), not adam"),
        ("dataset", dataset, "gather", 'a dataset: fnet.data.memory({"image": x, "label": y})'),
    ):
        if not hasattr(given, method):
            what = textwrap.shorten(repr(given), 60, placeholder=" ...")
            raise ConfigurationError(f"the {name} is {what}; it must be {instead}")
    require_reduced(loss)
    if resume is not None:
        _check_resume(optimizer, resume)
    if not dataset.classes:
        return
    classes = len(dataset.classes)
    if loss.probabilities is None:
        raise ConfigurationError(
            f"{loss} is for numbers, and the target is one of {classes} classes"
        )
    y = jax.ShapeDtypeStruct((1, *_out_shape(model, example_shape(dataset))), jnp.float32)
    known = jax.eval_shape(loss.probabilities, y).shape[-1]
    if known < classes:
        raise ConfigurationError(
            f"{model} with {loss} tells {known} classes apart, and the data have {classes}"
        )


def _check_resume(optimizer: Any, record: Any) -> None:
    wanted: Any = jax.tree.structure(jax.eval_shape(optimizer.init, record.state.params))
    if jax.tree.structure(record.state.opt_state) != wanted:
        raise ConfigurationError(
            f"the run to resume was not trained by {optimizer}: resume with the same optimizer"
        )


def _out_shape(model: Layer, shape: Shape) -> Shape:
    out_shape: Shape = ()

    def init(key: PRNGKey) -> ArrayTree:
        nonlocal out_shape  # a shape is no array: it cannot be what a traced function returns
        params, out_shape = model.init(key, shape)
        return params

    jax.eval_shape(init, jax.random.key(0))
    return out_shape
