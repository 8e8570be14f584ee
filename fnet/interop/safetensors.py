"""Arrays in .safetensors files; the package is optional."""

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from chex import Array

from fnet.core.expect import require
from fnet.errors import ConfigurationError, DataError
from fnet.files.writing import replacing
from fnet.interop.arrays import Unordered


def load_safetensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by their names, which are sorted.

    The order of layers is not in such a file, so that `from_torch` takes their names beside it,
    unless all modules are numbers, or named as `to_torch` names them:

        from_torch(model, shape, load_safetensors(path), names=module_names(module))

    bfloat16 is that of JAX. Needs the extra `interop`, else ConfigurationError.
    Raises DataError where the file cannot be read.

    >>> load_safetensors("nowhere.safetensors")
    Traceback (most recent call last):
    fnet.errors.DataError: nowhere.safetensors: there is no such file
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: there is no such file")
    package = _package("load_safetensors")
    try:
        arrays = package.load_file(path)  # load(bytes) knows no bfloat16, and mixes the names
    except (OSError, ValueError, KeyError, package.error) as error:
        raise DataError(f"{path}: is no .safetensors file that can be read ({error})") from error
    return Unordered({name: arrays[name] for name in sorted(arrays)})


def save_safetensors(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays by name, such as those of `to_torch`, to a .safetensors file, all or none.

    `metadata` are texts by name that go with them, such as the names of classes as JSON.
    Each is laid out in memory in the order of its axes before: the package writes the memory of an
    array as it is, whatever its axes. Needs the extra `interop`, else ConfigurationError. Raises
    ShapeError for what is not an array of numbers, and DataError where the file cannot be written.

        save_safetensors("model.safetensors", to_torch(model, shape, params))

    >>> save_safetensors("weights.safetensors", {"w": [1.0, 2.0]})
    Traceback (most recent call last):
    fnet.errors.ShapeError: w is of type list; give an array: to_torch(model, shape, params)
    """
    laid = {name: _laid_out(name, array) for name, array in arrays.items()}
    package = _package("save_safetensors")
    try:
        with replacing(path) as file:
            file.write(package.save(laid, dict(metadata) if metadata else None))
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from error


def _laid_out(name: str, array: Array) -> np.ndarray:
    require(
        isinstance(name, str) and name != "__metadata__",
        f"{name!r} cannot be the name of an array; names are strings, other than __metadata__",
    )
    kind = type(array).__name__
    require(
        hasattr(array, "dtype") and hasattr(array, "shape"),
        f"{name} is of type {kind}; give an array: to_torch(model, shape, params)",
    )
    plain = np.asarray(array)
    require(
        plain.dtype.kind not in "OUScmM",
        f"{name} is an array of {plain.dtype}; give one of real numbers",
    )
    return np.array(plain, dtype=plain.dtype.newbyteorder("="), order="C")


def _package(who: str) -> "_Package":
    try:
        numpy, whole = map(importlib.import_module, ("safetensors.numpy", "safetensors"))
    except ImportError:
        raise ConfigurationError(
            f"{who} needs the package safetensors: pip install 'fnet[interop]'"
        ) from None
    return _Package(numpy.load_file, numpy.save, whole.SafetensorError)


class _Package(NamedTuple):
    load_file: Callable[..., dict[str, np.ndarray]]
    save: Callable[..., bytes]
    error: type[Exception]
