"""Wrong windows: a stride forgotten, padding cut off at the wrong end, kernels and channels turned.

Where both passes of a convolution go wrong in the same way, it is another function: its value is
exchanged, and not its derivative alone. A convolution is linear in each operand, so that this is
the gradient with the mistake.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from fnet.check.mistakes.formulas import Mistake, done, named_axes
from fnet.check.truth.plain import Step, bound

VALUE: tuple[int, ...] = ()  # in place of operands: the value itself is another


def convolved(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """By lax.conv_general_dilated."""
    params, out = step.eqn.params, step.eqn.outvars[0].aval.shape
    numbers, spatial = params["dimension_numbers"], len(params["padding"])
    for name, words in (
        ("window_strides", "the stride is forgotten: window k begins at k"),
        ("lhs_dilation", "the dilation of the input is forgotten"),
        ("rhs_dilation", "the dilation of the kernel is forgotten"),
    ):
        if any(size > 1 for size in params[name]):
            other = functools.partial(_with, step, out, **{name: (1,) * spatial})
            yield Mistake("stride", words, VALUE, other)
    kernel = numbers.rhs_spec  # channels out, in, and the axes along which it moves
    flip = functools.partial(jnp.flip, axis=kernel[2:])
    for operand in operands:
        words = "the kernel is not flipped, or must not be"
        yield Mistake("flipped", words, (operand,), lambda x, w: done(step, x, flip(w)))
    to, of = (step.eqn.invars[1].aval.shape[axis] for axis in kernel[:2])
    if to == of and 0 in operands:
        words = "the channels of the kernel, in and out, are not exchanged, or must not be"
        exchange = functools.partial(jnp.swapaxes, axis1=kernel[0], axis2=kernel[1])
        yield Mistake("transposed", words, (0,), lambda x, w: done(step, x, exchange(w)))
    for by in (1, -1):
        moved = tuple((low + by, high - by) for low, high in params["padding"])
        words = "the padding is off by one"
        yield Mistake("shifted", words, VALUE, functools.partial(_with, step, out, padding=moved))


def _with(step: Step, shape: tuple[int, ...], *values: Any, **params: Any) -> Any:
    """Its first entries with other parameters."""
    found = step.eqn.primitive.bind(*values, **(step.eqn.params | params))
    return _fitted(found, shape)


def _fitted(array: Any, shape: tuple[int, ...]) -> Any:
    """The first entries, zeros following where there are too few."""
    more = [(0, max(0, size - had)) for size, had in zip(shape, array.shape, strict=True)]
    return jnp.pad(array, more)[tuple(slice(0, size) for size in shape)]


def padded(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """By lax.pad, whose gradient is cut out of a larger one."""
    config = step.eqn.params["padding_config"]
    axes = [axis for axis, (low, high, _) in enumerate(config) if low > 0 or high > 0]
    groups = [axes, *([axis] for axis in axes if len(axes) > 1)]
    for group in groups if 0 in operands else ():
        for by in (1, -1):
            moved = _moved(config, dict.fromkeys(group, (by, -by)))
            words = f"the padding is cut off by one at the wrong place along {named_axes(group)}"
            yield Mistake("shifted", words, (0,), functools.partial(_padded, moved))
        turned = {axis: (config[axis][1] - config[axis][0],) for axis in group}
        if any(by for (by,) in turned.values()):
            other = _moved(config, {axis: (by, -by) for axis, (by,) in turned.items()})
            words = f"the padding is cut off at the wrong end along {named_axes(group)}"
            yield Mistake("shifted", words, (0,), functools.partial(_padded, other))


def _padded(config: Any, x: Any, value: Any) -> Any:
    return jax.lax.pad(x, value, config)


def _moved(config: Any, by: dict[int, tuple[int, int]]) -> list[tuple[int, int, int]]:
    return [
        (low + by.get(axis, (0, 0))[0], high + by.get(axis, (0, 0))[1], inner)
        for axis, (low, high, inner) in enumerate(config)
    ]


def strided(found: list[Step]) -> Iterator[list[Mistake]]:
    """The slices of one line of a loop: of each, the one that stands there without the stride."""
    if found[0].eqn.primitive.name != "slice" or len(found) < 2:
        return
    starts = [step.eqn.params["start_indices"] for step in found]
    least = [min(at) for at in zip(*starts, strict=True)]
    strides = [
        math.gcd(*(start[axis] - first for start in starts)) or 1
        for axis, first in enumerate(least)
    ]
    long = [axis for axis, stride in enumerate(strides) if stride > 1]
    for axes in [long, *([axis] for axis in long if len(long) > 1)] if long else ():
        words = f"the stride is forgotten along {named_axes(axes)}: window k begins at k, "
        words += f"and not at {strides[axes[0]]} k"
        for operands in ((0,), VALUE):
            yield [
                Mistake(
                    "stride", words, operands, functools.partial(_there, step, least, strides, axes)
                )
                for step in found
            ]


def _there(step: Step, least: Any, strides: Any, axes: Any, x: Any) -> Any:
    start, end = step.eqn.params["start_indices"], step.eqn.params["limit_indices"]
    back = [
        (begin - least[axis]) * (strides[axis] - 1) // strides[axis] if axis in axes else 0
        for axis, begin in enumerate(start)
    ]
    at = [slice(a - by, b - by) for a, b, by in zip(start, end, back, strict=True)]
    return x[tuple(at)]


def overwritten(found: list[Step]) -> Iterator[list[Mistake]]:
    """The slices of one line of a loop: what later ones cover is set anew, and not added to."""
    if found[0].eqn.primitive.name != "slice" or len(found) < 2:
        return
    for words, later in (("the last", found), ("the first", found[::-1])):
        said = f"gradients of windows that overlap are set, and not added: {words} one is left"
        yield [
            Mistake("not summed", said, (0,), functools.partial(_uncovered, step, later))
            for step in found
        ]


def _uncovered(step: Step, order: list[Step], x: Any) -> Any:
    after = order[next(n for n, other in enumerate(order) if other is step) + 1 :]
    kept = jnp.ones(x.shape, x.dtype)
    for other in after:
        params = other.eqn.params
        ends = zip(params["start_indices"], params["limit_indices"], strict=True)
        kept = kept.at[tuple(slice(*each) for each in ends)].set(0)
    return bound(step, [x * kept])[0]
