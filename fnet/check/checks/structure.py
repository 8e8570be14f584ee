"""Laws of every backward pass: linearity, jit, vmap, rows."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.determinism import called
from fnet.check.checks.evaluator import ones
from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.points import NEAR_BY, PLAIN, Floats, cotangent, points
from fnet.check.checks.probe import Probe
from fnet.check.report import Finding
from fnet.check.truth.arguments import in_numpy, is_float
from fnet.check.truth.domain import argument_of


def compiled_otherwise(probe: Probe, dout: Any) -> Finding | None:
    """A finding if compiled and uncompiled code disagree by far."""
    if not probe.subject.traceable or probe.subject.staged:
        return None
    route = next(iter(probe.subject.routes))
    compiled, eager = probe.gradients(route, probe.start, dout), called(probe, dout)
    sizes = [thresholds.LAW_FAR * _size(array) for array in eager]
    if not _differ(probe, compiled, eager, sizes):
        return None
    return Finding("structure", "jit", JIT)


JIT = "under jax.jit it returns different numbers: it depends on something that jit does not trace"


def untraced(error: Exception) -> Finding:
    """The finding for a backward pass that raises only while it is traced."""
    words = (str(error).splitlines() or [""])[0]
    return Finding(
        "structure",
        "jit",
        f"under jax.jit its backward pass raises {type(error).__name__}: {words} Compute with "
        "jax.numpy, and choose by jnp.where",
    )


def laws(probe: Probe, dout: Any, quick: bool = False) -> Iterator[Finding]:
    """The laws, for a gradient that is right in single calls; if quick, linearity alone."""
    route = next(iter(probe.subject.routes))
    first = probe.gradients(route, probe.start, dout)
    rng = _drawing()
    other = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    others = probe.gradients(route, probe.start, other)
    sizes = [
        max(_size(a), _size(b)) + thresholds.LAW_NATURAL * natural
        for a, b, natural in zip(first, others, probe.natural(probe.start, dout), strict=True)
    ]
    found = list(_laws(probe, dout, other, first, others, sizes, quick))
    if found:
        moves = probe.moves(route, probe.start, dout)
        units = thresholds.ROUNDING / thresholds.LAW_RTOL
        wide = [size + units * moved for size, moved in zip(sizes, moves, strict=True)]
        found = list(_laws(probe, dout, other, first, others, wide, quick))
    yield from found


def _laws(
    probe: Probe,
    dout: Any,
    other: Any,
    first: list[np.ndarray],
    others: list[np.ndarray],
    sizes: list[float],
    quick: bool,
) -> Iterator[Finding]:
    """The laws that fail, for gradients of these sizes."""
    route = next(iter(probe.subject.routes))
    if probe.subject.linear:
        mixed = jax.tree.map(lambda a, b: 2 * a - b, dout, other)
        found = probe.gradients(route, probe.start, mixed)
        apart = [2 * a - b for a, b in zip(first, others, strict=True)]
        # An infinite derivative has no multiples to compare.
        found = [np.where(np.isfinite(b), a, b) for a, b in zip(found, apart, strict=True)]
        if _differ(probe, found, apart, sizes):
            yield Finding(
                "structure",
                "not linear",
                "it is not linear in dout: the gradient for 2a − b is not twice that for a minus "
                "that for b; the chain rule multiplies dout by a derivative and by nothing else",
            )
    if quick:
        return
    yield from _values(probe)
    if probe.subject.traceable and not probe.subject.staged:  # else JAX itself answers for it
        yield from _transformed(probe, dout, first, sizes)
    yield from _rows(probe, dout, first, sizes)


def _values(probe: Probe) -> Iterator[Finding]:
    for how, function in probe.subject.values.items():
        compute = functools.partial(_value, probe, how, function)
        for where, floats in _where(probe):
            try:
                expected = [in_numpy(leaf) for leaf in jax.tree.leaves(probe.output(floats))]
                other = jax.tree.leaves(compute(floats))
            except Exception:
                if where == PLAIN:
                    raise
                continue  # the function may reject an input
            if where != PLAIN and not all(np.isfinite(a).all() for a in expected if is_float(a)):
                continue
            found = [in_numpy(leaf) for leaf in other]
            words = _another(probe, found, expected)
            if words and (where == PLAIN or _is_determined(probe, floats)):
                words = f"{how} returns a different output than the function: {words} ({where})"
                point = dict(zip(probe.form.names, floats, strict=True)) if where != PLAIN else None
                yield Finding("structure", "another value", words, where=where, point=point)
                break


def _is_determined(probe: Probe, floats: Floats) -> bool:
    """Whether the output is more than rounding: the determinant of a singular matrix is not."""
    size, moved = probe.noise(floats, ones(probe.out))
    return moved <= thresholds.UNDETERMINED * size


def _where(probe: Probe) -> Iterator[tuple[str, Floats]]:
    yield PLAIN, probe.start
    moved = neighbour(probe, _drawing())
    if moved is not None:
        yield NEAR_BY, moved
    yield from points(probe.form, probe.start, probe.domains)


def _value(probe: Probe, how: str, function: Callable[..., Any], floats: Floats) -> Any:
    if probe.combined:
        return probe.answers(floats)[3][how]
    if probe.subject.traceable:
        return probe.programs[f"out by {how}"](probe.inputs(floats))
    return function(*probe.arguments(floats))


def _another(probe: Probe, found: list[np.ndarray], expected: list[np.ndarray]) -> str:
    """How outputs differ; empty where they do not."""
    shapes = [[array.shape for array in arrays] for arrays in (found, expected)]
    if shapes[0] != shapes[1]:
        return f"arrays of {shapes[0]}, and not of {shapes[1]}"
    for a, b in zip(found, expected, strict=True):
        if np.issubdtype(a.dtype, np.number) and _differ(probe, [a], [b], [_size(b)]):
            with np.errstate(all="ignore"):
                away = np.nan_to_num(np.abs(np.asarray(a, float) - b), nan=np.inf)
            index = tuple(int(i) for i in np.unravel_index(away.argmax(), away.shape))
            at = f" at {list(index)}" if index else ""
            return f"{a[index]:.9g}, and not {b[index]:.9g},{at}"
    return ""


def _drawing() -> np.random.Generator:
    return np.random.default_rng(1)


def _transformed(
    probe: Probe, dout: Any, compiled: list[np.ndarray], sizes: list[float]
) -> Iterator[Finding]:
    if _differ(probe, compiled, called(probe, dout), sizes):
        yield Finding("structure", "jit", JIT)
    twice = [np.stack([array, thresholds.LAW_SECOND * array]) for array in probe.start]
    try:
        mapped = probe.programs["vmap"](probe.inputs(twice), dout)
    except NotImplementedError:
        return  # a primitive without a batching rule is not a mistake of the gradient
    route = next(iter(probe.subject.routes))
    looped = [
        probe.gradients(route, tuple(array[row] for array in twice), dout) for row in range(2)
    ]
    stacked = [np.stack([a, b]) for a, b in zip(*looped, strict=True)]
    # At the second point the gradient may have another size.
    sizes = [max(size, _size(array)) for size, array in zip(sizes, stacked, strict=True)]
    if _differ(probe, [np.asarray(leaf) for leaf in mapped], stacked, sizes):
        yield Finding(
            "structure", "vmap", "under jax.vmap it returns different numbers than in a loop"
        )


def _rows(
    probe: Probe, dout: Any, whole: list[np.ndarray], sizes: list[float]
) -> Iterator[Finding]:
    def is_of_rows(name: str) -> bool:
        return argument_of(name) in probe.subject.rows

    places = [place for place, name in enumerate(probe.form.names) if is_of_rows(name)]
    if not places or len(probe.start[places[0]]) < 2:
        return
    row = slice(1, 2)
    floats = tuple(a[row] if place in places else a for place, a in enumerate(probe.start))
    named = zip(probe.others_called, probe.others, strict=True)
    others = tuple(a[row] if is_of_rows(name) else a for name, a in named)
    one = jax.tree.map(lambda d: d[row], dout)
    found = probe.gradients(next(iter(probe.subject.routes)), floats, one, others)
    for place in places:
        if _differ(probe, [found[place]], [whole[place][row]], [sizes[place]]):
            words = "an example's gradient depends on the other examples of the batch"
            yield Finding("structure", "rows", words, f"d{probe.form.names[place]}")


def _size(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0, where=np.isfinite(array)))


def _differ(
    probe: Probe, found: list[np.ndarray], expected: list[np.ndarray], sizes: list[float]
) -> bool:
    """Whether any array is off by more than rounding error, for numbers of these sizes."""
    tolerance = max(thresholds.LAW_RTOL, thresholds.LAW_EPSILONS * probe.epsilon)
    for a, b, size in zip(found, expected, sizes, strict=True):
        with np.errstate(all="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance * size)
        if not np.all(same):
            return True
    return False
