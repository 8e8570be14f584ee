"""float32 and bfloat16: a gradient written by hand is as precise as autodiff's own, or nearly."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.looks.points import cotangent
from fnet.check.looks.workbench import Workbench
from fnet.check.report import Finding

WORSE = 8.0  # times autodiff's own error
UNITS = 16.0  # in the last place of the largest entry; times what rounded arguments do
ROUNDED = 8  # times the arguments are rounded
SHARES = 4093  # that arrays are off by, over again in a long one: drawn here, as XLA takes seconds
NEARBY, AROUND = 6, 2.0**-6  # points at which autodiff is asked again, and how far off they are


def narrow(bench: Workbench, rng: np.random.Generator) -> Iterator[Finding]:
    """Dtypes kept, and errors not much larger than autodiff's, in units in the last place."""
    if not bench.subject.traceable or not bench.autodiff:
        return
    dout = cotangent(bench.out, lambda shape: rng.normal(size=shape))
    route = next(iter(bench.subject.routes))
    for dtype in (jnp.float32, jnp.bfloat16):
        name = jnp.dtype(dtype).name
        floats = tuple(jnp.asarray(array, dtype) for array in bench.start)
        try:
            ours, theirs, given = bench.programs["both"](
                bench.inputs(floats, bench.others_in(dtype)), dout
            )
        except Exception:  # a function need not take every dtype
            continue
        point = tuple(np.asarray(array, np.float64) for array in floats)
        # What the forward pass makes wider, of data of its own, a gradient may have wider too.
        narrows = all(leaf.dtype == dtype for leaf in jax.tree.leaves(given))
        given = jax.tree.map(lambda d: np.asarray(d, np.float64), given)
        precise = bench.gradients(route, point, given, _others(bench, dtype))
        moves = _moves(bench, point, given, precise, dtype, rng)
        for place, leaf in enumerate(bench.form.names):
            if ours[place] is None:
                continue
            found = ours[place].dtype
            if found != dtype and narrows and (bench.subject.strict or found != jnp.float64):
                words = f"it is {found} where its argument is {name}"
                yield Finding("precision", "dtype", words, f"d{leaf}", name)
                return
            if found != dtype:
                continue
            compare = functools.partial(
                _compare, f"d{leaf}", name, ours[place], theirs[place], precise[place], moves[place]
            )
            if compare() and (finding := compare(_around(bench, floats, dout, place, rng))):
                yield finding
                return


def _others(bench: Workbench, dtype: Any) -> tuple[Any, ...]:
    """The constants in float64, the frozen parameters among them rounded to this dtype."""
    pairs = zip(bench.others_in(dtype), bench.frozen, strict=True)
    return tuple(other.astype(np.float64) if frozen else other for other, frozen in pairs)


def _around(
    bench: Workbench, floats: Any, dout: Any, place: int, rng: np.random.Generator
) -> float:
    """Autodiff's largest error, of the largest entry, near this point, where it may be lucky."""
    route, largest = next(iter(bench.subject.routes)), 0.0
    for _ in range(NEARBY):
        moved = [
            np.asarray(array, np.float64) * (1 + AROUND * rng.uniform(-1, 1, array.shape))
            for array in floats
        ]
        near = tuple(jnp.asarray(a, f.dtype) for a, f in zip(moved, floats, strict=True))
        dtype = floats[place].dtype
        _, theirs, given = bench.programs["both"](bench.inputs(near, bench.others_in(dtype)), dout)
        given = jax.tree.map(lambda d: np.asarray(d, np.float64), given)
        point = tuple(np.asarray(array, np.float64) for array in near)
        precise = bench.gradients(route, point, given, _others(bench, dtype))[place]
        with np.errstate(all="ignore"):
            size = float(np.abs(precise).max(initial=0))
            error = float(np.abs(np.asarray(theirs[place], np.float64) - precise).max(initial=0))
        if 0 < size < np.inf and np.isfinite(error):
            largest = max(largest, error / size)
    return largest


def _moves(
    bench: Workbench,
    point: Any,
    dout: Any,
    precise: list[np.ndarray],
    dtype: Any,
    rng: np.random.Generator,
) -> list[float]:
    """How far the gradient moves when arguments, dout and cache are rounded to this dtype.

    Whoever computes with rounded numbers cannot do better, were every operation exact.
    """

    moves, epsilon = [0.0] * len(precise), float(jnp.finfo(dtype).eps)
    inputs = bench.inputs(point, _others(bench, dtype))
    for _ in range(ROUNDED):
        shares = epsilon / 2 * rng.uniform(-1, 1, SHARES)
        found = bench.programs["rounded"](inputs, dout, shares)
        for place, (a, b) in enumerate(zip(map(np.asarray, found), precise, strict=True)):
            with np.errstate(all="ignore"):
                moved = np.nan_to_num(np.abs(a - b), posinf=0).max(initial=0)
            moves[place] = max(moves[place], float(moved))
    return moves


def _compare(
    leaf: str,
    name: str,
    ours: Any,
    theirs: Any,
    precise: np.ndarray,
    moves: float,
    around: float = 0.0,
) -> Finding | None:
    """What is wrong, if autodiff's error is `theirs`, or `around` of the largest entry."""
    with np.errstate(all="ignore"):
        a, b = (np.asarray(array, np.float64) for array in (ours, theirs))
        if not np.isfinite(precise).all() or not np.isfinite(b).all():
            return None
        size = float(np.abs(precise).max(initial=0))
        unit = float(jnp.finfo(name).eps) * size
        error, others = (float(np.abs(x - precise).max(initial=0)) for x in (a, b))
    others = max(others, around * size)
    if others >= size:
        return None  # autodiff has no digit right either
    if error <= WORSE * others + UNITS * (unit + moves):
        return None
    if not np.isfinite(error):
        words = f"in {name} it is no number, where autodiff's is finite"
    else:
        words = (
            f"in {name} it is {error / unit:.3g} units in the last place off, and autodiff "
            f"{others / unit:.3g}: terms cancel, or are added up in too few digits"
        )
    return Finding("precision", "precision", words, leaf, name)
