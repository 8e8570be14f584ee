"""NumPy functions as JAX functions, so that autodiff can differentiate them.

NumPy rejects JAX's tracers. Here a stand-in replaces each array, and the function sees a `numpy`
whose new arrays are stand-ins too, since results are written into them. Not every function can be
lifted: its results are compared with those of the original.
"""

import copy
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import thresholds
from fnet.check.truth.arguments import in_numpy, is_float, is_known, of_arrays, on_device
from fnet.check.truth.eager import evaluated
from fnet.check.truth.functions import traced
from fnet.check.truth.lengths import LONGER, words
from fnet.check.truth.plain import bound, run, steps_of, trace
from fnet.check.truth.stand_in import MAKERS, NUMPY, Lifted, TooLongError, at_most, bare

Part = Callable[[Any], Any]


def whole(returned: Any) -> Any:
    """What a function returns, unchanged."""
    return returned


def runs_in_jax(
    function: Callable[..., Any], arguments: tuple[Any, ...], part: Part = whole
) -> bool:
    """Whether JAX traces it with equal results: in JAX, writing to a view has no effect."""
    if traced(lambda *given: part(function(*given)), arguments) is None:
        return False
    if not any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(arguments)):
        return True
    try:
        wanted = function(*jax.tree.map(_own, arguments))
    except Exception:  # not a NumPy function
        return True
    found = function(*on_device(arguments))
    return _same(part(found), part(wanted))


def in_jax(
    function: Callable[..., Any], arguments: tuple[Any, ...], part: Part = whole
) -> Callable[..., Any] | None:
    """This part of what the function returns as a JAX function, lifted if necessary; None where
    that changes its results."""
    if runs_in_jax(function, arguments, part):
        return lambda *given: part(function(*given))
    return by_lifting(function, arguments, part)[0]


def by_lifting(
    function: Callable[..., Any], arguments: tuple[Any, ...], part: Part = whole
) -> tuple[Callable[..., Any] | None, str]:
    """The lifted function, of this part of its result; or None, and why.

    Functions of many operations, unrolled loops included, take too long to compile and are not
    lifted; nor are those whose results lifting changes.
    """
    plain, _ = of_arrays(lambda *given: part(function(*given)), arguments)
    try:
        other = lifted(function)

        def of_jax(*given: Any) -> Any:
            return part(other(*given))

        only, arrays = of_arrays(of_jax, arguments)
        with at_most(thresholds.LIFTED):
            closed, tree = trace(only, arrays)
        if len(steps_of(closed)) > thresholds.LIFTED:
            return None, LONGER
        evaluate = evaluated(lambda point: run(closed, point, bound))
        for point in (arrays, [thresholds.LIFTED_SECOND * a if is_float(a) else a for a in arrays]):
            if not _same(jax.tree.unflatten(tree, evaluate(point)), plain(*map(_own, point))):
                return None, OTHER
    except TooLongError:
        return None, LONGER
    except Exception:  # of any kind: differences remain
        return None, OTHER
    return of_jax, ""


OTHER = "it is not a JAX function"


def _own(array: Any) -> Any:
    """A copy that may be written to."""
    return np.array(array) if isinstance(array, np.ndarray) else array


def _same(found: Any, wanted: Any) -> bool:
    one: Any = jax.tree.structure(found)
    if one != jax.tree.structure(wanted):
        return False
    leaves = ([*map(in_numpy, jax.tree.leaves(tree))] for tree in (found, wanted))
    return all(
        np.shape(a) == np.shape(b)
        and np.allclose(a, b, _rtol(a, b), _rtol(a, b) * np.abs(b).max(initial=0), equal_nan=True)
        for a, b in zip(*leaves, strict=True)
    )


def _rtol(*arrays: np.ndarray) -> float:
    """NumPy and XLA differ by some units in the last place of the narrowest dtype."""
    units = [float(jnp.finfo(a.dtype).eps) for a in arrays if is_float(a)]
    return max(thresholds.LIFTED_RTOL, thresholds.LIFTED_UNITS * max(units, default=0.0))


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking JAX arrays."""
    own = _rebound(function, {})

    def of_jax(*arguments: Any) -> Any:
        stand_ins = jax.tree.map(lambda leaf: Lifted(leaf) if is_known(leaf) else leaf, arguments)
        # NumPy promotes integers to floats, whatever JAX is configured to do.
        with jax.numpy_dtype_promotion("standard"):
            return bare(own(*stand_ins))

    return of_jax


LIBRARIES = ("numpy", "jax", "jaxlib", "scipy", "torch")

Done = dict[int, Any]  # by the id of the original


def _rebound(function: Any, done: Done) -> Any:
    """The function, and those that it calls, with the stand-in for NumPy."""
    if isinstance(function, functools.partial):
        own = _rebound(function.func, done)
        return functools.partial(own, *function.args, **function.keywords)
    if isinstance(function, types.MethodType):
        return types.MethodType(
            _rebound(function.__func__, done), _rebound(function.__self__, done)
        )
    if function is np:
        return NUMPY
    if isinstance(function, np.ndarray) and is_float(function):
        return Lifted(function)  # methods of an ndarray do not accept stand-ins
    if isinstance(function, types.ModuleType):
        return function if _is_of_a_library(function.__name__) else _Module(function, done)
    name = getattr(function, "__name__", None)
    if name in MAKERS and function is getattr(np, name):  # from numpy import zeros
        return MAKERS[name]
    if not isinstance(function, types.FunctionType):
        return _with_rebound_methods(function, done)
    if _is_of_a_library(function.__module__):
        return function
    if id(function) not in done:
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        old = function.__globals__
        names = done.setdefault(id(old), dict(old))
        own = types.FunctionType(function.__code__, names, name, function.__defaults__, cells)
        own.__kwdefaults__ = function.__kwdefaults__
        done[id(function)] = own
        for word in words(function.__code__):
            if word in old:
                names[word] = _rebound(old[word], done)
        for cell, held in zip(cells, function.__closure__ or (), strict=True):
            cell.cell_contents = _rebound(held.cell_contents, done)
    return done[id(function)]


def _is_of_a_library(module: str | None) -> bool:
    root = (module or "").split(".")[0]
    return root in LIBRARIES or root in sys.stdlib_module_names


class _Module(types.ModuleType):
    """A user's module, its functions rebound when they are looked up."""

    def __init__(self, module: types.ModuleType, done: Done) -> None:
        super().__init__(module.__name__)
        self._module, self._done = module, done

    def __getattr__(self, name: str) -> Any:
        return _rebound(getattr(self._module, name), self._done)


def _with_rebound_methods(thing: Any, done: Done) -> Any:
    """A copy of a user's object whose methods are rebound; anything else unchanged."""
    kind = type(thing)
    if not hasattr(thing, "__dict__") or not all(map(_is_in_python, kind.__mro__[:-1])):
        return thing
    if id(thing) not in done:
        own = done[id(thing)] = copy.copy(thing)
        methods = {
            name: _rebound(method, done)
            for base in reversed(kind.__mro__[:-1])
            for name, method in vars(base).items()
            if isinstance(method, types.FunctionType)
        }
        methods["__del__"] = _nothing
        own.__class__ = type(kind.__name__, (kind,), methods)
    return done[id(thing)]


def _nothing(_: Any) -> None:
    """What becomes of a copy: memory that it has a pointer to is freed with the original."""


def _is_in_python(kind: type) -> bool:
    """Whether a class is written in Python, by the user or in a package that is no library here:
    the class of an object in C must not be replaced."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    return file.endswith(".py") and not _is_of_a_library(kind.__module__)
