"""Traces evaluated by NumPy: XLA compiles for longer than what runs a few times takes."""

import functools
import string
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.truth.compiling import compiled
from fnet.check.truth.loops import has_loop
from fnet.check.truth.plain import Step, bound, run, steps_of

KINDS = ("b", "i", "u", "f")  # of dtypes that NumPy has too


def evaluated(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, traced once, and evaluated by NumPy where it knows all of its operations; else
    compiled. Its arguments have the same shapes in every call."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        if not known:
            known.append(_evaluator(function, arguments))
        return known[0](*arguments)

    known: list[Callable[..., Any]] = []
    return call


def _evaluator(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    if not is_of_numpy(closed):
        return compiled(function)

    def call(*arguments: Any) -> Any:
        found = run(closed, jax.tree.leaves(arguments), at_once)
        return jax.tree.unflatten(jax.tree.structure(shapes), [*map(np.asarray, found)])

    return call


def is_of_numpy(closed: Any) -> bool:
    """Whether NumPy can evaluate this trace."""
    given = all(map(_has_kind, (*closed.jaxpr.invars, *closed.jaxpr.constvars)))
    return given and not has_loop(closed, 0) and all(map(_is_known, steps_of(closed)))


def _is_known(step: Step) -> bool:
    return step.eqn.primitive.name in OPERATIONS and all(map(_has_kind, step.eqn.outvars))


def _has_kind(atom: Any) -> bool:
    """Whether this is a value of a dtype that NumPy has."""
    return getattr(getattr(atom.aval, "dtype", None), "kind", "") in KINDS


def at_once(step: Step, values: list[Any]) -> list[Any]:
    """The results of an operation of a trace that is run once: by NumPy, where it can."""
    traced = any(isinstance(value, jax.core.Tracer) for value in values)
    if traced or not _is_known(step) or not all(map(_has_kind, step.eqn.invars)):
        return bound(step, values)
    return by_numpy(step, values)


def by_numpy(step: Step, values: list[Any]) -> list[Any]:
    """The results of an operation."""
    operation = OPERATIONS[step.eqn.primitive.name]
    if operation is bound:
        return [*map(np.asarray, bound(step, values))]
    given = map(np.asarray, values)
    found = operation(*given) if isinstance(operation, np.ufunc) else operation(step.eqn, *given)
    (out,) = step.eqn.outvars
    return [np.asarray(found, out.aval.dtype)]


def _broadcast(eqn: Any, x: Any) -> Any:
    shape, axes = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    wide = [1] * len(shape)
    for axis, size in zip(axes, np.shape(x), strict=True):
        wide[axis] = size
    return np.broadcast_to(np.reshape(x, wide), shape)


def _product(eqn: Any, a: Any, b: Any) -> Any:
    summed, batch = eqn.params["dimension_numbers"]
    letters = iter(string.ascii_letters)
    names = [[next(letters) for _ in range(np.ndim(x))] for x in (a, b)]
    for pairs in (summed, batch):
        for one, other in zip(*pairs, strict=True):
            names[1][other] = names[0][one]
    shared = [names[0][axis] for axis in batch[0]]
    gone = {*shared, *(names[0][axis] for axis in summed[0])}
    left = [name for each in names for name in each if name not in gone]
    words = ["".join(each) for each in (*names, shared + left)]
    return np.einsum(f"{words[0]},{words[1]}->{words[2]}", a, b, optimize=True)


def _slice(eqn: Any, x: Any) -> Any:
    start, limit, strides = (
        eqn.params[name] for name in ("start_indices", "limit_indices", "strides")
    )
    steps = strides or [1] * len(start)
    return x[tuple(map(slice, start, limit, steps))]


def _pad(eqn: Any, x: Any, value: Any) -> Any:
    made = np.full(eqn.outvars[0].aval.shape, value)
    at = []
    for (low, _, inner), size, whole in zip(
        eqn.params["padding_config"], np.shape(x), made.shape, strict=True
    ):
        places = low + (1 + inner) * np.arange(size)
        at.append((places, (places >= 0) & (places < whole)))
    made[np.ix_(*(places[inside] for places, inside in at))] = x[
        np.ix_(*(np.flatnonzero(inside) for _, inside in at))
    ]
    return made


def _reduced(ufunc: Any) -> Callable[..., Any]:
    return lambda eqn, x: ufunc.reduce(x, axis=tuple(eqn.params["axes"]))


def _chosen(eqn: Any, which: Any, *cases: Any) -> Any:
    return np.choose(which, cases) if len(cases) > 2 else np.where(which, cases[-1], cases[0])


def _whole(eqn: Any, x: Any) -> Any:
    return x


NAMED = "exp exp2 expm1 log log1p sqrt cbrt square sin cos tan sinh cosh tanh floor ceil sign"
OPERATIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in NAMED.split()},
    **dict.fromkeys(("erf", "erfc", "lgamma", "digamma", "bessel_i0e", "bessel_i1e"), bound),
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "abs": np.absolute,
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.invert,
    "is_finite": np.isfinite,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "atan2": np.arctan2,
    "div": lambda eqn, a, b: a / b if a.dtype.kind == "f" else (a - np.fmod(a, b)) // b,
    "rsqrt": lambda eqn, x: 1 / np.sqrt(x),
    "integer_pow": lambda eqn, x: np.power(x, eqn.params["y"]),
    "logistic": lambda eqn, x: 1 / (1 + np.exp(-x)),
    "clamp": lambda eqn, low, x, high: np.minimum(np.maximum(x, low), high),
    "select_n": _chosen,
    "convert_element_type": _whole,
    "copy": _whole,
    "broadcast_in_dim": _broadcast,
    "reshape": lambda eqn, x: np.reshape(x, eqn.params["new_sizes"]),
    "squeeze": lambda eqn, x: np.squeeze(x, eqn.params["dimensions"]),
    "transpose": lambda eqn, x: np.transpose(x, eqn.params["permutation"]),
    "rev": lambda eqn, x: np.flip(x, eqn.params["dimensions"]),
    "concatenate": lambda eqn, *each: np.concatenate(each, eqn.params["dimension"]),
    "slice": _slice,
    "pad": _pad,
    "dot_general": _product,
    "reduce_sum": _reduced(np.add),
    "reduce_prod": _reduced(np.multiply),
    "reduce_max": _reduced(np.maximum),
    "reduce_min": _reduced(np.minimum),
}
