"""The arrays of a record as a file has them: by name, and of dtypes that NumPy defines."""

import json
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.core import Shape
from fnet.devices.placing import with_sharding
from fnet.files.npz import read_npz
from fnet.training.records import Record

CONFIG = "config.json"  # the member of a checkpoint that is not an array of the run
KEY = "key: "  # then the implementation's name: the dtype of a typed PRNG key


def arrays_of(record: Record) -> dict[str, ArrayTree]:
    """All of its arrays that a run resumes from."""
    return {"state": record.state, "best": record.best.params}


def named(tree: ArrayTree) -> list[tuple[str, Any]]:
    """(name, leaf) pairs, where a name is the path as in Python: state.params[0].w

    >>> named({"best": (jnp.zeros(2),)})[0][0]
    'best[0]'
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(path[0].key + jax.tree_util.keystr(path[1:]), leaf) for path, leaf in leaves]


def plain(leaf: Any) -> tuple[np.ndarray, str]:
    """The leaf as an array that a file can hold, and the name of its own dtype.

    >>> plain(jnp.ones(2, jnp.bfloat16))
    (array([16256, 16256], dtype=uint16), 'bfloat16')
    """
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf)), f"{KEY}{jax.random.key_impl(leaf)}"
    array = np.asarray(leaf)
    if array.dtype.kind != "V":  # how NumPy marks dtypes that it does not define, such as bfloat16
        return array, array.dtype.name
    return array.view(f"u{array.dtype.itemsize}"), array.dtype.name


def restored(
    name: str, stored: np.ndarray | None, dtype: str | None, shape: Shape, place: Any
) -> jax.Array:
    """The array again, of this dtype, where a sharding says it belongs (None: on one device).

    Raises ValueError where it is missing, or is not of the shape that is wanted.

    >>> restored("w", *plain(jnp.ones(2, jnp.bfloat16)), (2,), None).dtype
    dtype(bfloat16)
    """
    if stored is None or dtype is None:
        raise ValueError(f"the array {name} is missing")
    if dtype.startswith(KEY):
        key: jax.Array = jax.random.wrap_key_data(jnp.asarray(stored), impl=dtype.removeprefix(KEY))
        require_fit(name, dtype, key.shape, shape)
        return key
    array = stored.view(jnp.dtype(dtype))
    require_fit(name, dtype, array.shape, shape)
    placed: jax.Array = jnp.asarray(array) if place is None else with_sharding(array, place)
    return placed


def require_fit(name: str, dtype: str, stored: tuple[int, ...], shape: Shape) -> None:
    """Raise ValueError where a stored dtype or shape is not what the model has here."""
    own = dtype if dtype.startswith(KEY) else jax.dtypes.canonicalize_dtype(jnp.dtype(dtype)).name
    if own != dtype:
        raise ValueError(f"{name} is {dtype}: set jax_enable_x64 as it was when saved")
    if stored != shape:
        raise ValueError(f"the array {name} is {stored}, and the model's is {shape}")


def shape_of(kept: Any) -> Shape:
    """A shape, or a tree of shapes, from JSON, which turns tuples into lists.

    >>> shape_of([[3, 4], None])
    ((3, 4), None)
    """
    if kept is None:
        return None
    if isinstance(kept, dict):
        return {name: shape_of(part) for name, part in kept.items()}
    return tuple(shape_of(part) if isinstance(part, list | dict) else part for part in kept)


def parts_of(path: Path) -> str | None:
    """The name of the folder with a checkpoint's parts; "" where a file has none; None: unknown.

    >>> parts_of(Path("nowhere.npz"))
    ''
    """
    if not zipfile.is_zipfile(path):
        return ""
    try:
        with path.open("rb") as file:
            config = read_npz(file, (CONFIG,)).get(CONFIG)
        parts = {} if config is None else json.loads(config.tobytes()).get("parts", {})
        return Path(parts.get("folder", "")).name
    except (OSError, ValueError, AttributeError):
        return None
