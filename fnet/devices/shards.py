"""Arrays that devices divide, on disk: each process writes the parts that it holds, and no other.

An array is a folder of the public format zarr 3, by the package tensorstore: a file for each part,
which ends with a checksum of it. A save has a folder of its own, so that parts of two never meet;
shape, dtype and parts are told by whoever reads it, and nothing of the folder is believed about
them.
"""

import collections
import functools
import importlib
import importlib.util
import math
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from fnet.core.across import ROWS
from fnet.devices.placing import on_one, placed
from fnet.errors import ConfigurationError
from fnet.files.writing import sync_directory

AT_ONCE = 16  # parts, at most, that are on their way to the disk
Facts = dict[str, Any]  # shape, dtype, and the shape of a part, of an array on disk


def is_divided(leaf: Any) -> bool:
    """Whether it is an array of numbers of which devices hold different parts.

    >>> is_divided(jnp.ones(3))
    False
    """
    numbers = isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return numbers and not leaf.is_fully_replicated


def apart(leaves: Mapping[str, Any]) -> dict[str, jax.Array]:
    """Those arrays that are written in parts: what devices divide.

    Without tensorstore they are none where this process has all parts, and can write them whole.
    """
    divided = {name: leaf for name, leaf in leaves.items() if is_divided(leaf)}
    local = all(leaf.is_fully_addressable for leaf in divided.values())
    return {} if local and importlib.util.find_spec("tensorstore") is None else divided


def is_ours(leaves: Mapping[str, Any]) -> bool:
    """Whether this process writes what is whole: the first does, of a run over several."""
    arrays = [leaf for leaf in leaves.values() if isinstance(leaf, jax.Array)]
    return jax.process_index() == 0 or all(leaf.is_fully_addressable for leaf in arrays)


def new_folder(path: Path) -> Path:
    """A folder for what is saved at this path now, of which all processes have the same name."""
    number = told(secrets.randbits(31))[0]
    return folder_of(path) / f"{number:08x}"


def folder_of(path: Path) -> Path:
    """Where the parts of what is saved at a path are.

    >>> print(folder_of(Path("run.npz")))
    run.shards
    """
    return path.with_suffix(".shards")


def write(folder: Path, arrays: Mapping[str, jax.Array]) -> dict[str, Facts]:
    """Write the parts that this process holds; returns what `read` is to know of each array.

    All processes call it, with a folder that they share. Raises ConfigurationError without
    tensorstore, and OSError or ValueError where a part cannot be written.
    """
    facts: dict[str, Facts] = {}
    known: dict[int, Facts] = {}  # the best parameters are often the latest
    pending: collections.deque[Any] = collections.deque()
    for name, array in arrays.items():
        facts[name] = known.get(id(array)) or _facts(array, len(known))
        if id(array) not in known:
            known[id(array)] = facts[name]
            pending.extend(_writes(folder, name, facts[name], array))
        while len(pending) > AT_ONCE:
            pending.popleft().result()
    for writing in pending:
        writing.result()
    return facts


def _facts(array: jax.Array, number: int) -> Facts:
    part = array.sharding.shard_shape(array.shape)
    about = {"shape": array.shape, "dtype": array.dtype.name, "part": part}
    return {**about, "folder": str(number)}


def _writes(folder: Path, name: str, fact: Facts, array: jax.Array) -> Iterator[Any]:
    """Begin to write the parts of this process, of which the first also says what they are."""
    how = {"create": True} if jax.process_index() == 0 else {"assume_metadata": True}
    store = _opened(folder, fact, {"name": name}, open=True, **how)
    for shard in array.addressable_shards:
        if shard.replica_id == 0:
            yield store[shard.index].write(np.asarray(shard.data))


def require_all(folder: Path, facts: Mapping[str, Facts]) -> None:
    """Raise OSError unless the parts of all processes are in this folder, and on the disk."""
    for name, fact in facts.items():
        wanted = math.prod(a // b for a, b in zip(fact["shape"], fact["part"], strict=True))
        there = len([*(folder / fact["folder"]).glob("c*")])
        if there != wanted:
            raise OSError(
                f"{there} of the {wanted} parts of {name} are in {folder}: all processes must "
                "write to a folder that they share"
            )
    for place in (*folder.glob("*"), folder, folder.parent, folder.parent.parent):
        sync_directory(place)


def read(folder: Path, fact: Facts, sharding: Any = None) -> jax.Array:
    """The array whole, or each device's part of it by a sharding, whatever the parts on disk.

    Every process reads the parts that its own devices need. Raises ValueError where one is missing
    or damaged, and ConfigurationError without tensorstore.
    """
    if not folder.is_dir():
        raise ValueError(f"its arrays are in {folder}, which is not there; copy it with the file")
    store = _opened(folder, fact, {}, open=True, assume_metadata=True)
    if sharding is None:
        return jnp.asarray(store.read().result())
    parts: dict[str, Any] = {}

    def part(index: Any) -> Any:
        """The part, read once for all devices that hold it."""
        if str(index) not in parts:
            parts[str(index)] = store[index].read().result()
        return parts[str(index)]

    return jax.make_array_from_callback(tuple(fact["shape"]), sharding, part)


def clear(path: Path, kept: Collection[str]) -> None:
    """Remove the parts of all that was saved at this path, but for the folders of these names."""
    for folder in folder_of(path).glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    if not kept:
        shutil.rmtree(folder_of(path), ignore_errors=True)


def in_all(work: Callable[[], Any]) -> Any:
    """What `work` gives; where it fails in one process, OSError in all of them."""
    made, error = None, None
    try:
        made = work()
    except (OSError, ValueError) as failure:
        error = failure
    failed = [number for number, fails in enumerate(told(int(error is not None))) if fails]
    if error is not None:
        raise error if isinstance(error, OSError) else OSError(str(error)) from error
    if failed:
        raise OSError(f"process {failed[0]} cannot write what it holds; see its message")
    return made


def told(number: int) -> list[int]:
    """This number of each process, in their order.

    >>> told(7)
    [7]
    """
    if jax.process_count() == 1:
        return [number]
    mesh = Mesh(np.array(jax.devices()), (ROWS,))
    every = on_one(placed(np.full(jax.local_device_count(), number, np.int32), mesh))
    places = [device.process_index for device in jax.devices()]
    return [int(every[places.index(process)]) for process in range(jax.process_count())]


def _opened(folder: Path, fact: Facts, about: Mapping[str, str], **how: Any) -> Any:
    """The array in this folder; a part that is not there is an error, and not zeros."""
    chunks = {"name": "regular", "configuration": {"chunk_shape": list(fact["part"])}}
    bytewise = {"name": "bytes", "configuration": {"endian": "little"}}
    metadata = {
        "shape": list(fact["shape"]),
        "data_type": fact["dtype"],
        "chunk_grid": chunks,
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "codecs": [bytewise, {"name": "crc32c"}],
        "attributes": dict(about),
    }
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(folder.absolute() / fact["folder"])},
        "metadata": metadata,
        "fill_missing_data_reads": False,
        "store_data_equal_to_fill_value": True,
    }
    return _package().open(spec, **how).result()


@functools.cache
def _package() -> Any:
    try:
        return importlib.import_module("tensorstore")
    except ImportError:
        raise ConfigurationError(
            "arrays that devices divide need the package tensorstore: pip install 'fnet[sharded]'"
        ) from None
