"""Pictures made of images: samples of each class, predictions, and first-layer weights."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fnet.data.dataset import Dataset
from fnet.errors import ConfigurationError, DataError
from fnet.plots.page import INK, VERMILLION, Picture, short, titled

COLUMNS = 8  # of weights
ACROSS = 6  # predictions per row: few enough to read their captions on a narrow page


def class_grid(
    dataset: Dataset, per_class: int = 8, seed: int = 0, *, ax: Axes | None = None
) -> Figure:
    """`per_class` random images of each class, one row per class; `seed` determines the choice.

    >>> import numpy as np
    >>> from fnet.data import memory
    >>> pixels = np.zeros((6, 8, 8, 3), np.uint8)
    >>> dataset = memory({"image": pixels, "label": np.arange(6) % 2}, ("cat", "dog"))
    >>> [label.get_text() for label in class_grid(dataset, 3).axes[0].get_yticklabels()]
    ['cat', 'dog']
    """
    if per_class < 1:
        raise ConfigurationError(f"class_grid: per_class is {per_class}; it must be 1 or more")
    rows, names = len(dataset.classes), [short(name) for name in dataset.classes]
    if rows == 0 or dataset.gather([0])[dataset.fields[0]].ndim < 3:
        raise DataError("class_grid: the dataset must have classes, and images for inputs")
    cell = min(0.8, 500 / rows)
    left = 0.3 + 0.09 * max(map(len, names))
    ax = _canvas((left, 0.1, 0.15, 0.4), (per_class, rows), cell, ax)
    for row, column, image in _examples(dataset, per_class, seed):
        _show(ax, image, column, row)
    ax.set_yticks(np.arange(rows) + 0.5, names, color=INK, fontsize=11)
    return titled(ax, f"{per_class} random images of each class")


def predictions(
    images: Any,
    labels: Any,
    predicted: Any,
    classes: Sequence[str],
    probabilities: Any = None,
    count: int = 24,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Images with the predicted class: the first mistakes, up to half, then the first right ones.

    `probabilities` (N, C) adds the probability of the prediction. The title gives the accuracy over
    all images passed, so that the choice of those shown does not mislead.

    >>> import numpy as np
    >>> pixels = np.zeros((3, 8, 8, 3), np.uint8)
    >>> predictions(pixels, [0, 1, 1], [0, 1, 0], ("cat", "dog")).axes[0].get_title("left")
    '2 of 3 right (66.7%)'
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if len(labels) == 0 or count < 1:
        raise DataError(
            f"predictions: there are no images to draw ({count} of {len(labels)}); pass one or more"
        )
    right, wrong = np.flatnonzero(predicted == labels), np.flatnonzero(predicted != labels)
    wrong_shown = wrong[: max(count // 2, count - len(right))]
    right_shown = right[: count - len(wrong_shown)]
    shown = np.concatenate((wrong_shown, right_shown))
    pitch = [1.42 if row < len(wrong_shown) else 1.22 for row in range(0, len(shown), ACROSS)]
    top = np.cumsum([0, *pitch])  # of each row: a mistake's caption has one more line
    ax = _canvas((0.1, 0.05, 0.1, 0.65), (ACROSS * 1.12 - 0.12, top[-1]), 1.0, ax)
    for position, i in enumerate(shown):
        x, y = position % ACROSS * 1.12, top[position // ACROSS]
        probability = "" if probabilities is None else f" {probabilities[i][predicted[i]]:.0%}"
        name = short(classes[predicted[i]], 12)
        caption, colour = f"✓ {name}{probability}", INK
        if predicted[i] != labels[i]:
            caption = f"✗ {name}{probability}\nis {short(classes[labels[i]], 14)}"
            colour = VERMILLION
            ax.add_patch(Rectangle((x, y), 1, 1, fill=False, ec=VERMILLION, lw=4, clip_on=False))
        _show(ax, images[i], x, y)
        ax.text(x + 0.5, y + 1.04, caption, color=colour, fontsize=8.5, ha="center", va="top")
    n, k = len(labels), len(wrong_shown)
    mistakes = f"the first {k} of {len(wrong)}" if k < len(wrong) else f"all {k}"
    return titled(
        ax,
        f"{len(right)} of {n} right ({len(right) / n:.1%})",
        (f"{mistakes} mistakes (✗), then " if k else "")
        + f"the first {len(right_shown)} right ones (✓)",
    )


def weights(w: Any, shape: tuple[int, ...], count: int = 40, *, ax: Axes | None = None) -> Figure:
    """The rows of a first layer's w (out, in) as pictures: the pattern to which each unit responds.

    `shape` is that of an image, (H, W) or (H, W, C). Grey is 0, brighter is positive, darker
    negative, each picture scaled by its largest weight. Shows the `count` rows with the largest
    norms.

    >>> import numpy as np
    >>> weights(np.eye(12).reshape(12, 12), (2, 2, 3)).axes[0].get_title("left")
    '12 of 12 units: their weights as pictures'
    """
    w = np.asarray(w, np.float64)
    if w.ndim != 2 or w.shape[1] != math.prod(shape) or len(w) == 0 or count < 1:
        raise DataError(
            f"weights: w is {w.shape}; pictures of shape {shape} need (out, {math.prod(shape)})"
        )
    sizes = np.linalg.norm(w, axis=1)
    shown = np.sort(np.argsort(-sizes, kind="stable")[:count])
    rows = -(-len(shown) // COLUMNS)
    ax = _canvas((0.1, 0.1, 0.1, 0.4), (COLUMNS * 1.08 - 0.08, rows * 1.08 - 0.08), 0.8, ax)
    for position, unit in enumerate(shown):
        pixels = w[unit].reshape(shape) / (np.abs(w[unit]).max() or 1) / 2 + 0.5
        _show(ax, pixels, position % COLUMNS * 1.08, position // COLUMNS * 1.08)
    return titled(ax, f"{len(shown)} of {len(w)} units: their weights as pictures")


def _examples(dataset: Dataset, per_class: int, seed: int) -> Iterator[tuple[int, int, Any]]:
    """(class, number within the class, image) until every class has `per_class`."""
    name, target = dataset.fields
    counts = np.zeros(len(dataset.classes), int)
    for i in np.random.default_rng(seed).permutation(len(dataset)):
        sample = dataset.gather([i])  # one at a time, since sizes may differ
        label = int(sample[target][0])
        if counts[label] < per_class:
            yield label, int(counts[label]), sample[name][0]
            counts[label] += 1
        if counts.min() == per_class:
            return


def _canvas(
    margins: tuple[float, float, float, float],
    size: tuple[float, float],
    unit: float,
    ax: Axes | None,
) -> Axes:
    """Axes for images, y pointing down, of `size` units; a unit and the margins are in inches.

    Placed by hand, because layout engines leave gaps or cut names off when the aspect is fixed.
    An `ax` passed in stays where it is.
    """
    if ax is None:
        left, bottom, right, top = margins
        width, height = size[0] * unit, size[1] * unit
        page = Picture(figsize=(left + width + right, bottom + height + top), facecolor="white")
        x, y = page.get_size_inches()
        ax = page.add_axes((left / x, bottom / y, width / x, height / y))
    ax.set(xlim=(0, size[0]), ylim=(size[1], 0), autoscale_on=False, xticks=[], yticks=[])
    ax.set_aspect("equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _show(ax: Axes, image: Any, x: float, y: float) -> None:
    """Draw the image in the unit square at (x, y), which its longer side fills."""
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3):
        raise DataError(f"an image must be (H, W) or (H, W, 3); this one is {pixels.shape}")
    pixels = _in_unit(pixels)
    if pixels.ndim == 2 or pixels.shape[-1] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=-1)
    high, wide = np.array(pixels.shape[:2]) / max(pixels.shape[:2]) / 2
    # Small images show their pixels: smoothed, they would be a blur, and make large files.
    kind = "nearest" if max(pixels.shape[:2]) < 80 else "antialiased"
    extent = (x + 0.5 - wide, x + 0.5 + wide, y + 0.5 + high, y + 0.5 - high)
    ax.imshow(pixels, extent=extent, interpolation=kind)


def _in_unit(pixels: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 1: integers by their range, and floating ones beyond by their own."""
    if pixels.dtype.kind in "iu":
        return pixels / (65535 if pixels.dtype == np.uint16 else 255)
    low, high = pixels.min(initial=0), pixels.max(initial=1)
    unit: np.ndarray = (pixels.astype(np.float64) - low) / (high - low)
    return unit
