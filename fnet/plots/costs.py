"""Costs: bytes layer by layer, and time as sizes grow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from fnet.errors import DataError
from fnet.plots.page import BLUE, INK, LINES, ORANGE, figure, frame, legend, page, short
from fnet.summary import Summary, human_bytes

TICKS = 8  # with more sizes than this, matplotlib chooses the ticks


def layer_bytes(summary: Summary, *, ax: Axes | None = None) -> Figure:
    """The bytes of a forward and backward pass, layer by layer: the caches (an array that two
    layers need is counted once) and the gradients of the parameters.

    >>> from fnet.models import classification_net
    >>> from fnet.summary import summary
    >>> figure = layer_bytes(summary(classification_net(10), (3072,), batch_size=8))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['affine(100)', 'relu()', 'affine(10)']
    """
    rows = summary.leaves
    ax = ax or page(7.5, 1.5 + 0.5 * len(rows)).subplots()
    y = np.arange(len(rows))
    for part, shift, colour, hatch in (("cache", -0.2, BLUE, ""), ("gradient", 0.2, ORANGE, "//")):
        sizes = [getattr(row, part) for row in rows]
        label = f"{part}, {human_bytes(sum(sizes))} in all"
        bars = ax.barh(y + shift, sizes, 0.38, color=colour, hatch=hatch, ec="white", label=label)
        words = [human_bytes(size) if size else "0" for size in sizes]
        ax.bar_label(bars, words, padding=4, color=INK, fontsize=8.5)
    ax.set_yticks(y, [short(row.layer, 32) for row in rows])
    ax.invert_yaxis()
    frame(ax, f"bytes, for a batch of {summary.batch_size}", "")
    ax.grid(visible=False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: human_bytes(int(size))))
    ax.margins(x=0.14)
    legend(ax)
    return figure(ax)


def growth(
    sizes: Sequence[float], seconds: Mapping[str, Any], xlabel: str, *, ax: Axes | None = None
) -> Figure:
    """How time grows with a size, on logarithmic axes, where a power law is a straight line.

    `seconds` maps each name to one time per entry of `sizes`. The legend gives each fitted power: 1
    if time grows in proportion to the size, 2 if with its square.

    >>> figure = growth([10, 100, 1000], {"a product": [1e-5, 1e-3, 1e-1]}, "width of a layer")
    >>> figure.axes[0].get_legend_handles_labels()[1]
    ['a product: size ^ 2.00']
    """
    x = np.asarray(sizes, np.float64)
    if len(x) < 2 or not (x > 0).all():
        raise DataError(f"growth: sizes are {list(sizes)}; pass two or more, all above 0")
    ax = ax or page(6.4, 4.2).subplots()
    for index, (name, times) in enumerate(seconds.items()):
        y = np.asarray(times, np.float64)
        if y.shape != x.shape or not (y > 0).all():
            raise DataError(f"growth: {name!r} must have a time above 0 for each of {len(x)} sizes")
        power = np.polyfit(np.log(x), np.log(y), 1)[0]
        colour, style, marker = LINES[index % len(LINES)]
        ax.loglog(x, y, style, color=colour, marker=marker, label=f"{name}: size ^ {power:.2f}")
    if len(x) <= TICKS:
        ax.set_xticks(x, [f"{size:,g}" for size in x])
        ax.xaxis.set_minor_locator(NullLocator())
    frame(ax, xlabel, "time (s)")
    legend(ax)
    return figure(ax)
