"""How time grows as width, depth, batch or data set doubles, the others fixed.

An exponent is the slope of a least-squares line through the logarithms of the upper half of a
range: at small sizes, fixed costs hide the growth.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.data.batches import epoch_order
from fnet.losses import cross_entropy
from fnet.models import classification_net
from fnet.optimizers import sgd
from fnet.training import make_epoch, make_step, start

INPUTS, CLASSES = 64, 10
SHORTEST = 0.02  # seconds; shorter jobs are repeated until they take this long
PLOT = Path(__file__).with_suffix(".png")


class Sweep(NamedTuple):
    """One size that doubles from `first` to `last`, and the job whose time grows with it."""

    size: str
    unit: str
    first: int
    last: int
    per: str
    expected: float
    target: float
    job: Callable[[int], Callable[[], Any]]


def results(rounds: int) -> dict[str, dict]:
    curves = [(sweep, *_measure(sweep, max(rounds, 1))) for sweep in SWEEPS]
    _plot(curves)
    return {
        f"growth_{sweep.size.replace(' ', '_')}": {
            "title": f"cost of growth: {sweep.size}",
            "columns": [sweep.size, "microseconds", "times the one before"],
            "rows": [
                {
                    sweep.size: int(size),
                    "microseconds": 1e6 * own,
                    "times the one before": own / before if before else None,
                }
                for size, own, before in zip(sizes, seconds, [0, *seconds[:-1]], strict=True)
            ],
            "targets": [
                {
                    "against": f"exponent of {sweep.expected:g}",
                    "target": sweep.target,
                    "ratio": exponent(sizes, seconds),
                    "most": True,
                }
            ],
        }
        for sweep, sizes, seconds in curves
    }


def exponent(sizes: np.ndarray, seconds: np.ndarray) -> float:
    """The p of seconds ≈ c sizesᵖ in the upper half of the range."""
    half = len(sizes) // 2
    slope, _ = np.polyfit(np.log(sizes[half:]), np.log(seconds[half:]), 1)
    return float(slope)


def _measure(sweep: Sweep, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, and for each its median seconds over rounds, which go up and down alternately."""
    count = (sweep.last // sweep.first).bit_length()
    sizes = [sweep.first << place for place in range(count)]
    jobs = [sweep.job(size) for size in sizes]
    repeats = []
    for job in jobs:
        _seconds(job, 1)  # compiles
        repeats.append(max(1, round(SHORTEST / _seconds(job, 3))))
    found: list[list[float]] = [[] for _ in jobs]
    for number in range(rounds):
        for place in range(count) if number % 2 == 0 else reversed(range(count)):
            found[place].append(_seconds(jobs[place], repeats[place]))
    return np.array(sizes), np.median(found, axis=1)


def _seconds(job: Callable[[], Any], repeats: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - begin) / repeats


def _step(width: int = 512, layers: int = 3, batch: int = 256, inputs: int = INPUTS) -> Any:
    model = classification_net(CLASSES, hidden=width, layers=layers)
    optimizer = sgd(1e-3)
    step = make_step(model, cross_entropy(), optimizer)
    state = start(model, optimizer, (inputs,)).state
    x, target = _samples(batch, inputs)
    return lambda: jax.block_until_ready(step(state, x, target))


def _epoch(samples: int) -> Any:
    model = classification_net(CLASSES, hidden=128)
    optimizer = sgd(1e-3)
    epoch = make_epoch(model, cross_entropy(), optimizer)
    state = start(model, optimizer, (INPUTS,)).state
    x, target = _samples(samples, INPUTS)
    order = jnp.asarray(epoch_order(samples, 128))
    return lambda: jax.block_until_ready(epoch(state, x, target, order))


def _samples(count: int, inputs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, inputs), np.float32)
    return jnp.asarray(x), jnp.asarray(rng.integers(CLASSES, size=count))


def _plot(curves: list[tuple[Sweep, np.ndarray, np.ndarray]]) -> None:
    """Draw all curves in one picture, if matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    from PIL import Image

    figure = Figure(figsize=(8, 6), layout="constrained")
    for axes, (sweep, sizes, seconds) in zip(figure.subplots(2, 2).flat, curves, strict=True):
        axes.loglog(sizes, 1e6 * seconds, "o-", label="fnet")
        slope = 1e6 * seconds[-1] * (sizes / sizes[-1]) ** sweep.expected
        axes.loglog(sizes, slope, "k:", label=f"slope {sweep.expected:g}")
        axes.set_title(f"{sweep.size}: exponent {exponent(sizes, seconds):.2f}")
        axes.set_xlabel(f"{sweep.size} ({sweep.unit})")
        axes.set_ylabel(f"time of one {sweep.per} (µs)")
        axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0.5e6 * seconds.min())
        axes.legend()
    figure.savefig(PLOT, dpi=100)
    with Image.open(PLOT) as image:
        small = image.convert("RGB").quantize(32)
    small.save(PLOT, optimize=True)


# For width, the input is equally wide, so that every product of the step is quadratic in it.
SWEEPS = (
    Sweep("width", "units", 128, 2048, "step", 2, 2.1, lambda n: _step(n, batch=128, inputs=n)),
    Sweep("depth", "layers", 2, 64, "step", 1, 1.1, lambda n: _step(256, layers=n)),
    Sweep("batch", "samples", 8, 2048, "step", 1, 1.1, lambda n: _step(batch=n)),
    Sweep("data set", "samples", 1024, 65536, "epoch", 1, 1.1, _epoch),
)
