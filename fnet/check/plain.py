"""Autodiff of what a function computes, and of nothing that somebody wrote for its derivative.

A function is traced, and its trace is evaluated with every custom rule replaced by the function
that the rule stands for. On the way an operand may be cut: treated as a constant. What a gradient
loses by that is the term that goes through there.
"""

import linecache
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

INNER = {  # where these primitives keep the function that they call
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
}
OWN = (str(Path(jax.__file__).parent), str(Path(__file__).parent))
TERMS = 60  # looked at, at most

Place = tuple[int, ...]


class Edge(NamedTuple):
    """An operand of an operation: what goes through here is a term of the gradient."""

    place: Place  # the numbers of the equations, from the outermost
    operand: int
    words: str


def plainly(function: Callable[..., Any], cuts: Sequence[Edge] = ()) -> Callable[..., Any]:
    """The function whose derivative is autodiff's own, what goes through these edges constant."""

    def plain(*arguments: Any) -> Any:
        closed, tree = _trace(function, arguments)
        return jax.tree.unflatten(tree, run(closed, jax.tree.leaves(arguments), through))

    def through(eqn: Any, values: list[Any], place: Place) -> list[Any]:
        kept = [
            jax.lax.stop_gradient(value) if (place, operand) in operands else value
            for operand, value in enumerate(values)
        ]
        return bound(eqn, kept)

    operands = {(edge.place, edge.operand) for edge in cuts}
    return plain


def run(
    closed: Any,
    inputs: Sequence[Any],
    through: Callable[[Any, list[Any], Place], list[Any]],
    place: Place = (),
) -> list[Any]:
    """Evaluate a trace, custom rules left out, `through` (equation, operands, place) at a time."""
    jaxpr = closed.jaxpr
    known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known |= dict(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else known[atom]

    for number, eqn in enumerate(jaxpr.eqns):
        here, inner = (*place, number), _inner(eqn)
        values = [read(atom) for atom in eqn.invars]
        found = through(eqn, values, here) if inner is None else run(inner, values, through, here)
        known |= dict(zip(eqn.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def bound(eqn: Any, values: list[Any]) -> list[Any]:
    """What an operation makes of these operands."""
    found = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
    return list(found) if eqn.primitive.multiple_results else [found]


def edges(function: Callable[..., Any], arguments: tuple[Any, ...]) -> list[Edge]:
    """Where terms of its gradient go through, the first ones."""
    closed, _ = _trace(function, arguments)
    return [edge for edge, _ in zip(_edges(closed.jaxpr, ()), range(TERMS), strict=False)]


def narrowest(function: Callable[..., Any], arguments: tuple[Any, ...]) -> float:
    """The largest machine epsilon of the floating-point numbers that it computes with."""
    closed, _ = _trace(function, arguments)
    return max(_epsilons(closed.jaxpr), default=0.0)


def _trace(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return closed, jax.tree.structure(shape)


def _inner(eqn: Any) -> Any:
    return eqn.params[INNER[eqn.primitive.name]] if eqn.primitive.name in INNER else None


def _edges(jaxpr: Any, place: Place) -> Iterator[Edge]:
    for number, eqn in enumerate(jaxpr.eqns):
        here, inner = (*place, number), _inner(eqn)
        if inner is not None:
            yield from _edges(inner.jaxpr, here)
            continue
        for operand, atom in enumerate(eqn.invars):
            if not hasattr(atom, "val") and jnp.issubdtype(atom.aval.dtype, jnp.floating):
                yield Edge(here, operand, _words(eqn, operand))


def _words(eqn: Any, operand: int) -> str:
    name = eqn.primitive.name
    many = sum(not hasattr(atom, "val") for atom in eqn.invars) > 1
    which = f"operand {operand + 1} of `{name}`" if many else f"`{name}`"
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback else ():
        if not frame.file_name.startswith((*OWN, "<")):
            line = linecache.getline(frame.file_name, frame.line_num).strip()
            file = Path(frame.file_name)
            # A cell of a notebook is a file of no name that anybody knows, or none at all.
            where = f"{file.name}:{frame.line_num}" if file.exists() else f"line {frame.line_num}"
            return f"{which} in {where}" + (f", `{line}`" if line else "")
    return which


def _epsilons(jaxpr: Any) -> Iterator[float]:
    for eqn in jaxpr.eqns:
        inner = _inner(eqn)
        if inner is not None:
            yield from _epsilons(inner.jaxpr)
        for atom in eqn.outvars:
            if jnp.issubdtype(getattr(atom.aval, "dtype", jnp.int32), jnp.floating):
                yield float(jnp.finfo(atom.aval.dtype).eps)
