"""float32 and bfloat16: a gradient written by hand is as precise as autodiff's own, or nearly."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.arguments import filled, in_layout, is_none
from fnet.check.plain import plainly
from fnet.check.points import cotangent
from fnet.check.report import Finding
from fnet.check.workbench import Workbench

WORSE = 8.0  # times autodiff's own error
UNITS = 16.0  # in the last place of the largest entry


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
            ours, theirs, given = _both(bench, route, floats, dout)
        except Exception:  # a function need not take every dtype
            continue
        wide = tuple(np.asarray(array, np.float64) for array in floats)
        precise = bench.gradients(route, wide, given)
        for place, leaf in enumerate(bench.form.names):
            finding = _compare(f"d{leaf}", name, ours[place], theirs[place], precise[place], dtype)
            if finding:
                yield finding
                return


def _both(bench: Workbench, route: str, floats: Any, dout: Any) -> tuple[Any, Any, Any]:
    @jax.jit
    def both(floats: Any) -> tuple[Any, Any, Any]:
        out, vjp = jax.vjp(plainly(bench.plain), *floats)
        given = filled(dout, out)
        kept = jax.tree.map(lambda d, g: None if d is None else g, dout, given, is_leaf=is_none)
        arguments = bench.arguments(floats, floats[0].dtype)
        found = in_layout(bench.subject.routes[route](kept, *arguments), bench.form)
        return found, vjp(given), kept

    found, others, kept = both(floats)
    return found, others, jax.tree.map(lambda g: np.asarray(g, np.float64), kept)


def _compare(
    leaf: str, name: str, ours: Any, theirs: Any, precise: np.ndarray, dtype: Any
) -> Finding | None:
    if ours is None:
        return None
    if ours.dtype != theirs.dtype:
        words = f"it is {ours.dtype} where the argument is {theirs.dtype}"
        return Finding("precision", "dtype", words, leaf, name)
    with np.errstate(all="ignore"):
        a, b = (np.asarray(array, np.float64) for array in (ours, theirs))
        if not np.isfinite(precise).all() or not np.isfinite(b).all():
            return None
        unit = float(jnp.finfo(dtype).eps) * float(np.abs(precise).max(initial=0))
        error, others = (float(np.abs(x - precise).max(initial=0)) for x in (a, b))
    if unit == 0 or error <= WORSE * others + UNITS * unit:
        return None
    if not np.isfinite(error):
        words = f"in {name} it is no number, where autodiff's is finite"
    else:
        words = (
            f"in {name} it is {error / unit:.3g} units in the last place off, and autodiff "
            f"{others / unit:.3g}: terms cancel, or are added up in too few digits"
        )
    return Finding("precision", "precision", words, leaf, name)
