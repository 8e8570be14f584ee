"""A training run on disk, whole or not at all: one .npz of plain arrays, and never a pickle.

A loaded model predicts, and resumes training, bit for bit as the saved one. Arrays that devices
divide are in a folder beside the file, in parts.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from fnet.core import Layer, Loss, Shape
from fnet.core.values import Value, read
from fnet.data import Augmentation, augment, transforms
from fnet.devices import shards
from fnet.devices.placements import Here, placement_of
from fnet.errors import CheckpointError, ConfigurationError, nearest
from fnet.files.npz import read_npz, write_npz
from fnet.files.writing import replacing
from fnet.registry import VOCABULARY
from fnet.training.records import Best, Course, Metrics, Record, State
from fnet.training.stored import (
    CONFIG,
    arrays_of,
    named,
    parts_of,
    plain,
    require_fit,
    restored,
    shape_of,
)

FORMAT, PARTED = 3, 4  # the latter where arrays are in parts, beside the file
READABLE = (2, 3, 4)  # format 2 leaves out arguments at their defaults; no default has changed
LATER = ("augmentation",)  # parts that files of earlier versions do not name, and runs did not have


class Checkpoint(NamedTuple):
    """All that a run needs to predict and to resume training.

    `shape` is that of one example as the model sees it, after `transform`; `classes` are the names
    of the labels, which `save` takes from the record where none are given; `seed` determines the
    initial weights and the order of samples, and with `augmentation` what becomes of them in
    training: give both to `fit` again.

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

    Arrays that the devices of a mesh divide are written in parts, in the folder run.shards beside
    run.npz, which goes with it to any other folder; that takes tensorstore (`pip install
    'fnet[sharded]'`), without which a single process writes them into the file as well. Of a run
    over several processes all call `save`, with one path in a folder that they share: each writes
    its own parts, and the first one the file.

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
    if not isinstance(checkpoint, Checkpoint):
        swapped = "; the path comes first" if isinstance(path, Checkpoint) else ""
        raise ConfigurationError(
            f"save: the checkpoint is a {type(checkpoint).__name__}{swapped}: save(path, "
            "Checkpoint(model, loss, optimizer, shape, record)), with a record of `fit` or `start`"
        )
    path = Path(path)
    leaves = dict(named(arrays_of(checkpoint.record)))
    divided = shards.apart(leaves)
    whole = {name: leaf for name, leaf in leaves.items() if name not in divided}
    try:
        if divided:
            _write_apart(path, checkpoint, whole, divided)
        elif shards.is_ours(whole):
            _write(path, checkpoint, whole, {})
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be saved ({error.strerror or error}); what was saved before is whole"
        ) from error


def _write(
    path: Path, checkpoint: Checkpoint, whole: Mapping[str, Any], parted: Mapping[str, Any]
) -> None:
    """Write the file, and remove parts that nothing has any more."""
    record = checkpoint.record
    arrays = {name: plain(leaf) for name, leaf in whole.items()}
    config = {
        "format": PARTED if parted else FORMAT,
        **{name: _written(getattr(checkpoint, name)) for name in VOCABULARY},
        "shape": checkpoint.shape,
        "seed": checkpoint.seed,
        "classes": checkpoint.classes or record.classes,
        "epoch": record.epoch,
        "metrics": record.metrics,
        "best": {"epoch": record.best.epoch, "loss": record.best.loss},
        "dtypes": {name: dtype for name, (_, dtype) in arrays.items()},
        "course": record.course,
        "rates": record.rates,
        **({"parts": parted} if parted else {}),
    }
    members = {name: array for name, (array, _) in arrays.items()}
    members |= {f"seen.{name}": values for name, values in record.seen._asdict().items()}
    members[CONFIG] = np.frombuffer(json.dumps(config).encode(), np.uint8)
    with replacing(path, previous(path)) as file:
        write_npz(file, members)
    _clear(path)


def _write_apart(
    path: Path, checkpoint: Checkpoint, whole: Mapping[str, Any], divided: Mapping[str, Any]
) -> None:
    """Each process writes its parts, then the first one the file; or all raise OSError."""
    folder, first = shards.new_folder(path), jax.process_index() == 0

    def last() -> None:
        if first:
            shards.require_all(folder, facts)
            place = folder.relative_to(path.parent).as_posix()
            _write(path, checkpoint, whole, {"folder": place, "arrays": facts})

    try:
        facts = shards.in_all(lambda: shards.write(folder, divided))
        shards.in_all(last)
    except OSError:  # of which all know; what else is left the next save removes
        if parts_of(path) != folder.name:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _clear(path: Path) -> None:
    """Remove parts that no file beside `path` has, unless one of them is damaged."""
    if shards.folder_of(path).exists():
        kept = [parts_of(file) for file in path.parent.iterdir() if file.is_file()]
        if None not in kept:
            shards.clear(path, {name for name in kept if name})


def previous(path: str | os.PathLike[str]) -> Path:
    """Where the predecessor of the checkpoint at `path` is kept.

    >>> print(previous("run.npz"))
    run.previous.npz
    """
    return Path(path).with_suffix(f".previous{Path(path).suffix}")


def load(
    path: str | os.PathLike[str], *, mesh: Mesh | Here | None = None, **parts: Any
) -> Checkpoint:
    """The checkpoint saved at `path`; its record has no `losses` and no `history`.

    `parts` (model, loss, optimizer, transform, augmentation) replace those that the file names, and
    are required where it names none. Every bit of the file is checked. Raises CheckpointError,
    which names the file, what is wrong, and where the previous checkpoint is.

    With the `mesh` of `fit` the arrays come to its devices, each reading its own parts of those
    that are in parts, however many devices had them; without one all are whole, on one device.

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
    unknown = [name for name in parts if name not in VOCABULARY]
    if unknown:
        near = nearest(unknown[0], VOCABULARY)
        raise ConfigurationError(
            f"load: {unknown[0]} is not a part that can be replaced{near}; these can: "
            f"{', '.join(VOCABULARY)}"
        )
    path, placement = Path(path), placement_of(mesh)
    try:
        with path.open("rb") as file:
            stored = read_npz(file, digest=True)
        if CONFIG not in stored:
            raise ValueError(f"it has no {CONFIG}, and so is not a checkpoint of fnet")
        config = json.loads(stored.pop(CONFIG).tobytes())
        if config["format"] not in READABLE:
            raise ValueError(
                f"its format is {config['format']}, and this fnet reads {READABLE}; load it with "
                "the fnet that wrote it, or train again"
            )
        return _restore(config, stored, {**_read(config, parts), **parts}, path, placement)
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
                raise ConfigurationError(
                    f"its {name} is not made by constructors of fnet alone, and is not in the "
                    f"file: load(path, {name}=...), with what was saved"
                )
            parts[name] = read(config[name], vocabulary)
    return parts


def _restore(
    config: dict[str, Any],
    stored: dict[str, np.ndarray],
    parts: dict[str, Any],
    path: Path,
    placement: Here,
) -> Checkpoint:
    shape = shape_of(config["shape"])
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
    template = arrays_of(record)
    places = dict(named(placement.shardings(template)))
    apart = config.get("parts", {"folder": "", "arrays": {}})
    folder = path.parent / apart["folder"]

    def array(name: str, shape: Shape) -> jax.Array:
        place = places.get(name)
        if name in apart["arrays"]:
            fact = apart["arrays"][name]
            require_fit(name, fact["dtype"], tuple(fact["shape"]), shape)
            return shards.read(folder, fact, place)
        return restored(name, stored.pop(name, None), config["dtypes"].get(name), shape, place)

    leaves = [array(name, leaf.shape) for name, leaf in named(template)]
    if stored:
        raise ValueError(f"it has arrays that its model does not: {sorted(stored)}")
    arrays = jax.tree.unflatten(jax.tree.structure(template), leaves)
    record = record._replace(
        state=arrays["state"],
        best=best._replace(params=arrays["best"]),
        course=Course(*course) if (course := config.get("course")) else None,
        rates=tuple(rates) if (rates := config.get("rates")) is not None else None,
        classes=(classes := tuple(config["classes"])),
    )
    return Checkpoint(shape=shape, record=record, seed=config["seed"], classes=classes, **parts)


def _written(part: Any) -> str | None:
    """The text that makes it again; None where it, or a part of it, is of no constructor."""
    text = (part.spelled or part.written) if isinstance(part, Value) else ""
    foreign = " of no constructor>" in text or "<function " in text  # as optax's optimizers print
    return None if foreign else text or None
