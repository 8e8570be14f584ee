"""Pictures of data and of training, each a matplotlib Figure that a notebook shows as it is.

Colours are those of Okabe & Ito, which colour-blind readers tell apart; a mark or a word always
says the same again. No display, window or global state of matplotlib is used or changed.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from fnet.data.dataset import Dataset
from fnet.errors import DataError

BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
INK, MUTED, FAINT = "#222222", "#666666", "#DDDDDD"
COLUMNS = 8
CROWD = 40  # classes, above which a confusion matrix is too dense for numbers


class Picture(Figure):
    """A Figure that a notebook shows without any set-up."""

    def _repr_png_(self) -> bytes:
        page = io.BytesIO()
        self.savefig(page, format="png")
        return page.getvalue()


def curves(history: Sequence[Mapping[str, float]], ax: Axes | None = None) -> Figure:
    """Loss, and for a classifier accuracy, by epoch; the lowest validation loss is marked.

    An entry of `history` has epoch and train_loss, and may have val_loss, train_accuracy and
    val_accuracy. What is absent, NaN or infinite is left out. Into a given `ax` goes the loss only.
    """
    if not history:
        raise DataError("curves: the history is empty; train for an epoch or more")
    names = dict.fromkeys(name for entry in history for name in entry)
    columns = {name: _column(history, name) for name in names}
    epoch, val_loss = columns["epoch"], columns.get("val_loss", np.full(len(history), np.nan))
    best = None if np.isnan(val_loss).all() else int(np.nanargmin(val_loss))
    classifies = ax is None and not names.keys().isdisjoint(("train_accuracy", "val_accuracy"))
    panels = [ax] if ax else _page(9, 3.6).subplots(1, 1 + classifies, squeeze=False)[0]
    for panel, name, unit in zip(panels, ("loss", "accuracy"), (1, 100), strict=False):
        lines = [("train", "train", MUTED, "--"), ("val", "validation", BLUE, "-")]
        for part, label, colour, style in lines:
            if f"{part}_{name}" in columns:
                y, marker = columns[f"{part}_{name}"] * unit, "." if len(history) <= 30 else ""
                panel.plot(epoch, y, style, color=colour, label=label, marker=marker, lw=1.8)
        y = columns.get(f"val_{name}")
        if best is not None and y is not None:
            words = "lowest validation loss: " if unit == 1 else ""
            label = f"{words}epoch {epoch[best]:.0f}"
            panel.axvline(epoch[best], color=FAINT, lw=1, zorder=0)
            panel.plot(epoch[best], y[best] * unit, "D", color=VERMILLION, ms=7, label=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        _frame(panel, "epoch", name if unit == 1 else f"{name} (%)")
        _legend(panel)
    return _figure(panels[0])


def class_grid(dataset: Dataset, per_class: int = 8, seed: int = 0) -> Figure:
    """`per_class` images of each class, a row per class, drawn at random by the seed."""
    rows, names = len(dataset.classes), [_short(name, 24) for name in dataset.classes]
    if rows == 0 or dataset.gather([0])[dataset.fields[0]].ndim < 3:
        raise DataError("class_grid: the dataset has no classes of images to draw")
    cell = min(0.8, 500 / rows)
    left = 0.3 + 0.09 * max(map(len, names))
    ax = _canvas((left, 0.1, 0.15, 0.4), (per_class, rows), cell)
    for row, column, image in _examples(dataset, per_class, seed):
        _show(ax, image, column, row)
    ax.set_yticks(np.arange(rows) + 0.5, names, color=INK, fontsize=11)
    return _titled(ax, f"{per_class} random images of each class")


def predictions(
    images: Any,
    labels: Any,
    predicted: Any,
    classes: Sequence[str],
    probabilities: Any = None,
    count: int = 32,
) -> Figure:
    """Images with the class predicted: the first mistakes, up to half, then the first right ones.

    `probabilities` (N, C) adds how sure the model was. The title tells how many mistakes there are
    among all images given, so that the choice of those shown misleads nobody.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    right, wrong = np.flatnonzero(predicted == labels), np.flatnonzero(predicted != labels)
    wrong_shown = wrong[: max(count // 2, count - len(right))]
    right_shown = right[: count - len(wrong_shown)]
    shown = np.concatenate((wrong_shown, right_shown))
    pitch = [1.42 if row < len(wrong_shown) else 1.22 for row in range(0, len(shown), COLUMNS)]
    top = np.cumsum([0, *pitch])  # where a row begins: a mistake has a line more below it
    ax = _canvas((0.1, 0.05, 0.1, 0.65), (COLUMNS * 1.12 - 0.12, top[-1]), 1.0)
    for place, i in enumerate(shown):
        x, y = place % COLUMNS * 1.12, top[place // COLUMNS]
        sure = "" if probabilities is None else f" {probabilities[i][predicted[i]]:.0%}"
        name = _short(classes[predicted[i]], 12)
        caption, colour = f"✓ {name}{sure}", INK
        if predicted[i] != labels[i]:
            caption = f"✗ {name}{sure}\nis {_short(classes[labels[i]], 14)}"
            colour = VERMILLION
            ax.add_patch(Rectangle((x, y), 1, 1, fill=False, ec=VERMILLION, lw=4, clip_on=False))
        _show(ax, images[i], x, y)
        ax.text(x + 0.5, y + 1.04, caption, color=colour, fontsize=8.5, ha="center", va="top")
    n, k = len(labels), len(wrong_shown)
    some = f"the first {k} of {len(wrong)}" if k < len(wrong) else f"all {k}"
    return _titled(
        ax,
        f"{len(right)} of {n} right ({len(right) / n:.1%})",
        (f"{some} mistakes (✗), then " if k else "")
        + f"the first {len(right_shown)} right ones (✓)",
    )


def confusion(matrix: Any, classes: Sequence[str], ax: Axes | None = None) -> Figure:
    """Counts by true class (row) and predicted class (column): blue are right, orange mistakes.

    A colour is as strong as its count is a share of the row.
    """
    matrix = np.asarray(matrix)
    n, names = len(matrix), [_short(name, 16) for name in classes]
    side = min(2.4 + 0.56 * n, 24)
    ax = ax or _page(side + 0.3, side).subplots()
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
    return _titled(ax, f"{right} of {total} right ({right / max(total, 1):.1%})")


def sigmoid_scatter(
    score: Any,
    probability: Any,
    labels: Any,
    classes: Sequence[str],
    ax: Axes | None = None,
    xlabel: str = "score z = w · x + b",
) -> Figure:
    """A logistic model over its data: the probability of class 1 as a curve, the labels as points.

    `score` (N,) is z, or any feature of which `probability` (N,) is a logistic function. Points
    are spread up and down so that they do not hide each other.
    """
    score, labels = np.asarray(score, np.float64), np.asarray(labels)
    p = np.clip(np.asarray(probability, np.float64), 1e-7, 1 - 1e-7)
    order = np.argsort(score)
    x = np.linspace(score.min(), score.max(), 400)
    z = np.interp(x, score[order], np.log(p / (1 - p))[order])  # straight in x, so exact
    ax = ax or _page(9, 4.2).subplots()
    spread = np.random.default_rng(0).uniform(0.03, 0.13, len(score))
    for label, colour, marker in ((0, ORANGE, "o"), (1, BLUE, "^")):
        mine = labels == label
        y = label + (2 * label - 1) * spread[mine]
        name = f"{classes[label]} ({mine.sum()})"
        ax.plot(score[mine], y, marker, color=colour, alpha=0.55, ms=5, mew=0, label=name)
    ax.plot(x, 1 / (1 + np.exp(-z)), color=INK, lw=2.2, label="σ(w · x + b)")
    ax.axhline(0.5, color=MUTED, lw=1.2, ls="--", label="threshold 0.5")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    right = ((p >= 0.5) == labels).mean()
    _frame(ax, xlabel, f"probability of {classes[1]}")
    _legend(ax)
    ax.set_title(f"{right:.1%} right", loc="left", color=INK, fontweight="bold")
    return _figure(ax)


def _examples(dataset: Dataset, per_class: int, seed: int) -> Iterator[tuple[int, int, Any]]:
    """(class, how many of it came before, image) until every class has enough."""
    name, target = dataset.fields
    found = np.zeros(len(dataset.classes), int)
    for i in np.random.default_rng(seed).permutation(len(dataset)):
        sample = dataset.gather([i])  # one by one: their sizes may differ
        label = int(sample[target][0])
        if found[label] < per_class:
            yield label, int(found[label]), sample[name][0]
            found[label] += 1
        if found.min() == per_class:
            return


def _column(history: Sequence[Mapping[str, float]], name: str) -> Any:
    values = np.array([entry.get(name, np.nan) for entry in history], np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _show(ax: Axes, image: Any, x: float, y: float) -> None:
    """The image in the unit square that begins at (x, y), its longer side filling it."""
    pixels = np.asarray(image)
    pixels = pixels / 255 if pixels.dtype.kind in "iu" else pixels.astype(np.float64).clip(0, 1)
    if pixels.ndim == 2 or pixels.shape[-1] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=-1)
    high, wide = np.array(pixels.shape[:2]) / max(pixels.shape[:2]) / 2
    ax.imshow(pixels, extent=(x + 0.5 - wide, x + 0.5 + wide, y + 0.5 + high, y + 0.5 - high))


def _canvas(
    margins: tuple[float, float, float, float], size: tuple[float, float], unit: float
) -> Axes:
    """Axes to show images in, y downwards; margins (left, bottom, right, top) and unit in inches."""
    left, bottom, right, top = margins
    width, height = size[0] * unit, size[1] * unit
    page = Picture(figsize=(left + width + right, bottom + height + top), facecolor="white")
    x, y = page.get_size_inches()
    ax = page.add_axes((left / x, bottom / y, width / x, height / y))
    ax.set(xlim=(0, size[0]), ylim=(size[1], 0), autoscale_on=False, xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _frame(ax: Axes, xlabel: str, ylabel: str) -> None:
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(color=MUTED, labelcolor=INK)
    ax.grid(axis="y", color=FAINT, lw=0.7)
    ax.set_axisbelow(True)


def _legend(ax: Axes) -> None:
    """Above the axes, where it hides nothing."""
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.2,
        ncols=4,
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handlelength=1.5,
    ).set_in_layout(False)  # its length must not narrow the axes


def _titled(ax: Axes, title: str, subtitle: str = "") -> Figure:
    ax.set_title(title, loc="left", color=INK, fontweight="bold", pad=24 if subtitle else 8)
    ax.annotate(subtitle, (0, 1), (0, 8), "axes fraction", "offset points", color=MUTED, fontsize=9)
    return _figure(ax)


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _page(width: float, height: float) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def _figure(ax: Axes) -> Figure:
    return cast(Figure, ax.figure)
