"""Wrong derivatives of operations: masks, products, sums, and moved entries.

A mistake is represented by a function whose correct derivative is the wrong one: inverting the mask
of a relu means differentiating min(x, 0) instead.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check.mistakes import masks, orders, windows
from fnet.check.mistakes.formulas import SMOOTH, Mistake, done, exchanged, of_smooth
from fnet.check.mistakes.masks import INVERTED
from fnet.check.truth.plain import Step

UNMASKED = "the mask is missing: everything passes"


def mistakes(step: Step, masked: Sequence[int] = ()) -> Iterator[Mistake]:
    """Common mistakes in differentiating this operation, some operands of which are masks."""
    name, out = step.eqn.primitive.name, step.eqn.outvars[0].aval
    operands = step.operands()
    if not operands or not jnp.issubdtype(getattr(out, "dtype", jnp.int32), jnp.floating):
        return
    for mask in masked:
        yield from masks.of_mask(step, mask)
    if name in SMOOTH:
        yield from of_smooth(step, operands[0])
    if name in OTHERS:
        yield from OTHERS[name](step, operands)


def _larger(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """Of two arrays."""
    other = jnp.minimum if step.eqn.primitive.name == "max" else jnp.maximum
    yield Mistake("mask inverted", INVERTED, tuple(operands), other)
    for operand in operands:
        yield _alone("derivative missing", UNMASKED, operand)


def _chosen(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if len(step.eqn.invars) == 3:
        yield Mistake(
            "mask inverted",
            INVERTED,
            tuple(operands),
            lambda which, one, two: jax.lax.select_n(which, two, one),
        )
    for operand in operands:
        yield _alone("derivative missing", UNMASKED, operand)


def _alone(kind: str, words: str, operand: int) -> Mistake:
    """The incoming gradient is passed to this operand unchanged."""
    return Mistake(kind, words, (operand,), lambda *values: values[operand])


def _largest(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """Along axes of one array."""
    axes = step.eqn.params["axes"]
    yield Mistake(
        "mask inverted",
        "the mask is inverted: all entries except the selected one get the gradient",
        (0,),
        lambda x: x.sum(axes) - done(step, x),
    )
    words = "every entry gets the whole gradient, and only the selected one must"
    yield Mistake("derivative missing", words, (0,), lambda x: x.sum(axes))
    words = "every entry gets a share of the gradient; all of it belongs to the selected one"
    yield Mistake("derivative missing", words, (0,), lambda x: x.mean(axes))
    words = "each of several equal entries gets the whole gradient, and they must share it"
    yield Mistake("ties", words, (0,), lambda x: _of_equals(x, done(step, x), axes))
    largest = step.eqn.primitive.name == "reduce_max"
    names = ("smallest", "largest") if largest else ("largest", "smallest")
    words = f"the {names[0]} entry gets the gradient of the {names[1]}: min for max, or the reverse"
    yield Mistake("mask inverted", words, (0,), lambda x: (x.min if largest else x.max)(axes))


def _of_equals(x: Any, found: Any, axes: tuple[int, ...]) -> Any:
    return jnp.where(x == jnp.expand_dims(found, axes), x, jnp.zeros_like(x)).sum(axes)


def _times(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if len(step.eqn.invars) < 2 or _shape(step, 0) != _shape(step, 1):
        return
    for operand in operands:
        yield _alone("factor missing", f"operand {2 - operand} is not multiplied in", operand)
        words = f"operand {2 - operand} is multiplied in twice"
        yield Mistake(
            "factor extra",
            words,
            (operand,),
            lambda *values, at=operand: values[at] * values[1 - at] ** 2,
        )


def _over(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if 0 in operands and _shape(step, 0) == step.eqn.outvars[0].aval.shape:
        yield _alone("factor missing", "it is not divided", 0)
    if 1 in operands:
        words = "the divisor must be squared: d(a/b) = −a/b² db"
        yield Mistake("derivative", words, (1,), lambda a, b: -a * jnp.log(jnp.abs(b)))


def _product(step: Step, operands: list[int]) -> Iterator[Mistake]:
    def other_turned(operand: int, *values: Any) -> Any:
        turned = values[1 - operand].swapaxes(-1, -2)
        return done(step, *exchanged(values, 1 - operand, turned))

    out = step.eqn.outvars[0].aval.shape
    for operand in operands:
        other = f"operand {2 - operand}"
        if _is_square(_shape(step, 1 - operand)):
            words = f"{other} must be transposed, or must not be"
            instead = functools.partial(other_turned, operand)
            yield Mistake("transposed", words, (operand,), instead)
        if out == _shape(step, operand):
            yield _alone("factor missing", f"{other} is not multiplied in", operand)


def _looked_up(step: Step, operands: list[int]) -> Iterator[Mistake]:
    def once(table: Any, indices: Any) -> Any:
        numbers = jnp.arange(table.size, dtype=float).reshape(table.shape)
        found = done(step, numbers, indices).astype(int).ravel()
        order = jnp.arange(found.size)
        last = jnp.full(table.size, -1).at[found].max(order)
        counted = (last[found] == order).reshape(step.eqn.outvars[0].aval.shape)
        right = done(step, table, indices)
        return jnp.where(counted, right, jnp.zeros_like(right))

    if 0 in operands:
        words = "a repeated index counts once: are its contributions set and not added?"
        yield Mistake("not summed", words, (0,), once)


OTHERS: dict[str, Callable[[Step, list[int]], Iterator[Mistake]]] = {
    "max": _larger,
    "min": _larger,
    "select_n": _chosen,
    "reduce_max": _largest,
    "reduce_min": _largest,
    "mul": _times,
    "div": _over,
    "dot_general": _product,
    "gather": _looked_up,
    "conv_general_dilated": windows.convolved,
    "pad": windows.padded,
    "transpose": orders.transposed,
    "reshape": orders.reshaped,
}


def _shape(step: Step, operand: int) -> tuple[int, ...]:
    return tuple(step.eqn.invars[operand].aval.shape)


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-1] == shape[-2] > 1
