"""Wrong derivatives of operations: masks, products, sums, and moved entries.

A mistake is represented by a function whose correct derivative is the wrong one: inverting the mask
of a relu means differentiating min(x, 0) instead.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check.mistakes.formulas import SMOOTH, Mistake, done, exchanged, of_smooth
from fnet.check.truth.plain import Step

INVERTED = "the mask is inverted: it passes what must be blocked, and the reverse"
UNMASKED = "the mask is missing: everything passes"


def mistakes(step: Step) -> Iterator[Mistake]:
    """Common mistakes in differentiating this operation."""
    name, out = step.eqn.primitive.name, step.eqn.outvars[0].aval
    operands = step.operands()
    if not operands or not jnp.issubdtype(getattr(out, "dtype", jnp.int32), jnp.floating):
        return
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
        words = "it is multiplied by what it must be divided by"
        yield Mistake("factor extra", words, (0,), lambda a, b: a * b)
    if 1 in operands:
        words = "the divisor must be squared: d(a/b) = −a/b² db"
        yield Mistake("derivative", words, (1,), lambda a, b: -a * jnp.log(jnp.abs(b)))
        words = "the dividend is missing: d(a/b) = −a/b² db"
        yield Mistake("factor missing", words, (1,), lambda a, b: jnp.ones_like(a) / b)


def _product(step: Step, operands: list[int]) -> Iterator[Mistake]:
    def other_turned(operand: int, *values: Any) -> Any:
        turned = values[1 - operand].swapaxes(-1, -2)
        return done(step, *exchanged(values, 1 - operand, turned))

    def above_turned(*values: Any) -> Any:
        return done(step, *values).swapaxes(-1, -2)

    out = step.eqn.outvars[0].aval.shape
    for operand in operands:
        other = f"operand {2 - operand}"
        if _is_square(_shape(step, 1 - operand)):
            words = f"{other} must be transposed, or must not be"
            instead = functools.partial(other_turned, operand)
            yield Mistake("transposed", words, (operand,), instead)
        if _is_square(out):
            words = "the incoming gradient must be transposed, or must not be"
            yield Mistake("transposed", words, (operand,), above_turned)
        if out == _shape(step, operand):
            yield _alone("factor missing", f"{other} is not multiplied in", operand)


def _summed(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """The gradient is broadcast over another axis of the same size."""

    def spread(one: int, other: int, x: Any) -> Any:
        return done(step, x.swapaxes(one, other))

    shape = _shape(step, 0)
    for one, other in _pairs(shape, step.eqn.params["axes"]):
        yield _over_another_axis(
            "broadcast", shape, other, one, functools.partial(spread, one, other)
        )


def _spread(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """The gradient is summed over another axis of the same size."""

    def summed(one: int, other: int, *values: Any) -> Any:
        return done(step, *values).swapaxes(one, other)

    shape, kept = step.eqn.outvars[0].aval.shape, step.eqn.params["broadcast_dimensions"]
    if _shape(step, 0) == tuple(shape[axis] for axis in kept):
        for one, other in _pairs(shape, kept):
            instead = functools.partial(summed, one, other)
            yield _over_another_axis("summed", shape, one, other, instead)


def _over_another_axis(
    what: str, shape: tuple[int, ...], wrong: int, right: int, instead: Callable[..., Any]
) -> Mistake:
    words = f"it is {what} over axis {wrong} of {shape}, and must be over axis {right}"
    return Mistake("wrong axis", words, (0,), instead)


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
        words = "a repeated index counts once: add its contributions instead of setting them"
        yield Mistake("not summed", words, (0,), once)


def _reversed(step: Step, operands: list[int]) -> Iterator[Mistake]:
    words = "it runs in the wrong direction: backward, a cumulative sum starts at the other end"
    other = {**step.eqn.params, "reverse": not step.eqn.params["reverse"]}
    yield Mistake("shifted", words, (0,), lambda x: step.eqn.primitive.bind(x, **other))


def _convolved(step: Step, operands: list[int]) -> Iterator[Mistake]:
    axes = step.eqn.params["dimension_numbers"].rhs_spec[2:]

    def flipped(one: Any, kernel: Any) -> Any:
        return done(step, one, jnp.flip(kernel, axes))

    words = "the kernel is reversed: in the backward pass it is flipped"
    for operand in operands:
        yield Mistake("shifted", words, (operand,), flipped)


def _moved(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if _shape(step, 0) == step.eqn.outvars[0].aval.shape:
        words = "it is passed on unchanged, and its entries must be moved back"
        yield _alone("shifted", words, 0)


def _cut_out(step: Step, operands: list[int]) -> Iterator[Mistake]:
    for axis, size in enumerate(_shape(step, 0)):
        if size > step.eqn.outvars[0].aval.shape[axis]:
            for shift in (1, -1):
                yield Mistake(
                    "shifted",
                    f"off by one along axis {axis}",
                    (0,),
                    lambda x, shift=shift, axis=axis: done(step, jnp.roll(x, shift, axis)),
                )


OTHERS: dict[str, Callable[[Step, list[int]], Iterator[Mistake]]] = {
    "max": _larger,
    "min": _larger,
    "select_n": _chosen,
    "reduce_max": _largest,
    "reduce_min": _largest,
    "mul": _times,
    "div": _over,
    "dot_general": _product,
    "reduce_sum": _summed,
    "broadcast_in_dim": _spread,
    "gather": _looked_up,
    "cumsum": _reversed,
    "conv_general_dilated": _convolved,
    "rev": _moved,
    "transpose": _moved,
    "slice": _cut_out,
}


def _shape(step: Step, operand: int) -> tuple[int, ...]:
    return tuple(step.eqn.invars[operand].aval.shape)


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-1] == shape[-2] > 1


def _pairs(shape: tuple[int, ...], axes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Pairs of one of these axes and another axis of the same size."""
    others = [axis for axis in range(len(shape)) if axis not in axes]
    for one, other in itertools.product(axes, others):
        if shape[one] == shape[other] > 1:
            yield one, other
