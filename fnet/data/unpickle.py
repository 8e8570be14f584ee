"""Pickles without unpickling: plain values and NumPy arrays come out, and nothing is ever run."""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fnet.errors import DataError


def read_pickle(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The dictionary that was pickled in a file, its keys as text.

    Its values may be numbers, text, bytes, lists, tuples, dictionaries and NumPy arrays of
    numbers or text (arrays inside of a list come as what np.asarray takes). No class or function
    that the file names is looked up. Raises DataError for a file that names any other, is damaged,
    or holds something else than a dictionary.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = _Reader(file, encoding="bytes").load()  # "bytes": str of Python 2 was bytes
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}; it is no pickle of arrays, do not trust it") from None
    except Exception as error:  # damage leads a reader of pickles into any exception whatever
        raise DataError(f"{path}: a damaged pickle ({error}); get the file anew") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: it holds a {type(content).__name__}; a dictionary is needed")
    return {
        _text(key): value.array if isinstance(value, _Array) else value
        for key, value in content.items()
        if isinstance(key, str | bytes)
    }


class _Dtype:
    """Stands in for np.dtype, of numbers and text only: that of objects would hold pointers."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        code = _text(code)
        if not re.fullmatch(r"[biuf][1248]|[SU]\d{1,4}", code):
            raise DataError(f"it holds an array of dtype {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = _text(state[1])
        if order not in ("<", ">", "=", "|"):
            raise DataError(f"it holds an array of byte order {order!r}")
        self.dtype = np.dtype(order + self.dtype.str[1:])


class _Array:
    """Stands in for np.ndarray, whose own __setstate__ trusts what it is given."""

    def __init__(self, *_: Any) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        self.array = _shaped(raw, dtype, shape, "F" if fortran else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array if dtype is None else self.array.astype(dtype)


def _shaped(raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: Any) -> np.ndarray:
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _from_buffer(raw: Any, dtype: _Dtype, shape: Any, order: Any, *_: Any) -> _Array:
    result = _Array()
    result.array = _shaped(raw, dtype, shape, order)
    return result


def _encode(text: str, encoding: Any) -> bytes:
    if _text(encoding) != "latin1":
        raise DataError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value


_STAND_INS: dict[str, Callable[..., Any] | None] = {
    "numpy.ndarray": None,  # only ever an argument of _reconstruct
    "numpy.dtype": _Dtype,
    "multiarray._reconstruct": _Array,
    "multiarray.scalar": lambda dtype, raw: np.frombuffer(raw, dtype.dtype)[0],
    "numeric._frombuffer": _from_buffer,
    "_codecs.encode": _encode,
    "__builtin__.bytes": lambda: b"",  # how protocols 0 to 2 write empty bytes
}


class _Call:
    """What stands in for a name: it can be called, and neither subclassed nor changed."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        if self._function is None:
            raise DataError("it makes an array of no content")
        return self._function(*args)

    def __setstate__(self, state: Any) -> None:
        raise DataError("it changes a function")


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = f"{module}.{name}".removeprefix("numpy.core.").removeprefix("numpy._core.")
        if known not in _STAND_INS:
            raise DataError(f"it asks for {module}.{name}, which is refused")
        return _Call(_STAND_INS[known])

    def persistent_load(self, pid: Any) -> Any:
        raise DataError("it asks for a persistent object, which is refused")
