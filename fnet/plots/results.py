"""Pictures of the progress of training, and of how well a model separates classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fnet.errors import DataError
from fnet.plots.page import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    ORANGE,
    VERMILLION,
    figure,
    frame,
    legend,
    page,
    short,
    titled,
)

FIGURES = (("accuracy", "accuracy (%)", 100), ("r2", "R²", 1))  # beside the loss
CROWD = 40  # with more classes than this, a confusion matrix is too dense for numbers


def curves(
    history: Sequence[Mapping[str, float]], *, log: bool = False, ax: Axes | None = None
) -> Figure:
    """Loss, and accuracy or for a regression R², by epoch; the lowest validation loss is marked.

    An entry of `history` has epoch and train_loss, and may have val_loss, train_accuracy and
    val_accuracy, or train_r2 and val_r2. Values that are absent, NaN or infinite are left out. If
    `ax` is given, only the loss is drawn. `log` draws the loss on a logarithmic axis, for losses
    that fall by orders of magnitude.

    >>> history = [{"epoch": 1, "train_loss": 0.9}, {"epoch": 2, "train_loss": 0.09}]
    >>> [ax.get_ylabel() for ax in curves(history, log=True).axes]
    ['loss']
    """
    if not history:
        raise DataError("curves: the history is empty; train for one epoch or more")
    names = dict.fromkeys(name for entry in history for name in entry)
    columns = {name: _column(history, name) for name in names}
    epoch, val_loss = columns["epoch"], columns.get("val_loss", np.full(len(history), np.nan))
    best = None if np.isnan(val_loss).all() else int(np.nanargmin(val_loss))
    shown = [("loss", "loss", 1)]
    if ax is None:
        shown += [entry for entry in FIGURES if {f"train_{entry[0]}", f"val_{entry[0]}"} & {*names}]
    panels = [ax] if ax else page(9, 3.6).subplots(1, len(shown), squeeze=False)[0]
    for panel, (name, title, unit) in zip(panels, shown, strict=True):
        lines = [("train", "train", MUTED, "--"), ("val", "validation", BLUE, "-")]
        for part, label, colour, style in lines:
            if f"{part}_{name}" in columns:
                y, marker = columns[f"{part}_{name}"] * unit, "." if len(history) <= 30 else ""
                panel.plot(epoch, y, style, color=colour, label=label, marker=marker, lw=1.8)
        y = columns.get(f"val_{name}")
        if best is not None and y is not None:
            label = f"{'lowest: ' if name == 'loss' else ''}epoch {epoch[best]:.0f}"
            panel.axvline(epoch[best], color=FAINT, lw=1, zorder=0)
            panel.plot(epoch[best], y[best] * unit, "D", color=VERMILLION, ms=7, label=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
        if log and name == "loss":
            panel.set_yscale("log")
        if name == "r2" and "val_r2" in columns:  # the first epochs may be far below 0
            panel.set_ylim(bottom=max(panel.get_ylim()[0], -1))
        frame(panel, "epoch", title)
        legend(panel)
    return figure(panels[0])


def confusion(matrix: Any, classes: Sequence[str], *, ax: Axes | None = None) -> Figure:
    """Counts by true class (row) and predicted class (column): right ones blue, mistakes orange.

    The colour of an entry is as strong as its share of the row.

    >>> confusion([[9, 1], [2, 8]], ("cat", "dog")).axes[0].get_title("left")
    '17 of 20 right (85.0%)'
    """
    matrix = np.asarray(matrix)
    n, names = len(matrix), [short(name, 16) for name in classes]
    side = min(2.4 + 0.56 * n, 24)
    ax = ax or page(side + 0.3, side).subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    colour = np.where(np.eye(n, dtype=bool)[..., None], to_rgb(BLUE), to_rgb(VERMILLION))
    strength = np.sqrt(share)[..., None]
    ax.imshow(1 - strength * (1 - colour))
    for (row, column), value in np.ndenumerate(matrix):
        if n <= CROWD:
            ink = "white" if share[row, column] > 0.4 else INK if value else "#AAAAAA"
            ax.text(column, row, f"{value}", color=ink, ha="center", va="center", fontsize=9)
    ax.set_xticks(range(n), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), names)
    ax.tick_params(length=0, labelcolor=INK)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted class", color=INK)
    ax.set_ylabel("true class", color=INK)
    right, total = int(np.trace(matrix)), int(matrix.sum())
    return titled(ax, f"{right} of {total} right ({right / max(total, 1):.1%})")


def sigmoid_scatter(
    score: Any,
    probability: Any,
    labels: Any,
    classes: Sequence[str],
    *,
    xlabel: str = "score z = w · x + b",
    ax: Axes | None = None,
) -> Figure:
    """A logistic model over its data: the probability of class 1 as a curve, the labels as points.

    `score` (N,) is z, or any feature of which `probability` (N,) is a logistic function. Points are
    spread vertically so that they do not hide each other.

    >>> sigmoid_scatter([-2, 1], [0.12, 0.73], [0, 1], ("cheap", "dear")).axes[0].get_title("left")
    '100.0% right'
    """
    score, labels = np.asarray(score, np.float64), np.asarray(labels)
    p = np.clip(np.asarray(probability, np.float64), 1e-7, 1 - 1e-7)
    order = np.argsort(score)
    x = np.linspace(score.min(), score.max(), 400)
    z = np.interp(x, score[order], np.log(p / (1 - p))[order])  # linear in x, hence exact
    ax = ax or page(9, 4.2).subplots()
    spread = np.random.default_rng(0).uniform(0.03, 0.13, len(score))
    for label, colour, marker in ((0, ORANGE, "o"), (1, BLUE, "^")):
        chosen = labels == label
        y = label + (2 * label - 1) * spread[chosen]
        name = f"{chosen.sum()} {short(classes[label])}"
        ax.plot(score[chosen], y, marker, color=colour, alpha=0.55, ms=5, mew=0, label=name)
    ax.plot(x, 1 / (1 + np.exp(-z)), color=INK, lw=2.2, label="σ(w · x + b)")
    ax.axhline(0.5, color=MUTED, lw=1.2, ls="--", label="threshold 0.5")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    right = ((p >= 0.5) == labels).mean()
    frame(ax, xlabel, f"probability of {short(classes[1])}")
    legend(ax)
    ax.set_title(f"{right:.1%} right", loc="left", color=INK, fontweight="bold")
    return figure(ax)


def _column(history: Sequence[Mapping[str, float]], name: str) -> Any:
    values = np.array([entry.get(name, np.nan) for entry in history], np.float64)
    return np.where(np.isfinite(values), values, np.nan)
