"""Pictures of a classifier's probabilities: whether they come true, and how they rank."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fnet.plots.page import BLUE, FAINT, INK, MUTED, frame, legend, page, short, titled
from fnet.training import metrics


def calibration(
    labels: Any, probabilities: Any, *, bins: int = 10, ax: Axes | None = None
) -> Figure:
    """How often the most probable class was right, by the probability it was given.

    On the dashed line probabilities are to be believed; below it the model is surer than it may be.
    The area of a point and the bar below it are the share of samples in its bin; the title is the
    expected calibration error, ECE (`fnet.training.metrics.calibration`).

    >>> calibration([0, 1], [[0.9, 0.1], [0.2, 0.8]]).axes[0].get_title("left")
    'ECE 0.150'
    """
    found = metrics.calibration(labels, probabilities, bins)
    ax = ax or page(5.4, 5.2).subplots()
    share, centres = found.samples / found.samples.sum(), (np.arange(bins) + 0.5) / bins
    ax.bar(centres, share, 0.9 / bins, color=FAINT, label="samples", zorder=0)
    ax.plot([0, 1], [0, 1], "--", color=MUTED, lw=1.4, label="as often as said")
    held = found.samples > 0
    ax.plot(found.predicted[held], found.observed[held], "-", color=BLUE, lw=1.8)
    ax.scatter(
        *(found.predicted[held], found.observed[held], 25 + 250 * share[held]),
        color=BLUE,
        edgecolor="white",
        label="model",
        zorder=3,
        clip_on=False,
    )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    frame(ax, "probability of the answer", "share that is right")
    legend(ax)
    return titled(ax, f"ECE {found.error:.3f}")


def roc(
    labels: Any, probabilities: Any, classes: Sequence[str], *, ax: Axes | None = None
) -> Figure:
    """How many of class 1 are found, by how many of class 0 are taken for it.

    One point per threshold; the one at a half is marked. labels: (N,) of 0 and 1, probabilities:
    (N, 2). An answer by chance is on the dashed line.

    >>> p = [[0.8, 0.2], [0.9, 0.1], [0.1, 0.9]]
    >>> roc([0, 1, 1], p, ("no", "yes")).axes[0].get_title("left")
    'area 0.500'
    """
    score = np.asarray(probabilities, np.float64)[:, 1]
    labels = np.asarray(labels)
    false, true, _ = metrics.roc_curve(labels == 1, score)
    ax = ax or page(5.4, 5.2).subplots()
    ax.plot([0, 1], [0, 1], "--", color=MUTED, lw=1.4, label="chance")
    ax.plot(false, true, "-", color=BLUE, lw=2, label="model")
    called = score > 0.5
    here = (called[labels == kind].mean() for kind in (0, 1))
    ax.plot(*here, "D", color=INK, ms=7, label="at 0.5")
    ax.set_xlim(-0.01, 1)
    ax.set_ylim(0, 1.01)
    ax.set_aspect("equal")
    names = [short(name) for name in classes]
    frame(ax, f"share of {names[0]} taken for {names[1]}", f"share of {names[1]} found")
    legend(ax)
    return titled(ax, f"area {metrics.auc(labels, score):.3f}")
