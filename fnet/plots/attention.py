"""Pictures of a network for images: its first filters, and what in an image it attends to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fnet.errors import DataError
from fnet.plots.images import _canvas, _show
from fnet.plots.page import INK, VERMILLION, short, titled

COLUMNS = 8  # of filters
PAIRS = 4  # of an image and its map, in a row


def filters(w: Any, count: int = 64, *, ax: Axes | None = None) -> Figure:
    """The kernels (height, width, channels, out) of a first convolution as pictures.

    Each is the pattern to which its channel responds: in colour for 3 channels, else the mean of
    the channels. Grey is 0, brighter is positive, darker negative, each scaled by its largest
    weight. Shows the `count` kernels with the largest norms.

    >>> import numpy as np
    >>> filters(np.eye(9).reshape(3, 3, 1, 9)).axes[0].get_title("left")
    '9 of 9 filters of the first convolution'
    """
    w = np.asarray(w, np.float64)
    if w.ndim != 4 or w.size == 0 or count < 1:
        raise DataError(f"filters: w is {w.shape}, and must be (height, width, channels, out)")
    sizes = np.linalg.norm(w.reshape(-1, w.shape[-1]), axis=0)
    shown = np.sort(np.argsort(-sizes, kind="stable")[:count])
    rows = -(-len(shown) // COLUMNS)
    ax = _canvas((0.1, 0.1, 0.1, 0.4), (COLUMNS * 1.08 - 0.08, rows * 1.08 - 0.08), 0.8, ax)
    for position, unit in enumerate(shown):
        kernel = w[..., unit]
        if kernel.shape[-1] != 3:
            kernel = kernel.mean(axis=-1)
        pixels = kernel / (np.abs(kernel).max() or 1) / 2 + 0.5
        _show(ax, pixels, position % COLUMNS * 1.08, position // COLUMNS * 1.08)
    return titled(ax, f"{len(shown)} of {w.shape[-1]} filters of the first convolution")


def attention(
    images: Any,
    gradients: Any,
    labels: Any,
    predicted: Any,
    classes: Sequence[str],
    *,
    ax: Axes | None = None,
) -> Figure:
    """Images beside the gradient of the predicted class's output by each pixel.

    `gradients` are those, of the shape of the images. White is the largest over the channels of a
    pixel's |gradient|, so that a change there changes the answer most; each is scaled by its 99th
    percentile.
    Source: Simonyan et al. (2014), Deep inside convolutional networks.

    >>> import numpy as np
    >>> x = np.zeros((2, 8, 8, 3), np.uint8)
    >>> attention(x, np.ones(x.shape), [0, 1], [0, 0], ("cat", "dog")).axes[0].get_title("left")
    'What the network attends to'
    """
    gradients = np.abs(np.asarray(gradients, np.float64))
    if gradients.shape != np.shape(images) or len(gradients) == 0:
        raise DataError(
            f"attention: gradients are {gradients.shape} and images {np.shape(images)}; they must "
            "have one shape, of one image or more"
        )
    maps = gradients.max(axis=-1) if gradients.ndim == 4 else gradients
    rows = -(-len(maps) // PAIRS)
    ax = _canvas((0.1, 0.05, 0.1, 0.65), (PAIRS * 2.2 - 0.2, rows * 1.25), 0.8, ax)
    for place, (image, each) in enumerate(zip(images, maps, strict=True)):
        x, y = place % PAIRS * 2.2, place // PAIRS * 1.25
        _show(ax, image, x, y)
        _show(ax, each / (np.percentile(each, 99) or 1.0), x + 1, y)
        right = predicted[place] == labels[place]
        caption = f"{'✓' if right else '✗'} {short(classes[predicted[place]], 14)}"
        colour = INK if right else VERMILLION
        ax.text(x + 1, y + 1.04, caption, color=colour, fontsize=8.5, ha="center", va="top")
    words = "white: where a change of the pixel would change the answer most"
    return titled(ax, "What the network attends to", words)
