"""Loops that end: a `while_loop` whose condition may never become false is cut off.

A solver may not converge where its user never calls it, and compiled code cannot be interrupted.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check import thresholds
from fnet.check.truth.plain import Step, bound, run, trace


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with NaN as the result of every loop of more steps than that."""

    def ending(*arguments: Any) -> Any:
        closed, tree = trace(function, arguments)
        leaves = jax.tree.leaves(arguments)
        if not has_loop(closed):
            return jax.tree.unflatten(
                tree, jax.core.eval_jaxpr(closed.jaxpr, closed.consts, *leaves)
            )
        return jax.tree.unflatten(tree, run(closed, leaves, _through))

    return ending


def has_loop(closed: Any, most: float = float("inf")) -> bool:
    """Whether a trace contains a loop with a condition, however deep, or one of more steps."""
    return any(
        eqn.primitive.name == "while"
        or (eqn.primitive.name == "scan" and eqn.params["length"] > most)
        or any(has_loop(one, most) for one in _traces(eqn.params))
        for eqn in getattr(closed, "jaxpr", closed).eqns
    )


def _is_trace(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def _traces(params: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(params, is_leaf=_is_trace) if _is_trace(leaf)]


def _through(step: Step, values: list[Any]) -> list[Any]:
    if step.eqn.primitive.name == "while":
        return _cut_off(step.eqn.params, values)
    params = step.eqn.params
    if any(map(has_loop, _traces(params))):
        params = jax.tree.map(_ending, params, is_leaf=_is_trace)
        return bound(step._replace(eqn=step.eqn.replace(params=params)), values)
    return bound(step, values)


def _ending(value: Any) -> Any:
    """The trace inside an operation, such as a linear solver's, with its loops cut off."""
    if not _is_trace(value) or not has_loop(value):
        return value
    jaxpr = getattr(value, "jaxpr", value)

    def again(*inputs: Any) -> Any:
        return run(value, inputs, _through)

    shapes = [jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype) for var in jaxpr.invars]
    return jax.make_jaxpr(again)(*shapes)


def _cut_off(params: Any, values: list[Any]) -> list[Any]:
    first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    of_condition, of_body, carry = values[:first], values[first:second], values[second:]

    def condition(carry: Any) -> Any:
        (more,) = run(params["cond_jaxpr"], [*of_condition, *carry], _through)
        return more

    def goes_on(state: Any) -> Any:
        number, carry = state
        return condition(carry).any() & (number < thresholds.LOOP_STEPS)

    def once(state: Any) -> Any:
        number, carry = state
        new = run(params["body_jaxpr"], [*of_body, *carry], _through)
        more = condition(carry)
        if more.ndim:  # a batch of loops, of which those that have ended wait for the others
            new = [_chosen(more, after, before) for after, before in zip(new, carry, strict=True)]
        return number + 1, new

    _, carry = jax.lax.while_loop(goes_on, once, (jnp.int32(0), carry))
    more = condition(carry)  # of those that have not ended
    return [_chosen(more, _nan(leaf), leaf) for leaf in carry]


def _chosen(more: Any, after: Any, before: Any) -> Any:
    return jnp.where(more.reshape(more.shape + (1,) * (after.ndim - more.ndim)), after, before)


def _nan(leaf: Any) -> Any:
    floating = jnp.issubdtype(leaf.dtype, jnp.floating)
    return jnp.full_like(leaf, jnp.nan) if floating else leaf
