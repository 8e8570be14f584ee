"""Shared by all pictures: the page, the colours, the frame, the legend and the title."""

import io
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
INK, MUTED, FAINT = "#222222", "#666666", "#DDDDDD"
# Colour, dash pattern and marker of each line of a picture, in order.
LINES = (
    (VERMILLION, "-", "o"),
    (BLUE, "-", "s"),
    (ORANGE, "-", "^"),
    ("#009E73", "--", "D"),
    ("#CC79A7", "--", "v"),
    ("#56B4E9", "--", "P"),
    (INK, ":", "X"),
)


class Picture(Figure):
    """A Figure that a notebook displays without set-up, in 256 colours: a third of the bytes."""

    def _repr_png_(self) -> bytes:
        page, small = io.BytesIO(), io.BytesIO()
        self.savefig(page, format="png")
        image = Image.open(page).convert("RGB").quantize(dither=Image.Dither.NONE)
        image.save(small, format="png", optimize=True)
        return small.getvalue()


def page(width: float, height: float) -> Figure:
    """A page of this size in inches, laid out around its contents."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def frame(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Label the two axes, and add faint horizontal grid lines."""
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(color=MUTED, labelcolor=INK)
    ax.grid(axis="y", color=FAINT, lw=0.7)
    ax.set_axisbelow(True)


def legend(ax: Axes) -> None:
    """Add a legend above the axes, where it hides nothing; in two rows if it is long."""
    count = len(ax.get_legend_handles_labels()[1])
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        ncols=count if count <= 4 else -(-count // 2),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handlelength=1.5,
    )


def titled(ax: Axes, title: str, subtitle: str = "") -> Figure:
    """Add a title and a subtitle; returns the figure."""
    ax.set_title(title, loc="left", color=INK, fontweight="bold", pad=24 if subtitle else 8)
    if subtitle:
        position = (0, 1), (0, 8), "axes fraction", "offset points"
        ax.annotate(subtitle, *position, color=MUTED, fontsize=9)
    return figure(ax)


def short(name: str, length: int = 24) -> str:
    """The name, truncated if too long, with its dollar signs escaped from matplotlib's formulas."""
    cut = name if len(name) <= length else name[: length - 1] + "…"
    return cut.replace("$", r"\$")


def figure(ax: Axes) -> Figure:
    """The figure of the axes."""
    return cast(Figure, ax.figure)
