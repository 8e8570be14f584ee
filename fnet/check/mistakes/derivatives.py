"""How operations are differentiated wrongly: of each, what people take for its derivative.

A mistake is told as a function whose right derivative is the wrong one: whoever takes the mask of a
relu for its opposite differentiates min(x, 0) instead.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnet.check.plain import Step, bound

Function = Callable[..., Any]


class Mistake(NamedTuple):
    """The kind, a sentence, and what is differentiated instead, by these operands alone."""

    kind: str
    words: str
    operands: tuple[int, ...]
    instead: Function  # of all operands


FORMULAS: dict[str, tuple[tuple[str, str, Function], ...]] = {  # wrong ones, of x and y
    "tanh": (
        ("derivative", "1 − y stands where 1 − y² must", lambda x, y: 1 - y),
        ("evaluated at the input", "1 − x² stands where 1 − y² must", lambda x, y: 1 - x**2),
        ("derivative", "y (1 − y), that of the sigmoid, stands there", lambda x, y: y * (1 - y)),
        ("derivative", "y² stands where 1 − y² must", lambda x, y: y**2),
    ),
    "logistic": (
        ("factor missing", "y stands where y (1 − y) must", lambda x, y: y),
        ("factor missing", "1 − y stands where y (1 − y) must", lambda x, y: 1 - y),
        ("evaluated at the input", "x (1 − x) stands where y (1 − y) must", lambda x, y: x - x**2),
        ("derivative", "1 − y², that of tanh, stands there", lambda x, y: 1 - y**2),
        ("derivative", "y (1 + y) stands where y (1 − y) must", lambda x, y: y * (1 + y)),
    ),
    "exp": (("evaluated at the input", "x stands where exp(x) must", lambda x, y: x),),
    "log": (
        ("derivative", "x stands where 1/x must", lambda x, y: x),
        ("evaluated at the output", "1/log(x) stands where 1/x must", lambda x, y: 1 / y),
    ),
    "log1p": (("derivative", "1/x stands where 1/(1 + x) must", lambda x, y: 1 / x),),
    "sin": (("derivative", "sin stands where cos must", lambda x, y: y),),
    "cos": (("derivative", "cos stands where −sin must", lambda x, y: y),),
    "sqrt": (
        ("evaluated at the input", "1/(2x) stands where 1/(2√x) must", lambda x, y: 0.5 / x),
        ("derivative", "√x/2 stands where 1/(2√x) must", lambda x, y: 0.5 * y),
    ),
    "rsqrt": (
        ("derivative", "−1/(2√x) stands where −1/(2√x³) must", lambda x, y: -0.5 * y),
        ("derivative", "−1/(2x) stands where −1/(2√x³) must", lambda x, y: -0.5 * y**2),
    ),
}
SMOOTH = {
    *("tanh", "logistic", "exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "cbrt"),
    *("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
    *("erf", "erfc", "square", "integer_pow", "abs", "clamp"),
}


def mistakes(step: Step) -> Iterator[Mistake]:
    """Those that people make in this operation."""
    name, out = step.eqn.primitive.name, step.eqn.outvars[0].aval
    operands = step.operands()
    if not operands or not jnp.issubdtype(getattr(out, "dtype", jnp.int32), jnp.floating):
        return
    if name in SMOOTH:
        yield from _smooth(step, operands[0])
    if name in OTHERS:
        yield from OTHERS[name](step, operands)


def _smooth(step: Step, operand: int) -> Iterator[Mistake]:
    def again(*values: Any) -> Any:
        x = values[operand]
        there = x + jax.lax.stop_gradient(_done(step, *values) - x)
        return _done(step, *_with(values, operand, there))

    def formula(wrong: Function, *values: Any) -> Any:
        slope = jax.lax.stop_gradient(wrong(values[operand], _done(step, *values)))
        return jnp.where(jnp.isfinite(slope), slope, jnp.zeros_like(slope)) * values[operand]

    name = step.eqn.primitive.name
    words = "its derivative is not multiplied in: what comes from above is handed on as it is"
    yield Mistake("derivative missing", words, (operand,), lambda *values: values[operand])
    if name not in ("clamp", "abs"):
        words = "its derivative is taken at its output, and must be at its input"
        yield Mistake("evaluated at the output", words, (operand,), again)
    for kind, told, wrong in FORMULAS.get(name, ()):
        yield Mistake(kind, told, (operand,), functools.partial(formula, wrong))
    if name in ("integer_pow", "square"):
        power = step.eqn.params.get("y", 2)
        kept = f"{power} x^{power} stands where {power} x^{power - 1} must"
        yield Mistake(
            "derivative",
            f"the exponent is not lowered: {kept}",
            (operand,),
            lambda *values: power / (power + 1) * values[operand] ** (power + 1),
        )


def _larger(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """Of two arrays."""
    other = jnp.minimum if step.eqn.primitive.name == "max" else jnp.maximum
    yield Mistake(
        "mask inverted",
        "the mask is inverted: it lets through what must be held back, and the reverse",
        tuple(operands),
        other,
    )
    for operand in operands:
        yield _unmasked(operand)


def _chosen(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if len(step.eqn.invars) == 3:
        yield Mistake(
            "mask inverted",
            "the mask is inverted: it lets through what must be held back, and the reverse",
            tuple(operands),
            lambda which, one, two: jax.lax.select_n(which, two, one),
        )
    for operand in operands:
        yield _unmasked(operand)


def _unmasked(operand: int) -> Mistake:
    words = "the mask is missing: everything is let through"
    return Mistake("derivative missing", words, (operand,), lambda *values: values[operand])


def _largest(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """Along axes of one array."""
    axes = step.eqn.params["axes"]
    yield Mistake(
        "mask inverted",
        "the mask is inverted: all entries but the one that was chosen get the gradient",
        (0,),
        lambda x: x.sum(axes) - _done(step, x),
    )
    words = "every entry gets the whole gradient, and must only where it was chosen"
    yield Mistake("derivative missing", words, (0,), lambda x: x.sum(axes))
    words = "every entry gets a share of the gradient; all of it belongs to the one that was chosen"
    yield Mistake("derivative missing", words, (0,), lambda x: x.mean(axes))


def _times(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if len(step.eqn.invars) < 2 or _shape(step, 0) != _shape(step, 1):
        return
    for operand in operands:
        words = f"operand {2 - operand} is not multiplied in"
        yield Mistake("factor missing", words, (operand,), lambda *values, at=operand: values[at])
        words = f"operand {2 - operand} is multiplied in twice"
        yield Mistake(
            "factor extra",
            words,
            (operand,),
            lambda *values, at=operand: values[at] * values[1 - at] ** 2,
        )


def _over(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if 0 in operands and _shape(step, 0) == step.eqn.outvars[0].aval.shape:
        yield Mistake("factor missing", "it is not divided", (0,), lambda a, b: a)
        words = "it is multiplied by what it must be divided by"
        yield Mistake("factor extra", words, (0,), lambda a, b: a * b)
    if 1 in operands:
        words = "the divisor is to be squared: d(a/b) = −a/b² db"
        yield Mistake("derivative", words, (1,), lambda a, b: -a * jnp.log(jnp.abs(b)))
        words = "the dividend is missing: d(a/b) = −a/b² db"
        yield Mistake("factor missing", words, (1,), lambda a, b: jnp.ones_like(a) / b)


def _product(step: Step, operands: list[int]) -> Iterator[Mistake]:
    for operand in operands:
        other = 1 - operand
        shape = _shape(step, other)
        if len(shape) > 1 and shape[-1] == shape[-2]:
            words = f"operand {other + 1} must be transposed, or must not be"
            yield Mistake(
                "transposed",
                words,
                (operand,),
                lambda *values, o=other: _done(step, *_with(values, o, values[o].swapaxes(-1, -2))),
            )
        shape = step.eqn.outvars[0].aval.shape
        if len(shape) > 1 and shape[-1] == shape[-2]:
            words = "what comes from above must be transposed, or must not be"
            turned = lambda *values: _done(step, *values).swapaxes(-1, -2)  # noqa: E731
            yield Mistake("transposed", words, (operand,), turned)
        if shape == _shape(step, operand):
            words = f"operand {other + 1} is not multiplied in"
            yield Mistake(
                "factor missing", words, (operand,), lambda *values, at=operand: values[at]
            )


def _summed(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """The gradient is spread over an axis: over another one of the same size."""
    shape, axes = _shape(step, 0), step.eqn.params["axes"]
    for one, other in _pairs(shape, axes):
        words = f"it is spread over axis {other} of {shape}, and must be over axis {one}"
        yield Mistake(
            "wrong axis",
            words,
            (0,),
            lambda x, one=one, other=other: _done(step, x.swapaxes(one, other)),
        )


def _spread(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """The gradient is summed over an axis: over another one of the same size."""
    shape, kept = step.eqn.outvars[0].aval.shape, step.eqn.params["broadcast_dimensions"]
    if _shape(step, 0) != tuple(shape[axis] for axis in kept):
        return
    for one, other in _pairs(shape, kept):
        words = f"it is summed over axis {one} of {shape}, and must be over axis {other}"
        yield Mistake(
            "wrong axis",
            words,
            (0,),
            lambda *values, one=one, other=other: _done(step, *values).swapaxes(one, other),
        )


def _looked_up(step: Step, operands: list[int]) -> Iterator[Mistake]:
    def once(table: Any, indices: Any) -> Any:
        numbers = jnp.arange(table.size, dtype=float).reshape(table.shape)
        found = _done(step, numbers, indices).astype(int).ravel()
        order = jnp.arange(found.size)
        last = jnp.full(table.size, -1).at[found].max(order)
        counted = (last[found] == order).reshape(step.eqn.outvars[0].aval.shape)
        right = _done(step, table, indices)
        return jnp.where(counted, right, jnp.zeros_like(right))

    if 0 in operands:
        words = "an index that stands there twice counts once: add what comes from each, do not set"
        yield Mistake("not summed", words, (0,), once)


def _reversed(step: Step, operands: list[int]) -> Iterator[Mistake]:
    words = "it runs in the wrong direction: backward, a running sum begins at the other end"
    other = {**step.eqn.params, "reverse": not step.eqn.params["reverse"]}
    yield Mistake("shifted", words, (0,), lambda x: step.eqn.primitive.bind(x, **other))


def _convolved(step: Step, operands: list[int]) -> Iterator[Mistake]:
    axes = step.eqn.params["dimension_numbers"].rhs_spec[2:]

    def flipped(one: Any, kernel: Any) -> Any:
        return _done(step, one, jnp.flip(kernel, axes))

    words = "the kernel is back to front: backward it is flipped against the forward pass"
    for operand in operands:
        yield Mistake("shifted", words, (operand,), flipped)


def _moved(step: Step, operands: list[int]) -> Iterator[Mistake]:
    if _shape(step, 0) == step.eqn.outvars[0].aval.shape:
        words = "it is handed on as it is, and must be brought back to where its entries came from"
        yield Mistake("shifted", words, (0,), lambda x: x)


def _cut_out(step: Step, operands: list[int]) -> Iterator[Mistake]:
    for axis, size in enumerate(_shape(step, 0)):
        if size > step.eqn.outvars[0].aval.shape[axis]:
            for shift in (1, -1):
                yield Mistake(
                    "shifted",
                    f"off by one along axis {axis}",
                    (0,),
                    lambda x, shift=shift, axis=axis: _done(step, jnp.roll(x, shift, axis)),
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


def _done(step: Step, *values: Any) -> Any:
    return bound(step, list(values))[0]


def _shape(step: Step, operand: int) -> tuple[int, ...]:
    return tuple(step.eqn.invars[operand].aval.shape)


def _with(values: Any, operand: int, value: Any) -> tuple[Any, ...]:
    return (*values[:operand], value, *values[operand + 1 :])


def _pairs(shape: tuple[int, ...], axes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """One of these axes and another that is not, both of one size."""
    others = [axis for axis in range(len(shape)) if axis not in axes]
    for one, other in itertools.product(axes, others):
        if shape[one] == shape[other] > 1:
            yield one, other
