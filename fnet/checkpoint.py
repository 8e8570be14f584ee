"""A training run on disk, whole or not at all: one .npz of plain arrays, and never a pickle.

A loaded model predicts bit for bit as the saved one, and training goes on from it bit for bit.
"""

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet import initializers, layers, losses, optimizers
from fnet.compose import serial
from fnet.configuration import Value, read
from fnet.core import Layer, Loss, Shape
from fnet.data import transforms
from fnet.errors import CheckpointError, ConfigurationError
from fnet.files import replacing
from fnet.precision import mixed_precision
from fnet.records import Best, Record, State

FORMAT = 1
CONFIG = "config.json"  # the member that is not an array of the run

VOCABULARY = {
    "model": {
        **vars(initializers),
        **vars(layers),
        "serial": serial,
        "mixed_precision": mixed_precision,
    },
    "loss": vars(losses),
    "optimizer": vars(optimizers),
    "transform": vars(transforms),
}


class Checkpoint(NamedTuple):
    """All that a run needs to predict and to go on.

    `shape` is that of one example, as the model sees it behind `transform`; `classes` are the
    names of the labels; `seed` that of the weights and of the order of samples.
    """

    model: Layer
    loss: Loss
    optimizer: Any
    shape: Shape
    record: Record
    seed: int = 0
    transform: transforms.Transform = transforms.compose()
    classes: tuple[str, ...] = ()


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write the checkpoint as one .npz; `path` holds the old one or the new one at any time.

    Model, loss, optimizer and transform are kept as the text they print. One that no fnet
    constructor made (an optax optimizer) is not kept: give it to `load`.
    """
    record = checkpoint.record
    arrays = {name: np.asarray(leaf) for name, leaf in _named(_arrays(record))}
    config = {
        "format": FORMAT,
        **{name: _written(getattr(checkpoint, name)) for name in VOCABULARY},
        "shape": checkpoint.shape,
        "seed": checkpoint.seed,
        "classes": checkpoint.classes,
        "epoch": record.epoch,
        "metrics": record.metrics,
        "best": {"epoch": record.best.epoch, "loss": record.best.loss},
        "dtypes": {name: array.dtype.name for name, array in arrays.items()},
    }
    text = np.frombuffer(json.dumps(config).encode(), np.uint8)
    with replacing(path) as file:
        # NumPy has no name for bfloat16 on disk: its bytes go as integers, its name in the config.
        members: Any = {name: _storable(array) for name, array in arrays.items()}
        members[CONFIG] = text
        np.savez(file, **members)  # no argument more: NumPy 2.1 would save it too


def load(path: str | os.PathLike[str], **parts: Any) -> Checkpoint:
    """The checkpoint that was saved at `path`; its record has no `losses` and no `history`.

    `parts` (model, loss, optimizer, transform) are used in place of what the file says, and are
    needed where it says nothing. Raises CheckpointError, naming the file and what is wrong.
    """
    try:
        # Opened here: np.load does not close a file that turns out to be no archive.
        with Path(path).open("rb") as raw:
            if not zipfile.is_zipfile(raw):  # of which NumPy would say "a pickle, if you trust it"
                raise ValueError("it is no .npz, or only a part of one")
            raw.seek(0)
            stored = dict(np.load(raw, allow_pickle=False))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except (OSError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint: {error}") from None
    try:
        config = json.loads(stored.pop(CONFIG).tobytes())
        return _restore(config, stored, {**_read(config, parts), **parts})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of fnet: {error}") from None


def _read(config: dict[str, Any], given: dict[str, Any]) -> dict[str, Value]:
    parts = {}
    for name, vocabulary in VOCABULARY.items():
        if name not in given:
            if config[name] is None:
                raise ConfigurationError(f"its {name} is not one of fnet's: load(path, {name}=...)")
            parts[name] = read(config[name], vocabulary)
    return parts


def _restore(
    config: dict[str, Any], stored: dict[str, np.ndarray], parts: dict[str, Any]
) -> Checkpoint:
    shape = tuple(config["shape"])
    params = jax.eval_shape(lambda key: parts["model"].init(key, shape)[0], jax.random.key(0))
    opt_state = jax.eval_shape(parts["optimizer"].init, params)
    state = State(params, opt_state, jax.ShapeDtypeStruct((), jnp.int32))
    best = Best(config["best"]["epoch"], config["best"]["loss"], params)
    template = _arrays(Record(config["epoch"], state, best, config["metrics"], np.zeros(0), {}))
    leaves = [
        _array(name, stored.pop(name, None), config["dtypes"].get(name), leaf.shape)
        for name, leaf in _named(template)
    ]
    if stored:
        raise ValueError(f"it has arrays that its model does not: {sorted(stored)}")
    arrays = jax.tree.unflatten(jax.tree.structure(template), leaves)
    record = Record(
        config["epoch"],
        arrays["state"],
        best._replace(params=arrays["best"]),
        config["metrics"],
        np.zeros(0),
        {},
    )
    return Checkpoint(
        shape=shape, record=record, seed=config["seed"], classes=tuple(config["classes"]), **parts
    )


def _array(name: str, stored: np.ndarray | None, dtype: str | None, shape: Shape) -> jax.Array:
    if stored is None or dtype is None:
        raise ValueError(f"the array {name} is missing")
    if stored.shape != shape:
        raise ValueError(f"the array {name} is {stored.shape}, and the model's is {shape}")
    array = jnp.asarray(stored.view(jnp.dtype(dtype)))
    if array.dtype.name != dtype:
        raise ValueError(f"{name} is {dtype}: set jax_enable_x64 as it was when this was saved")
    return array


def _arrays(record: Record) -> dict[str, ArrayTree]:
    return {"state": record.state, "best": record.best.params}


def _named(tree: ArrayTree) -> list[tuple[str, Any]]:
    """(name, leaf) pairs, a name being the path written as Python: state.params[0].w"""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(path[0].key + jax.tree_util.keystr(path[1:]), leaf) for path, leaf in leaves]


def _storable(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "V":  # what NumPy calls the dtypes it did not define
        return array
    return array.view(f"u{array.dtype.itemsize}")


def _written(part: Any) -> str | None:
    return (part.written or None) if isinstance(part, Value) else None
