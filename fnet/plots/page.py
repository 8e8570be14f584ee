"""What every picture is drawn on and with: the page, the colours, the frame, the title."""

import io
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
INK, MUTED, FAINT = "#222222", "#666666", "#DDDDDD"
# Colour, dashes and mark of the first line of a picture, the second, ...
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
    """A Figure that a notebook shows without any set-up, in 256 colours: a third of the bytes."""

    def _repr_png_(self) -> bytes:
        page, small = io.BytesIO(), io.BytesIO()
        self.savefig(page, format="png")
        image = Image.open(page).convert("RGB").quantize(dither=Image.Dither.NONE)
        image.save(small, format="png", optimize=True)
        return small.getvalue()


def page(width: float, height: float) -> Figure:
    """A page of that many inches, laid out by what stands on it."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def frame(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Two axes with their names, and faint lines to read heights by."""
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(color=MUTED, labelcolor=INK)
    ax.grid(axis="y", color=FAINT, lw=0.7)
    ax.set_axisbelow(True)


def legend(ax: Axes) -> None:
    """Above the axes, where it hides nothing; in two rows where there is much to say."""
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
    """What the picture says, in words above it."""
    ax.set_title(title, loc="left", color=INK, fontweight="bold", pad=24 if subtitle else 8)
    if subtitle:
        place = (0, 1), (0, 8), "axes fraction", "offset points"
        ax.annotate(subtitle, *place, color=MUTED, fontsize=9)
    return figure(ax)


def short(name: str, length: int = 24) -> str:
    """The name, cut where it is too long; its dollars are no formula to matplotlib."""
    cut = name if len(name) <= length else name[: length - 1] + "…"
    return cut.replace("$", r"\$")


def figure(ax: Axes) -> Figure:
    """The figure that the axes stand on."""
    return cast(Figure, ax.figure)
