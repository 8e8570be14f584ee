"""Autodiff of what a function computes, ignoring every hand-written derivative.

A function is traced, and its trace is evaluated with each custom rule replaced by the function it
belongs to. Operations may be replaced during evaluation, which yields the gradient without a term,
or with one operation differentiated wrongly.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnet.check.truth.source import source

INNER = {  # the parameter in which a primitive keeps the function that it calls
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat2": "jaxpr",
    "scan": "jaxpr",
}

Place = tuple[int, ...]


class Step(NamedTuple):
    """An operation of a trace, with the equation numbers that lead to it from the outermost trace,
    and its place in the source code."""

    place: Place
    eqn: Any
    source: str = ""

    def operands(self) -> list[int]:
        """The numbers of the operands that gradients flow through."""
        return [
            number
            for number, atom in enumerate(self.eqn.invars)
            if not hasattr(atom, "val") and _is_real(atom)
        ]

    def values(self) -> list[tuple[int, ...]]:
        """These operands, grouped by value: both of x · x together."""
        found: dict[Any, list[int]] = {}
        for number in self.operands():
            found.setdefault(self.eqn.invars[number], []).append(number)
        return [tuple(numbers) for numbers in found.values()]

    def words(self, operand: int | None = None) -> str:
        """Its description: the expression and its line, or else the name of the operation."""
        name = self.source or f"`{self.eqn.primitive.name}`"
        many = sum(not hasattr(atom, "val") for atom in self.eqn.invars) > 1
        return f"operand {operand + 1} of {name}" if many and operand is not None else name


Through = Callable[[Step, list[Any]], list[Any]]


def bound(step: Step, values: list[Any]) -> list[Any]:
    """The results of an operation for these operands."""
    primitive, params = step.eqn.primitive, step.eqn.params
    found = primitive.bind(*values, **primitive.get_bind_params(params))
    return list(found) if primitive.multiple_results else [found]


def plainly(function: Callable[..., Any], through: Through = bound) -> Callable[..., Any]:
    """The function without custom rules, its operations evaluated by `through`."""

    def plain(*arguments: Any) -> Any:
        closed, tree = trace(function, arguments)
        return jax.tree.unflatten(tree, run(closed, jax.tree.leaves(arguments), through))

    return plain


def run(closed: Any, inputs: Sequence[Any], through: Through, place: Place = ()) -> list[Any]:
    """Evaluate a trace without its custom rules, each operation by `through`."""
    jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
    known = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else known[atom]

    for number, eqn in enumerate(jaxpr.eqns):
        step = Step((*place, number), eqn)
        values = [read(atom) for atom in eqn.invars]
        known |= dict(zip(eqn.outvars, _found(step, values, through), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _found(step: Step, values: list[Any], through: Through) -> list[Any]:
    name, params = step.eqn.primitive.name, step.eqn.params
    if name == "scan":
        return _scanned(params, values, through, step.place)
    if name == "cond":
        branches = [
            lambda *operands, at=at, branch=branch: run(branch, operands, through, at)
            for at, branch in _inside(step)
        ]
        return list(jax.lax.switch(values[0], branches, *values[1:]))
    if name in INNER:
        return run(params[INNER[name]], values, through, step.place)
    return through(step, values)


def _scanned(params: Any, values: list[Any], through: Through, place: Place) -> list[Any]:
    begin = params["num_consts"]
    end = begin + params["num_carry"]

    def body(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        found = run(params["jaxpr"], [*values[:begin], *carry, *x], through, place)
        return found[: params["num_carry"]], found[params["num_carry"] :]

    options = {name: params[name] for name in ("length", "reverse", "unroll")}
    carry, out = jax.lax.scan(body, values[begin:end], values[end:], **options)
    return [*carry, *out]


def steps(function: Callable[..., Any], arguments: Sequence[Any]) -> list[Step]:
    """The operations of its trace, as passed to `through`."""
    closed, _ = trace(function, arguments)
    return steps_of(closed)


def steps_of(closed: Any) -> list[Step]:
    """The operations of a trace."""
    return list(_steps(closed, ()))


def has_rule(closed: Any, kind: str = "custom_") -> bool:
    """Whether the trace contains a custom derivative, of this kind."""
    return any(
        eqn.primitive.name.startswith(kind)
        or any(has_rule(inner, kind) for _, inner in _inside(Step((), eqn)))
        for eqn in getattr(closed, "jaxpr", closed).eqns
    )


def narrowest(closed: Any) -> float:
    """The largest machine epsilon among values that depend on the arguments of a trace."""
    return max(_epsilons(closed), default=2.0**-52)


def _epsilons(closed: Any) -> Iterator[float]:
    jaxpr = getattr(closed, "jaxpr", closed)
    moving = {var for var in jaxpr.invars if _is_real(var)}  # depend on the arguments
    for number, eqn in enumerate(jaxpr.eqns):
        if any(not hasattr(atom, "val") and atom in moving for atom in eqn.invars):
            for _, inner in _inside(Step((number,), eqn)):
                yield from _epsilons(inner)
            found = {var for var in eqn.outvars if _is_real(var)}
            moving |= found
            yield from (float(jnp.finfo(var.aval.dtype).eps) for var in found)


def _is_real(var: Any) -> bool:
    return jnp.issubdtype(getattr(var.aval, "dtype", jnp.int32), jnp.floating)


def trace(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The trace of a function, and the tree of its result."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return closed, jax.tree.structure(shape)


def _inside(step: Step) -> list[tuple[Place, Any]]:
    """The traces inside an operation, each with the place its operations start from."""
    name, params = step.eqn.primitive.name, step.eqn.params
    if name == "cond":
        return [((*step.place, number), one) for number, one in enumerate(params["branches"])]
    return [(step.place, params[INNER[name]])] if name in INNER else []


def _steps(closed: Any, place: Place, outside: str = "") -> Iterator[Step]:
    for number, eqn in enumerate(getattr(closed, "jaxpr", closed).eqns):
        step = Step((*place, number), eqn, source(eqn) or outside)
        inside = _inside(step)
        for at, inner in inside:
            yield from _steps(inner, at, step.source)
        if not inside:
            yield step
