"""How many operations a function of NumPy takes: long loops are not unrolled for autodiff."""

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.truth.arguments import is_float, of_arrays
from fnet.check.truth.plain import steps_of, trace

LONG = 300  # operations
LONGER = f"its loops are longer than {LONG} operations; give smaller arrays for autodiff to see it"

_counted = [0]


def is_long(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether this is a function of NumPy of more operations than are unrolled.

    It is run once over arrays that count, and traced only where they count few: to trace a long
    loop takes minutes, and to compile it hours. A function that calls JAX is not run: what it keeps
    from its first call would change what it returns later.
    """
    given = any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(arguments))
    if not given or _calls_jax(function, set()):
        return False
    _counted[0] = 0
    try:
        found = function(*jax.tree.map(_counting, arguments))
        count = _counted[0]
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found)):
            return False  # of JAX
        if count > LONG:
            return True
        only, arrays = of_arrays(function, arguments)
        return len(steps_of(trace(only, arrays)[0])) > LONG
    except Exception:  # of any kind: it is raised again where it is run
        return False


def words(code: types.CodeType) -> set[str]:
    """The names that code looks up, nested functions included."""
    inner = (words(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*inner)


def _calls_jax(thing: Any, seen: set[int]) -> bool:
    """Whether this is of JAX, or a function that mentions something that is."""
    if isinstance(thing, functools.partial):
        return _calls_jax(thing.func, seen)
    if isinstance(thing, tuple):  # a Pair
        return any(_calls_jax(each, seen) for each in thing)
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, types.ModuleType):
        return _root(thing.__name__) == "jax"
    if not isinstance(thing, types.FunctionType):
        return _root(type(thing).__module__) in ("jax", "jaxlib")
    if _root(thing.__module__) == "jax":
        return True
    if id(thing) in seen:
        return False
    seen.add(id(thing))
    known = {} if _root(thing.__module__) == "fnet" else thing.__globals__  # of wrappers, the cells
    named = (known[word] for word in words(thing.__code__) if word in known)
    held = (cell.cell_contents for cell in thing.__closure__ or () if _is_full(cell))
    return any(_calls_jax(each, seen) for each in (*named, *held))


def _is_full(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _root(module: str | None) -> str:
    return (module or "").split(".")[0]


def _counting(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return np.array(leaf).view(_Counting) if is_float(leaf) else np.array(leaf)
    return leaf


def _bare(leaf: Any) -> Any:
    return leaf.view(np.ndarray) if isinstance(leaf, _Counting) else leaf


class _Counting(np.ndarray):
    """An array whose operations are counted."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        _counted[0] += 1
        out = options.get("out")
        if out is not None:
            options["out"] = tuple(map(_bare, out))
        found = getattr(ufunc, method)(*map(_bare, inputs), **options)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return found.view(_Counting) if isinstance(found, np.ndarray) else found

    def __array_function__(self, function: Any, kinds: Any, inputs: Any, options: Any) -> Any:
        _counted[0] += 1
        return super().__array_function__(function, kinds, inputs, options)

    def __getitem__(self, index: Any) -> Any:
        _counted[0] += 1
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        _counted[0] += 1
        super().__setitem__(index, value)
