"""What every picture is drawn on and with: the page, the colours, the frame, the title."""

import io
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
INK, MUTED, FAINT = "#222222", "#666666", "#DDDDDD"


class Picture(Figure):
    """A Figure that a notebook shows without any set-up."""

    def _repr_png_(self) -> bytes:
        page = io.BytesIO()
        self.savefig(page, format="png")
        return page.getvalue()


def page(width: float, height: float) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def frame(ax: Axes, xlabel: str, ylabel: str) -> None:
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(color=MUTED, labelcolor=INK)
    ax.grid(axis="y", color=FAINT, lw=0.7)
    ax.set_axisbelow(True)


def legend(ax: Axes) -> None:
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


def titled(ax: Axes, title: str, subtitle: str = "") -> Figure:
    ax.set_title(title, loc="left", color=INK, fontweight="bold", pad=24 if subtitle else 8)
    ax.annotate(subtitle, (0, 1), (0, 8), "axes fraction", "offset points", color=MUTED, fontsize=9)
    return figure(ax)


def short(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def figure(ax: Axes) -> Figure:
    return cast(Figure, ax.figure)
