"""Precision in float32 and bfloat16: hand-written gradients against autodiff's own error."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.points import cotangent
from fnet.check.checks.probe import Probe
from fnet.check.report import Finding


def narrow(probe: Probe, rng: np.random.Generator) -> Iterator[Finding]:
    """Dtypes are preserved, and errors are not much larger than autodiff's."""
    if not probe.subject.traceable or not probe.autodiff:
        return
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    route = next(iter(probe.subject.routes))
    # A function of a library is rarely written for bfloat16.
    dtypes = (jnp.float32,) if probe.subject.staged else (jnp.float32, jnp.bfloat16)
    for dtype in dtypes:
        name = jnp.dtype(dtype).name
        floats = tuple(jnp.asarray(array, dtype) for array in probe.start)
        try:
            ours, theirs, given = probe.programs["both"](
                probe.inputs(floats, probe.others_in(dtype)), dout
            )
        except Exception:  # the function may reject a dtype
            continue
        point = tuple(np.asarray(array, np.float64) for array in floats)
        # Where the forward pass widens, by data of its own, a gradient may be wider too.
        narrows = all(leaf.dtype == dtype for leaf in jax.tree.leaves(given))
        given = jax.tree.map(lambda d: np.asarray(d, np.float64), given)
        precise = probe.gradients(route, point, given, _others(probe, dtype))
        moves: list[float] = []
        for place, leaf in enumerate(probe.form.names):
            if ours[place] is None:
                continue
            found = ours[place].dtype
            if found != dtype:
                if narrows and not _is_chosen(probe, point, given, dtype, place, found):
                    words = f"it is {found} where its argument is {name}"
                    yield Finding("precision", "dtype", words, f"d{leaf}", name)
                    return
                continue
            arrays = ours[place], theirs[place], precise[place]
            strict = probe.subject.anywhere
            if not _compare(f"d{leaf}", name, *arrays, 0.0, strict=strict):
                continue
            moves = moves or _moves(probe, point, given, precise, dtype, rng)
            compare = functools.partial(
                _compare, f"d{leaf}", name, *arrays, moves[place], strict=strict
            )
            if compare() and (finding := compare(around=_around(probe, floats, dout, place, rng))):
                yield finding
                return


def _is_chosen(
    probe: Probe, point: Any, dout: Any, dtype: Any, place: int, found: np.dtype[Any]
) -> bool:
    """Whether the gradient of code written elsewhere has this dtype for any arguments."""
    if probe.subject.strict or found == jnp.float64:
        return not probe.subject.strict
    narrow = jax.tree.map(lambda d: jnp.asarray(d, dtype), dout)
    try:
        leaves = probe.programs[next(iter(probe.subject.routes))](probe.inputs(point), narrow)
    except ValueError:  # dtypes may not be mixed
        return False
    return bool(leaves[place].dtype == found)


def _others(probe: Probe, dtype: Any) -> tuple[Any, ...] | None:
    """The constants, with frozen parameters rounded to this dtype and back; None for the given."""
    if not any(probe.frozen):
        return None
    pairs = zip(probe.others_in(dtype), probe.frozen, strict=True)
    return tuple(other.astype(np.float64) if frozen else other for other, frozen in pairs)


def _around(probe: Probe, floats: Any, dout: Any, place: int, rng: np.random.Generator) -> float:
    """Autodiff's largest relative error near this point, since it may be lucky at it."""
    route, largest = next(iter(probe.subject.routes)), 0.0
    for _ in range(thresholds.NEARBY):
        moved = [
            np.asarray(array, np.float64)
            * (1 + thresholds.AROUND * rng.uniform(-1, 1, array.shape))
            for array in floats
        ]
        near = tuple(jnp.asarray(a, f.dtype) for a, f in zip(moved, floats, strict=True))
        dtype = floats[place].dtype
        _, theirs, given = probe.programs["both"](probe.inputs(near, probe.others_in(dtype)), dout)
        given = jax.tree.map(lambda d: np.asarray(d, np.float64), given)
        point = tuple(np.asarray(array, np.float64) for array in near)
        precise = probe.gradients(route, point, given, _others(probe, dtype))[place]
        with np.errstate(all="ignore"):
            size = float(np.abs(precise).max(initial=0))
            error = float(np.abs(np.asarray(theirs[place], np.float64) - precise).max(initial=0))
        if 0 < size < np.inf and np.isfinite(error):
            largest = max(largest, error / size)
    return largest


def _moves(
    probe: Probe,
    point: Any,
    dout: Any,
    precise: list[np.ndarray],
    dtype: Any,
    rng: np.random.Generator,
) -> list[float]:
    """How far the gradient moves when arguments, dout and cache are rounded to this dtype.

    With rounded inputs, even exact operations do no better.
    """

    moves, epsilon = [0.0] * len(precise), float(jnp.finfo(dtype).eps)
    inputs = probe.inputs(point, _others(probe, dtype))
    for _ in range(thresholds.ROUNDED):
        shares = epsilon / 2 * rng.uniform(-1, 1, thresholds.SHARES)
        found = probe.programs["rounded"](inputs, dout, shares)
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
    strict: bool = True,
) -> Finding | None:
    """The finding, if any; autodiff's error is that of `theirs`, or the relative one `around`.

    Unless strict, half of the digits must be lost."""
    with np.errstate(all="ignore"):
        a, b = (np.asarray(array, np.float64) for array in (ours, theirs))
        if not np.isfinite(precise).all() or not np.isfinite(b).all():
            return None
        size = float(np.abs(precise).max(initial=0))
        unit = float(jnp.finfo(name).eps) * size
        error, others = (float(np.abs(x - precise).max(initial=0)) for x in (a, b))
    others = max(others, around * size)
    if others >= size:
        return None  # autodiff has no correct digit either
    least = 0.0 if strict else float(jnp.finfo(name).eps) ** thresholds.LOST * size
    if error <= max(thresholds.WORSE * others + thresholds.UNITS * (unit + moves), least):
        return None
    if not np.isfinite(error):
        words = f"in {name} it is not finite, and autodiff's is"
    else:
        words = (
            f"in {name} it is {error / unit:.3g} units in the last place off, autodiff "
            f"{others / unit:.3g}: terms cancel, or are added up in too few digits"
        )
    return Finding("precision", "precision", words, leaf, name)
