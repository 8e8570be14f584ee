"""Plain values and NumPy arrays from a pickle, without running anything in it."""

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from fnet.errors import DataError
from fnet.files import pickles
from fnet.files.npz import check_text

MOST_BYTES = 2**32  # of a file
FLOOR, RATIO = 2**28, 8  # most bytes of the array made of a list, or times the file's size
DEPTH = 8  # of lists in lists
AXES = 64  # of an array, as in NumPy
SAFELY = (
    "do not trust it. If you do, load it where nothing can be lost, write np.savez('set.npz', "
    "images=..., labels=..., classes=...) there, and use --data set.npz"
)


def read_pickle(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The dictionary that was pickled in a file, its keys as text.

    Its values may be numbers, text, bytes, NumPy arrays of numbers or text, and lists, tuples and
    dictionaries of these, from any version of Python, NumPy and the protocol. Nothing named in the
    file is looked up. A pickle has no checksum: compare its SHA-256 if one is published. Raises
    DataError for a file that asks for anything else, is incomplete, has bytes after its end, would
    take far more memory than its own size, or holds anything but a dictionary.

    >>> import pickle
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "batch")
    ...     _ = path.write_bytes(pickle.dumps({"labels": [3, 5], "data": np.zeros((2, 4))}))
    ...     read_pickle(path)["labels"]
    [3, 5]
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise DataError(f"it has {size:,} bytes; at most {MOST_BYTES:,} are read")
            content = file.read(size)  # no more is allocated than the file has
        value = pickles.run(content, _NAMES, _built)
        if not isinstance(value, dict):
            raise DataError(f"it holds a {type(value).__name__}; a dictionary is needed")
        for entry in value.values():
            _check_size(entry, len(content))
        return {_text(key): entry for key, entry in value.items() if isinstance(key, str | bytes)}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}; it is not a pickle of plain arrays, {SAFELY}") from None
    except Exception as error:  # damage may raise any exception
        raise DataError(f"{path}: a damaged pickle ({error}); get the file again") from error


class _Dtype:
    """Stands in for np.dtype, for numbers and text only: arrays of objects hold pointers."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        code = _text(code)
        if not re.fullmatch(r"[biuf][1248]|[SU]\d{1,4}", code, re.ASCII):
            raise DataError(f"it holds an array of dtype {code!r}")
        self.dtype = np.dtype(code)

    def set_state(self, state: tuple[Any, ...]) -> None:
        order = _text(state[1])
        if order not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise DataError(f"it holds an array of byte order {order!r}, or of parts")
        self.dtype = np.dtype(order + self.dtype.str[1:])


class _Empty:
    """Stands in for an array whose content follows: NumPy's own trusts whatever it is given."""

    def __init__(self, *_: Any) -> None:
        pass


def _built(value: Any, state: Any) -> Any:
    if isinstance(value, _Dtype):
        value.set_state(state)
        return value
    if isinstance(value, _Empty):
        _, shape, dtype, fortran, raw = state
        return _array(raw, dtype, shape, "F" if fortran else "C")
    raise DataError("it sets the state of a value that has none")


def _array(
    raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str, axes: Any = None
) -> np.ndarray:
    if len(shape) > AXES:  # the product of very many would take very long
        raise DataError(f"it holds an array of {len(shape):,} axes")
    if math.prod(shape) * dtype.dtype.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes for an array {shape} {dtype.dtype}")
    flat = np.frombuffer(raw, dtype.dtype)
    if dtype.dtype.kind == "U":
        check_text(flat)
    if order == "K" and axes is not None:  # in the order of memory, then with the axes permuted
        return flat.reshape(shape).transpose(axes)
    return flat.reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]


def _scalar(dtype: _Dtype, raw: bytes) -> Any:
    return _array(raw, dtype, (), "C")[()]


def _encode(text: str, encoding: Any) -> bytes:
    if _text(encoding) != "latin1":
        raise DataError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""  # as protocols 0 to 2 write them


def _no_array(*_: Any) -> None:
    raise DataError("it makes an array without content")  # only ever an argument of _reconstruct


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value


_NAMES: pickles.Names = {
    ("numpy", "ndarray"): _no_array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Empty,
    ("numpy._core.multiarray", "_reconstruct"): _Empty,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _array,
    ("numpy._core.numeric", "_frombuffer"): _array,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
}


def _check_size(value: Any, size: int) -> None:
    """Check that the value is plain, and that an array of it is not far larger than the file."""
    count, width = _extent(value, DEPTH)
    if count * width > max(FLOOR, RATIO * size):
        raise DataError(f"its {size:,} bytes make {count:,} values of up to {width:,} bytes")


def _extent(value: Any, depth: int) -> tuple[int, int]:
    """The number of values, and the most bytes that one of them takes in an array."""
    if isinstance(value, np.ndarray):
        return value.size, value.itemsize
    if isinstance(value, str | bytes):
        return 1, 4 * max(32, len(value))  # next to text, a number becomes text
    if isinstance(value, int | float | np.generic | None):
        return 1, 8
    if not isinstance(value, list | tuple | dict):
        raise DataError("it holds a function or an array without content in place of a value")
    if not depth:
        raise DataError(f"it holds lists nested deeper than {DEPTH}")
    items = value.values() if isinstance(value, dict) else value
    extents = [_extent(item, depth - 1) for item in items]
    return sum(count for count, _ in extents), max((width for _, width in extents), default=0)
