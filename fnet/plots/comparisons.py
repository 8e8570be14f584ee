"""Trainings compared: runs by epoch, and accuracy by learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fnet.errors import DataError
from fnet.plots.page import (
    BLUE,
    INK,
    LINES,
    MUTED,
    VERMILLION,
    figure,
    frame,
    legend,
    page,
    short,
    titled,
)


def compare(
    histories: Mapping[str, Sequence[Mapping[str, float]]],
    metric: str = "val_accuracy",
    *,
    ax: Axes | None = None,
) -> Figure:
    """One metric of several runs by epoch: a line per name, from a history as `curves` takes it.

    Accuracies are drawn in percent. If there are more runs than can be told apart, only the first
    are drawn, and the title says so.

    >>> histories = {
    ...     "sgd": [{"epoch": 1, "val_loss": 0.9}],
    ...     "adam": [{"epoch": 1, "val_loss": 0.7}],
    ... }
    >>> compare(histories, "val_loss").axes[0].get_ylabel()
    'validation loss'
    """
    if not any(metric in row for rows in histories.values() for row in rows):
        raise DataError(f"compare: no history has {metric!r}; name a metric that one has")
    ax = ax or page(7.5, 4.2).subplots()
    part, _, name = metric.partition("_")
    unit = 100 if name == "accuracy" else 1
    shown = list(histories.items())[: len(LINES)]
    for (label, rows), (colour, style, marker) in zip(shown, LINES, strict=False):
        x = [row["epoch"] for row in rows]
        y = np.array([row.get(metric, np.nan) for row in rows], np.float64) * unit
        y[~np.isfinite(y)] = np.nan
        (line,) = ax.plot(x, y, style, color=colour, marker=marker, label=short(label, 28), lw=1.6)
        line.set_markevery(max(1, len(x) // 10))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    where = {"val": "validation", "train": "training"}.get(part, part)
    name = "R²" if name == "r2" else name
    frame(ax, "epoch", f"{where} {name}" + (" (%)" if unit == 100 else ""))
    legend(ax)
    left = len(histories) - len(shown)
    return titled(ax, f"the first {len(shown)} of {len(histories)} runs") if left else figure(ax)


def learning_rates(
    rates: Sequence[float],
    accuracies: Any,
    *,
    chosen: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Validation accuracy by learning rate: a point per seed, a line through the means.

    `accuracies` (rates, seeds) are from 0 to 1, or NaN if training did not stay finite: such a
    training is a cross at the bottom, and its rate has no mean. A diamond marks the rate `chosen`.

    >>> import numpy as np
    >>> accuracies = np.array([[0.5, 0.6], [0.9, 0.8], [np.nan, np.nan]])
    >>> figure = learning_rates([0.01, 0.1, 1.0], accuracies, chosen=0.1)
    >>> figure.axes[0].get_legend_handles_labels()[1]
    ['one seed', 'mean of 2 seeds', 'did not stay finite', 'chosen: 0.1']
    """
    x, y = np.asarray(rates, np.float64), np.asarray(accuracies, np.float64) * 100
    if y.ndim != 2 or len(y) != len(x) or not (x > 0).all():
        raise DataError(
            f"learning_rates: accuracies are {y.shape} for {len(x)} rates; they must be "
            f"({len(x)}, seeds), and the rates above 0"
        )
    ax = ax or page(6.8, 4.2).subplots()
    order = np.argsort(x)
    x, y, seeds = x[order], y[order], y.shape[1]
    rate_of_each, accuracy = np.repeat(x, seeds), y.ravel()
    ax.plot(rate_of_each, accuracy, "o", color=BLUE, alpha=0.55, ms=6, mew=0, label="one seed")
    if seeds > 1:
        ax.plot(x, y.mean(axis=1), "-", color=INK, lw=1.8, label=f"mean of {seeds} seeds")
    diverged = np.isnan(accuracy)
    if diverged.any():
        bottom = np.zeros(int(diverged.sum()))
        label = "did not stay finite"
        ax.plot(rate_of_each[diverged], bottom, "X", color=MUTED, ms=8, label=label)
    if chosen is not None:
        height = y[x == chosen].mean()
        ax.plot(chosen, height, "D", color=VERMILLION, ms=8, label=f"chosen: {chosen:g}")
    ax.set_xscale("log")
    frame(ax, "learning rate", "validation accuracy (%)")
    legend(ax)
    return figure(ax)
