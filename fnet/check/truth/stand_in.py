"""JAX arrays that stand in for NumPy's, and a `numpy` that makes them.

NumPy functions of such an array are forwarded to `jax.numpy` by NumPy's override protocols, NEP 13
and 18. The array can be written into. Anything unsupported raises an error.
"""

import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class TooLongError(Exception):
    """More operations than are unrolled."""


_left: list[float] = [float("inf")]  # operations that may still run


@contextlib.contextmanager
def at_most(operations: int) -> Iterator[None]:
    """Raise TooLongError beyond so many operations of stand-ins."""
    before, _left[0] = _left[0], operations
    try:
        yield
    finally:
        _left[0] = before


def _count() -> None:
    _left[0] -= 1
    if _left[0] < 0:
        raise TooLongError


class Lifted(NDArrayOperatorsMixin):
    """A JAX array that behaves like NumPy's, and can be written into."""

    def __init__(self, value: Any) -> None:
        self.value = jnp.asarray(value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        function = _of_jax(ufunc)
        if method == "at":
            self.value = function.at(*bare(inputs), inplace=False)
            return None
        if method != "__call__":
            function = getattr(function, method)
        return _called(function, inputs, options)

    def __array_function__(self, function: Any, kinds: Any, inputs: Any, options: Any) -> Any:
        return _called(_of_jax(function), inputs, options)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("a JAX array that stands in for a NumPy array")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if not callable(found):
            return _lifted(found)
        return lambda *inputs, **options: _called(found, inputs, options)

    def __deepcopy__(self, memo: Any) -> "Lifted":
        return Lifted(self.value)

    def __getitem__(self, index: Any) -> Any:
        _count()
        at = _index(index)
        if _is_mask(at) and at.shape == self.value.shape:
            # A full array with 1 where the mask is off: enough for elementwise operations whose
            # results are written back through the same mask.
            return Lifted(jnp.where(at, self.value, jnp.ones_like(self.value)))
        return Lifted(self.value[at])

    def __setitem__(self, index: Any, value: Any) -> None:
        _count()
        at, into = _index(index), bare(value)
        if _is_mask(at) and np.shape(into) in ((), self.value.shape):
            at = at.reshape(at.shape + (1,) * (self.value.ndim - at.ndim))
            self.value = jnp.where(at, into, self.value)
        else:
            self.value = self.value.at[at].set(into)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)


def _is_mask(index: Any) -> bool:
    return isinstance(index, jax.Array) and index.dtype == np.bool_


def _called(function: Callable[..., Any], inputs: Any, options: Any) -> Any:
    _count()
    out = options.pop("out", None)
    found = _lifted(function(*bare(inputs), **bare(options)))
    if out is None:
        return found
    into = out[0] if isinstance(out, tuple) else out
    if not isinstance(into, Lifted):
        raise TypeError("a NumPy array cannot hold a JAX array")
    into.value = found.value.astype(into.value.dtype)
    return into


def _of_jax(function: Any) -> Any:
    """The JAX function of this name."""
    linear_algebra = "linalg" in (getattr(function, "__module__", None) or "")
    for place in (jnp.linalg,) if linear_algebra else (jnp, jax.scipy.special):
        if hasattr(place, function.__name__):
            return getattr(place, function.__name__)
    raise TypeError(f"JAX has no {function.__name__}")


def _lifted(found: Any) -> Any:
    return jax.tree.map(lambda leaf: Lifted(leaf) if isinstance(leaf, jax.Array) else leaf, found)


def bare(tree: Any) -> Any:
    """Stand-ins replaced by their JAX arrays."""
    return jax.tree.map(
        lambda leaf: leaf.value if isinstance(leaf, Lifted) else leaf,
        tree,
        is_leaf=lambda leaf: isinstance(leaf, Lifted),
    )


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_index(one) for one in index)
    return np.asarray(index) if isinstance(index, list | range) else bare(index)


class _Numpy(types.ModuleType):
    """NumPy, except for functions that create arrays to be written into."""

    def __getattr__(self, name: str) -> Any:
        return MAKERS.get(name) or getattr(np, name)


def _maker(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def make(*inputs: Any, **options: Any) -> Any:
        found = function(*bare(inputs), **bare(options))
        return Lifted(found) if jnp.issubdtype(found.dtype, jnp.floating) else np.asarray(found)

    return make


def _array(*inputs: Any, **options: Any) -> Any:
    """`numpy.array` and similar, for arguments that may contain stand-ins."""
    held = jax.tree.leaves(inputs, is_leaf=lambda leaf: isinstance(leaf, Lifted))
    if any(isinstance(leaf, Lifted) for leaf in held):
        return Lifted(jnp.array(*bare(inputs), **bare(options)))
    return np.array(*inputs, **options)


MAKERS: dict[str, Callable[..., Any]] = {
    name: _maker(getattr(jnp, name))
    for kind in ("zeros", "ones", "empty", "full")
    for name in (kind, f"{kind}_like")
} | dict.fromkeys(("array", "asarray", "ascontiguousarray"), _array)
NUMPY = _Numpy("numpy")
