"""What must hold of any backward pass, whatever its numbers."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.looks.points import PLAIN, Floats, argument_of, cotangent, points
from fnet.check.looks.steadiness import called
from fnet.check.looks.workbench import ROUNDING, Workbench
from fnet.check.report import Finding
from fnet.check.truth.arguments import in_numpy

TOLERANCE = 1e-9  # of the size of an array


def compiled_otherwise(bench: Workbench, dout: Any) -> Finding | None:
    """A finding where only what is compiled is wrong, or only what is not."""
    if not bench.subject.traceable:
        return None
    route = next(iter(bench.subject.routes))
    compiled, eager = bench.gradients(route, bench.start, dout), called(bench, dout)
    sizes = [1e6 * _size(array) for array in eager]  # 1e-3 of it: no rounding
    if not _differ(bench, compiled, eager, sizes):
        return None
    return Finding("structure", "jit", JIT)


JIT = "under jax.jit it gives other numbers: it looks at something that jit does not trace"


def untraced(error: Exception) -> Finding:
    """A finding of a backward pass that raises while it is traced, and not before."""
    words = str(error).splitlines()[0]
    return Finding(
        "structure",
        "jit",
        f"under jax.jit its backward pass raises {type(error).__name__}: {words} Compute with "
        "jax.numpy, and choose by jnp.where",
    )


def laws(bench: Workbench, dout: Any, quick: bool = False) -> Iterator[Finding]:
    """The laws of a gradient whose numbers are right at one call; if quick, linearity alone."""
    route = next(iter(bench.subject.routes))
    first = bench.gradients(route, bench.start, dout)
    rng = _drawing()
    other = cotangent(bench.out, lambda shape: rng.normal(size=shape))
    others = bench.gradients(route, bench.start, other)
    sizes = [
        # Some hundred units in the last place of what is natural count as nothing.
        max(_size(a), _size(b)) + 1e-4 * natural
        for a, b, natural in zip(first, others, bench.natural(bench.start, dout), strict=True)
    ]
    found = list(_laws(bench, dout, other, first, others, sizes, quick))
    if found:
        moves = bench.moves(route, bench.start, dout)
        wide = [size + ROUNDING * m / TOLERANCE for size, m in zip(sizes, moves, strict=True)]
        found = list(_laws(bench, dout, other, first, others, wide, quick))
    yield from found


def _laws(
    bench: Workbench,
    dout: Any,
    other: Any,
    first: list[np.ndarray],
    others: list[np.ndarray],
    sizes: list[float],
    quick: bool,
) -> Iterator[Finding]:
    """What does not hold, of numbers of these sizes."""
    route = next(iter(bench.subject.routes))
    if bench.subject.linear:
        mixed = jax.tree.map(lambda a, b: 2 * a - b, dout, other)
        found = bench.gradients(route, bench.start, mixed)
        apart = [2 * a - b for a, b in zip(first, others, strict=True)]
        if _differ(bench, found, apart, sizes):
            yield Finding(
                "structure",
                "not linear",
                "it is not linear in dout: the gradient at 2a − b is not 2 × that at a less that "
                "at b; the chain rule multiplies dout by a derivative, and by nothing else",
            )
    if quick:
        return
    yield from _values(bench)
    if bench.subject.traceable:
        yield from _transformed(bench, dout, first, sizes)
    yield from _rows(bench, dout, first, sizes)


def _values(bench: Workbench) -> Iterator[Finding]:
    for how, function in bench.subject.values.items():
        asked = functools.partial(_asked, bench, how, function)
        for where, floats in ((PLAIN, bench.start), *points(bench.form, bench.start, _drawing())):
            try:
                expected = [in_numpy(leaf) for leaf in jax.tree.leaves(bench.output(floats))]
                other = jax.tree.leaves(asked(floats))
            except Exception:
                if where == PLAIN:
                    raise
                continue  # a function need not take every input
            found = [in_numpy(leaf) for leaf in other]
            words = _another(bench, found, expected)
            if words:
                words = f"{how} gives another output than the function: {words} ({where})"
                yield Finding("structure", "another value", words)
                break


def _asked(bench: Workbench, how: str, function: Callable[..., Any], floats: Floats) -> Any:
    if bench.subject.traceable:
        return bench.programs[f"out by {how}"](bench.inputs(floats))
    return function(*bench.arguments(floats))


def _another(bench: Workbench, found: list[np.ndarray], expected: list[np.ndarray]) -> str:
    """How outputs differ; empty where they do not."""
    shapes = [[array.shape for array in arrays] for arrays in (found, expected)]
    if shapes[0] != shapes[1]:
        return f"arrays of {shapes[0]}, and not of {shapes[1]}"
    for a, b in zip(found, expected, strict=True):
        if np.issubdtype(a.dtype, np.number) and _differ(bench, [a], [b], [_size(b)]):
            with np.errstate(all="ignore"):
                away = np.nan_to_num(np.abs(np.asarray(a, float) - b), nan=np.inf)
            index = tuple(int(i) for i in np.unravel_index(away.argmax(), away.shape))
            at = f" at {list(index)}" if index else ""
            return f"{a[index]:.9g}, and not {b[index]:.9g},{at}"
    return ""


def _drawing() -> np.random.Generator:
    return np.random.default_rng(1)


def _transformed(
    bench: Workbench, dout: Any, compiled: list[np.ndarray], sizes: list[float]
) -> Iterator[Finding]:
    if _differ(bench, compiled, called(bench, dout), sizes):
        yield Finding("structure", "jit", JIT)
    twice = [np.stack([array, 1.5 * array]) for array in bench.start]
    try:
        mapped = bench.programs["vmap"](bench.inputs(twice), dout)
    except NotImplementedError:
        return  # a primitive without a rule for batches is no mistake of the gradient's
    route = next(iter(bench.subject.routes))
    looped = [
        bench.gradients(route, tuple(array[row] for array in twice), dout) for row in range(2)
    ]
    stacked = [np.stack([a, b]) for a, b in zip(*looped, strict=True)]
    # At another point the gradient is of another size, maybe.
    sizes = [max(size, _size(array)) for size, array in zip(sizes, stacked, strict=True)]
    if _differ(bench, [np.asarray(leaf) for leaf in mapped], stacked, sizes):
        yield Finding("structure", "vmap", "under jax.vmap it gives other numbers than in a loop")


def _rows(
    bench: Workbench, dout: Any, whole: list[np.ndarray], sizes: list[float]
) -> Iterator[Finding]:
    def is_of_rows(name: str) -> bool:
        return argument_of(name) in bench.subject.rows

    places = [place for place, name in enumerate(bench.form.names) if is_of_rows(name)]
    if not places or len(bench.start[places[0]]) < 2:
        return
    row = slice(1, 2)
    floats = tuple(a[row] if place in places else a for place, a in enumerate(bench.start))
    named = zip(bench.others_called, bench.others, strict=True)
    others = tuple(a[row] if is_of_rows(name) else a for name, a in named)
    one = jax.tree.map(lambda d: d[row], dout)
    found = bench.gradients(next(iter(bench.subject.routes)), floats, one, others)
    for place in places:
        if _differ(bench, [found[place]], [whole[place][row]], [sizes[place]]):
            words = "an example's gradient changes with the other examples of the batch"
            yield Finding("structure", "rows", words, f"d{bench.form.names[place]}")


def _size(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0, where=np.isfinite(array)))


def _differ(
    bench: Workbench, found: list[np.ndarray], expected: list[np.ndarray], sizes: list[float]
) -> bool:
    """Whether any array is off by more than rounding, of numbers of these sizes."""
    tolerance = max(TOLERANCE, 100 * bench.epsilon)
    for a, b, size in zip(found, expected, sizes, strict=True):
        with np.errstate(all="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance * size)
        if not np.all(same):
            return True
    return False
