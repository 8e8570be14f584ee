"""A training run on disk, whole or not at all: one .npz of plain arrays, and never a pickle.

A loaded model predicts, and resumes training, bit for bit as the saved one.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Loss, Shape
from fnet.core.values import Value, read
from fnet.data import Augmentation, augment, transforms
from fnet.errors import CheckpointError, ConfigurationError
from fnet.files.npz import read_npz, write_npz
from fnet.files.writing import replacing
from fnet.registry import VOCABULARY
from fnet.training.records import Best, Course, Metrics, Record, State

FORMAT = 3
READABLE = (2, 3)  # format 2 leaves out arguments at their defaults; no default has changed
LATER = ("augmentation",)  # parts that files of earlier versions do not name, and runs did not have
KEY = "key: "  # then the implementation's name: the dtype of a typed PRNG key
CONFIG = "config.json"  # the member that is not an array of the run


class Checkpoint(NamedTuple):
    """All that a run needs to predict and to resume training.

    `shape` is that of one example as the model sees it, after `transform`; `classes` are the names
    of the labels; `seed` determines the initial weights and the order of samples, and with
    `augmentation` what becomes of them in training: give both to `fit` again.

    >>> from fnet import losses, models, optimizers
    >>> from fnet.training.records import start
    >>> model, optimizer = models.logistic_regression(), optimizers.adam(1e-3)
    >>> run = Checkpoint(model, losses.bce(), optimizer, (3,), start(model, optimizer, (3,)))
    >>> run.record.epoch, run.transform
    (0, compose())
    """

    model: Layer
    loss: Loss
    optimizer: Any
    shape: Shape
    record: Record
    seed: int = 0
    transform: transforms.Transform = transforms.compose()
    classes: tuple[str, ...] = ()
    augmentation: Augmentation = augment()


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write the checkpoint as one .npz; at any time `path` holds the old one or the new one.

    The one that was there is kept as `previous(path)`. Model, loss, optimizer, transform and
    augmentation are stored as the calls that make them, with all arguments; one that no fnet
    constructor made (an optax optimizer) is not stored: give it to `load`. Raises CheckpointError
    where the file cannot be written, for instance because the disk is full; the old one is then
    intact.

    >>> import tempfile
    >>> from fnet import losses, models, optimizers
    >>> from fnet.training.records import start
    >>> model, optimizer = models.logistic_regression(), optimizers.adam(1e-3)
    >>> run = Checkpoint(model, losses.bce(), optimizer, (3,), start(model, optimizer, (3,)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.npz", run)
    ...     load(f"{folder}/run.npz").model is model
    True
    """
    record = checkpoint.record
    arrays = {name: _plain(leaf) for name, leaf in _named(_arrays(record))}
    config = {
        "format": FORMAT,
        **{name: _written(getattr(checkpoint, name)) for name in VOCABULARY},
        "shape": checkpoint.shape,
        "seed": checkpoint.seed,
        "classes": checkpoint.classes,
        "epoch": record.epoch,
        "metrics": record.metrics,
        "best": {"epoch": record.best.epoch, "loss": record.best.loss},
        "dtypes": {name: dtype for name, (_, dtype) in arrays.items()},
        "course": record.course,
        "rates": record.rates,
    }
    members = {name: array for name, (array, _) in arrays.items()}
    members |= {f"seen.{name}": values for name, values in record.seen._asdict().items()}
    members[CONFIG] = np.frombuffer(json.dumps(config).encode(), np.uint8)
    try:
        with replacing(path, previous(path)) as file:
            write_npz(file, members)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be saved ({error.strerror or error}); what was saved before is whole"
        ) from error


def previous(path: str | os.PathLike[str]) -> Path:
    """Where the predecessor of the checkpoint at `path` is kept.

    >>> print(previous("run.npz"))
    run.previous.npz
    """
    return Path(path).with_suffix(f".previous{Path(path).suffix}")


def load(path: str | os.PathLike[str], **parts: Any) -> Checkpoint:
    """The checkpoint saved at `path`; its record has no `losses` and no `history`.

    `parts` (model, loss, optimizer, transform, augmentation) replace those that the file names, and
    are required where it names none. Every bit of the file is checked. Raises CheckpointError,
    which names the file, what is wrong, and where the previous checkpoint is.

    >>> import tempfile
    >>> from fnet import losses, models, optimizers
    >>> from fnet.training.records import start
    >>> model, optimizer = models.logistic_regression(), optimizers.adam(1e-3)
    >>> run = Checkpoint(model, losses.bce(), optimizer, (3,), start(model, optimizer, (3,)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.npz", run)
    ...     load(f"{folder}/run.npz", loss=losses.bce("sum")).loss
    bce(reduction='sum')
    """
    try:
        with Path(path).open("rb") as file:
            stored = read_npz(file, digest=True)
        if CONFIG not in stored:
            raise ValueError(f"it has no {CONFIG}, and so is not a checkpoint of fnet")
        config = json.loads(stored.pop(CONFIG).tobytes())
        if config["format"] not in READABLE:
            raise ValueError(
                f"its format is {config['format']}, and this fnet reads {READABLE}; load it with "
                "the fnet that wrote it, or train again"
            )
        return _restore(config, stored, {**_read(config, parts), **parts})
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path}: it is a folder; name the file in it") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        older = f"; the one before it is {previous(path)}" if previous(path).exists() else ""
        raise CheckpointError(f"{path}: cannot be read as a checkpoint: {error}{older}") from None


def _read(config: dict[str, Any], given: dict[str, Any]) -> dict[str, Value]:
    parts = {}
    for name, vocabulary in VOCABULARY.items():
        if name not in given and not (name in LATER and name not in config):
            if config[name] is None:
                raise ConfigurationError(f"its {name} is not one of fnet's: load(path, {name}=...)")
            parts[name] = read(config[name], vocabulary)
    return parts


def _restore(
    config: dict[str, Any], stored: dict[str, np.ndarray], parts: dict[str, Any]
) -> Checkpoint:
    shape = _shape(config["shape"])
    params = jax.eval_shape(lambda key: parts["model"].init(key, shape)[0], jax.random.key(0))
    opt_state = jax.eval_shape(parts["optimizer"].init, params)
    state = State(params, opt_state, jax.ShapeDtypeStruct((), jnp.int32))
    best = Best(config["best"]["epoch"], config["best"]["loss"], params)
    columns = {name: stored.pop(f"seen.{name}", None) for name in Metrics._fields}
    if columns["weight"] is None:  # earlier versions had none
        columns["weight"] = columns["count"]
    if any(column is None for column in columns.values()):
        raise ValueError("it lacks the metrics of the steps of its epoch")
    seen = Metrics(**columns)
    record = Record(config["epoch"], state, best, config["metrics"], np.zeros(0), {}, seen)
    template = _arrays(record)
    leaves = [
        _array(name, stored.pop(name, None), config["dtypes"].get(name), leaf.shape)
        for name, leaf in _named(template)
    ]
    if stored:
        raise ValueError(f"it has arrays that its model does not: {sorted(stored)}")
    arrays = jax.tree.unflatten(jax.tree.structure(template), leaves)
    record = record._replace(
        state=arrays["state"],
        best=best._replace(params=arrays["best"]),
        course=Course(*course) if (course := config.get("course")) else None,
        rates=tuple(rates) if (rates := config.get("rates")) is not None else None,
    )
    return Checkpoint(
        shape=shape, record=record, seed=config["seed"], classes=tuple(config["classes"]), **parts
    )


def _array(name: str, stored: np.ndarray | None, dtype: str | None, shape: Shape) -> jax.Array:
    if stored is None or dtype is None:
        raise ValueError(f"the array {name} is missing")
    if dtype.startswith(KEY):
        array = jax.random.wrap_key_data(jnp.asarray(stored), impl=dtype.removeprefix(KEY))
    else:
        array = jnp.asarray(stored.view(jnp.dtype(dtype)))
        if array.dtype.name != dtype:
            raise ValueError(f"{name} is {dtype}: set jax_enable_x64 as it was when saved")
    if array.shape != shape:
        raise ValueError(f"the array {name} is {array.shape}, and the model's is {shape}")
    restored: jax.Array = array
    return restored


def _shape(kept: Any) -> Shape:
    """A shape, or a tree of shapes, from JSON, which turns tuples into lists."""
    if kept is None:
        return None
    if isinstance(kept, dict):
        return {name: _shape(part) for name, part in kept.items()}
    return tuple(_shape(part) if isinstance(part, list | dict) else part for part in kept)


def _arrays(record: Record) -> dict[str, ArrayTree]:
    return {"state": record.state, "best": record.best.params}


def _named(tree: ArrayTree) -> list[tuple[str, Any]]:
    """(name, leaf) pairs, where a name is the path as in Python: state.params[0].w"""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(path[0].key + jax.tree_util.keystr(path[1:]), leaf) for path, leaf in leaves]


def _plain(leaf: Any) -> tuple[np.ndarray, str]:
    """The leaf as an array that a file can hold, and the name of its own dtype."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf)), f"{KEY}{jax.random.key_impl(leaf)}"
    array = np.asarray(leaf)
    if array.dtype.kind != "V":  # how NumPy marks dtypes that it does not define, such as bfloat16
        return array, array.dtype.name
    return array.view(f"u{array.dtype.itemsize}"), array.dtype.name


def _written(part: Any) -> str | None:
    """The text that makes it again; None where it, or a part of it, is of no constructor."""
    text = (part.spelled or part.written) if isinstance(part, Value) else ""
    return None if " of no constructor>" in text else text or None
