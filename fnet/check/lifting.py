"""Functions of NumPy as functions of JAX, so that autodiff can be asked about them.

NumPy's functions refuse JAX's tracers. Here each array is stood in for by one that hands what NumPy
is asked on to `jax.numpy` (by NEP 13 and 18, NumPy's protocols for such arrays), and the function
is given a `numpy` whose new arrays are of this kind too, since results are written into them. What
cannot be done so raises something; whoever lifts a function compares what it gives.
"""

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from fnet.check.arguments import is_float, is_known, of_arrays
from fnet.check.functions import traces
from fnet.check.plain import steps

LONG = 300  # operations
Part = Callable[[Any], Any]


def whole(returned: Any) -> Any:
    """What a function returns, as it is."""
    return returned


def runs_in_jax(
    function: Callable[..., Any], arguments: tuple[Any, ...], part: Part = whole
) -> bool:
    """Whether JAX can trace it, and makes the same of it: writing to a view is nothing in JAX."""
    if not traces(lambda *given: part(function(*given)), arguments):
        return False
    if not any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(arguments)):
        return True
    try:
        wanted = function(*jax.tree.map(_own, arguments))
    except Exception:  # it is no function of NumPy, then
        return True
    found = function(*jax.tree.map(lambda a: jnp.asarray(a) if is_known(a) else a, arguments))
    return _same(part(found), part(wanted))


def in_jax(
    function: Callable[..., Any], arguments: tuple[Any, ...], part: Part = whole
) -> Callable[..., Any] | None:
    """This part of what the function returns, as a function of JAX: as it is, or lifted; None where
    that would be another function.

    Loops of many steps are not lifted: to compile each of them would take too long.
    """
    if runs_in_jax(function, arguments, part):
        return lambda *given: part(function(*given))
    other = lifted(function)

    def of_jax(*given: Any) -> Any:
        return part(other(*given))

    only, arrays = of_arrays(of_jax, arguments)
    plain, _ = of_arrays(lambda *given: part(function(*given)), arguments)
    try:
        if len(steps(only, arrays)) <= LONG:
            compiled = jax.jit(only)
            points = (arrays, [1.0625 * a if is_float(a) else a for a in arrays])
            if all(_same(compiled(*a), plain(*map(_own, a))) for a in points):
                return of_jax
    except Exception:  # of whatever kind: then differences alone are asked
        return None
    return None


def _own(array: Any) -> Any:
    """A copy that may be written to."""
    return np.array(array) if isinstance(array, np.ndarray) else array


def _same(found: Any, wanted: Any) -> bool:
    one: Any = jax.tree.structure(found)
    if one != jax.tree.structure(wanted):
        return False
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    return all(
        np.shape(a) == np.shape(b)
        and np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max(initial=0), equal_nan=True)
        for a, b in pairs
    )


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, of JAX's arrays."""
    own = _rebound(function, {})

    def of_jax(*arguments: Any) -> Any:
        stand_ins = jax.tree.map(lambda leaf: Lifted(leaf) if is_known(leaf) else leaf, arguments)
        # NumPy promotes an integer that meets a float, whatever JAX is told to do.
        with jax.numpy_dtype_promotion("standard"):
            return _bare(own(*stand_ins))

    return of_jax


class Lifted(NDArrayOperatorsMixin):
    """An array of JAX that behaves like one of NumPy, writing into it included."""

    def __init__(self, value: Any) -> None:
        self.value = jnp.asarray(value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        function = _of_jax(ufunc)
        if method == "at":
            self.value = function.at(*_bare(inputs), inplace=False)
            return None
        if method != "__call__":
            function = getattr(function, method)
        return _called(function, inputs, options)

    def __array_function__(self, function: Any, kinds: Any, inputs: Any, options: Any) -> Any:
        return _called(_of_jax(function), inputs, options)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("an array of JAX that stands in for one of NumPy")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if not callable(found):
            return _lifted(found)
        return lambda *inputs, **options: _called(found, inputs, options)

    def __getitem__(self, index: Any) -> Any:
        at = _index(index)
        if _is_mask(at) and at.shape == self.value.shape:
            # As many entries as there are, those that are not asked for being 1: enough for what is
            # done to each and written back by the same mask.
            return Lifted(jnp.where(at, self.value, jnp.ones_like(self.value)))
        return Lifted(self.value[at])

    def __setitem__(self, index: Any, value: Any) -> None:
        at, into = _index(index), _bare(value)
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
    out = options.pop("out", None)
    found = _lifted(function(*_bare(inputs), **_bare(options)))
    if out is None:
        return found
    into = out[0] if isinstance(out, tuple) else out
    if not isinstance(into, Lifted):
        raise TypeError("an array of NumPy cannot hold one of JAX")
    into.value = found.value.astype(into.value.dtype)
    return into


def _of_jax(function: Any) -> Any:
    """JAX's function of this name."""
    linear_algebra = "linalg" in (getattr(function, "__module__", None) or "")
    for place in (jnp.linalg,) if linear_algebra else (jnp, jax.scipy.special):
        if hasattr(place, function.__name__):
            return getattr(place, function.__name__)
    raise TypeError(f"JAX has no {function.__name__}")


def _lifted(found: Any) -> Any:
    return jax.tree.map(lambda leaf: Lifted(leaf) if isinstance(leaf, jax.Array) else leaf, found)


def _bare(tree: Any) -> Any:
    """JAX's arrays in the place of those that stand for them."""
    return jax.tree.map(
        lambda leaf: leaf.value if isinstance(leaf, Lifted) else leaf,
        tree,
        is_leaf=lambda leaf: isinstance(leaf, Lifted),
    )


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_index(one) for one in index)
    return np.asarray(index) if isinstance(index, list | range) else _bare(index)


class _Numpy(types.ModuleType):
    """NumPy, but for those of its functions that make an array to be written into."""

    def __getattr__(self, name: str) -> Any:
        return MAKERS.get(name) or getattr(np, name)


def _maker(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def make(*inputs: Any, **options: Any) -> Any:
        found = function(*_bare(inputs), **_bare(options))
        return Lifted(found) if jnp.issubdtype(found.dtype, jnp.floating) else np.asarray(found)

    return make


def _array(*inputs: Any, **options: Any) -> Any:
    """`numpy.array`, and what is like it, of what may hold arrays of JAX."""
    held = jax.tree.leaves(inputs, is_leaf=lambda leaf: isinstance(leaf, Lifted))
    if any(isinstance(leaf, Lifted) for leaf in held):
        return Lifted(jnp.array(*_bare(inputs), **_bare(options)))
    return np.array(*inputs, **options)


MAKERS: dict[str, Callable[..., Any]] = {
    name: _maker(getattr(jnp, name))
    for kind in ("zeros", "ones", "empty", "full")
    for name in (kind, f"{kind}_like")
} | dict.fromkeys(("array", "asarray", "ascontiguousarray"), _array)
NUMPY = _Numpy("numpy")
LIBRARIES = ("numpy", "jax", "scipy")

Done = dict[int, Any]  # by the id of what it was made of


def _rebound(function: Any, done: Done) -> Any:
    """The function, and those that it calls, with that NumPy in the place of NumPy."""
    if isinstance(function, functools.partial):
        own = _rebound(function.func, done)
        return functools.partial(own, *function.args, **function.keywords)
    if isinstance(function, types.MethodType):
        return types.MethodType(_rebound(function.__func__, done), function.__self__)
    if function is np:
        return NUMPY
    if isinstance(function, np.ndarray) and is_float(function):
        return Lifted(function)  # its methods would not take one
    name = getattr(function, "__name__", None)
    if name in MAKERS and function is getattr(np, name):  # from numpy import zeros
        return MAKERS[name]
    if not isinstance(function, types.FunctionType) or _is_of_a_library(function):
        return function
    if id(function) not in done:
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        old = function.__globals__
        names = done.setdefault(id(old), dict(old))
        own = types.FunctionType(function.__code__, names, name, function.__defaults__, cells)
        own.__kwdefaults__ = function.__kwdefaults__
        done[id(function)] = own
        for word in _words(function.__code__):
            if word in old:
                names[word] = _rebound(old[word], done)
        for cell, held in zip(cells, function.__closure__ or (), strict=True):
            cell.cell_contents = _rebound(held.cell_contents, done)
    return done[id(function)]


def _words(code: types.CodeType) -> set[str]:
    """The names that it looks up, and the functions within it."""
    inner = (_words(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*inner)


def _is_of_a_library(function: types.FunctionType) -> bool:
    return (function.__module__ or "").split(".")[0] in LIBRARIES
