"""Whether model, loss, optimizer and data fit each other."""

import textwrap
from typing import Any

import jax
import jax.numpy as jnp

from fnet.core import Layer, Loss, out_shape
from fnet.core.trees import is_shape
from fnet.data.dataset import Dataset
from fnet.errors import ConfigurationError
from fnet.training.feeding import example_shape


def require_reduced(loss: Loss) -> None:
    """Raise ConfigurationError for a loss that gives one number per sample."""
    if loss.reduction == "none":
        raise ConfigurationError(
            f"one number is needed, to minimise or to report, and {loss} gives many; take "
            "reduction='mean' or 'sum'"
        )


def check_fit(
    model: Layer, loss: Loss, optimizer: Any, dataset: Dataset, resume: Any = None
) -> None:
    """Raise ConfigurationError unless these can be trained together.

    Each must be of the right type, and the model must have an output for each class of the data.
    The record to resume must come from the same optimizer.
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
            f"{loss} is for regression, and the target is one of {classes} classes; take "
            "cross_entropy()"
        )
    made = out_shape(model, example_shape(dataset))
    if not is_shape(made):
        raise ConfigurationError(f"{loss} takes one array, and {model} makes several, {made}")
    y = jax.ShapeDtypeStruct((1, *made), jnp.float32)
    known = jax.eval_shape(loss.probabilities, y).shape[-1]
    if known < classes:
        raise ConfigurationError(
            f"{model} with {loss} distinguishes {known} classes, and the data have {classes}; "
            "give its last layer an output for each"
        )


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
