"""A user's function called once, to see what it takes and what it returns."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.truth.arguments import copied, is_float, is_known, is_none, of_arrays, on_device
from fnet.check.truth.functions import cached, name_of
from fnet.check.truth.lengths import is_long
from fnet.check.truth.plain import trace
from fnet.errors import ConfigurationError

COTANGENT = re.compile(
    r"d_?(out|loss|next|prev|score|top|value|pred|logit|hat)|d_?[a-z]{1,2}\d?$|d$|d_?l[dy]?"
    r"|g$|g_|grad|v$|ct$|cot|up|tangent|delta|error$",
    re.IGNORECASE,
)
CACHE = re.compile(r"c$|cache|ctx|context|res|saved|kept|mem|tape|state|store", re.IGNORECASE)

F = TypeVar("F", bound=Callable[..., Any])
LINES = """\
  check_gradients(forward, backward, x, w)  # forward -> (out, cache), backward(dout, cache)
  check_gradients(f, derivative, x)         # both of the same arguments
  check_gradients(ValueAndGrad(f), w)       # f -> (value, gradient)"""


def called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What it returns for copies of the arguments; for JAX arrays, if it rejects NumPy's."""
    try:
        return function(*copied(arguments))
    except Exception as error:
        try:
            return function(*on_device(arguments))
        except Exception:
            raise error from None


def require_two(returned: Any, function: Callable[..., Any], what: str) -> None:
    """Raise ConfigurationError unless this is a tuple of two results."""
    try:
        cached(returned, function, what)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; these would do:\n{LINES}") from None


def outlined(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Its trace, and zeros in place of what it returns; None twice where JAX cannot trace
    it, or should not."""
    if is_long(function, arguments):
        return None, None
    only, arrays = of_arrays(function, arguments)
    try:
        closed, tree = trace(only, on_device(arrays))
    except Exception:  # of any kind: it is run instead
        return None, None
    zeros = (np.broadcast_to(np.zeros((), a.dtype), a.shape) for a in closed.out_avals)
    return closed, jax.tree.unflatten(tree, zeros)


def accepts(function: Callable[..., Any], count: int) -> bool:
    """Whether it can be called with this many positional arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # its signature is unknown
        return getattr(function, "nin", count) == count
    return True


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the positional parameters without a default."""
    try:
        known = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in known if p.kind in positional and p.default is p.empty]


def named_as(function: Callable[..., Any]) -> Callable[[F], F]:
    """A decorator: the wrapper has the name and the parameters of this function."""

    def name(wrapper: F) -> F:
        vars(wrapper).update(__wrapped__=function)
        wrapper.__name__ = name_of(function)
        return wrapper

    return name


def with_parameters(function: Any, names: Sequence[str]) -> Any:
    """The function, described as taking arguments of these names."""
    kind = inspect.Parameter.POSITIONAL_ONLY
    distinct = [name if names.count(name) == 1 else f"{name}{n}" for n, name in enumerate(names)]
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in distinct])
    return function


def is_cotangent(name: str) -> bool:
    """Whether a parameter of this name is the gradient of the output."""
    return bool(COTANGENT.match(name)) and not CACHE.match(name)


def is_cache(name: str) -> bool:
    """Whether a parameter of this name is the cache."""
    return bool(CACHE.match(name))


def is_number(leaf: Any) -> bool:
    """Whether this may be differentiated: a floating-point array or a Python number."""
    return is_float(leaf) or type(leaf) in (int, float)


def drawn(out: Any) -> Any:
    """A random cotangent of this output."""
    rng = np.random.default_rng(thresholds.SEED)

    def draw(leaf: Any) -> Any:
        leaf = np.asarray(leaf) if type(leaf) in (int, float) else leaf
        return rng.normal(size=np.shape(leaf)) if is_float(leaf) or np.ndim(leaf) == 0 else None

    return jax.tree.map(draw, out)


def alike(a: Any, b: Any, rtol: float) -> bool:
    """Whether two trees hold nearly the same numbers."""
    flat = [jax.tree.leaves(tree, is_leaf=is_none) for tree in (a, b)]
    if len(flat[0]) != len(flat[1]):
        return False
    for one, other in zip(*flat, strict=True):
        if not (is_known(one) or isinstance(one, int | float)):
            continue
        if np.shape(one) != np.shape(other):
            return False
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        size = np.abs(other).max(initial=0, where=np.isfinite(other))
        if not np.allclose(one, other, rtol=rtol, atol=rtol * size, equal_nan=True):
            return False
    return True
