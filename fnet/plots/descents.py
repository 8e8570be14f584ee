"""Optimizers side by side: the path of each down a function of two variables."""

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from chex import Array
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from fnet.errors import DataError
from fnet.plots.page import INK, LINES, MUTED, figure, frame, legend, page

LEVELS = 16  # contours
FRAMES, PAUSE = 40, 10  # frames of a movie at most, and how many the last one is held for
MILLISECONDS = 90  # per frame
SHADES = LinearSegmentedColormap.from_list("shades", ("#FFFFFF", "#BFC5CC"))

Function = Callable[[Array, Array], Array]
Paths = Mapping[str, Any]
Span = tuple[float, float]


class Movie(NamedTuple):
    """The bytes of a GIF: a notebook displays it, `save` writes it."""

    gif: bytes

    def __repr__(self) -> str:
        return f"Movie of {len(self.gif):,} bytes"

    def save(self, path: Path | str) -> None:
        """Write it to a file."""
        Path(path).write_bytes(self.gif)

    def _repr_html_(self) -> str:
        encoded = base64.b64encode(self.gif).decode()
        return f'<img alt="an animation" src="data:image/gif;base64,{encoded}">'


def paths(
    function: Function,
    paths: Paths,
    xlim: Span,
    ylim: Span,
    *,
    minimum: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """The paths of optimizers over the contours of `function(x, y)`, darker where it is higher.

    `function` takes two NumPy arrays and returns one. `paths` maps each name to its points
    (steps + 1, 2); a mark shows where a path ends, a star the `minimum`. Contours are denser near
    the lowest value, to show valleys. Points outside the picture, and those from the first
    non-finite one on, are cut off.

    >>> import numpy as np
    >>> points = {"sgd": np.array([[2.0, 1.0], [0.4, 0.2], [0.08, 0.04]])}
    >>> figure = paths(lambda x, y: x**2 + y**2, points, (-2, 2), (-2, 2), minimum=(0, 0))
    >>> [line.get_label() for line in figure.axes[0].get_lines() if line.get_label()[0] != "_"]
    ['sgd']
    """
    ax = ax or page(6.4, 4.8).subplots()
    points = _finite(paths)
    _ground(ax, function, xlim, ylim, minimum)
    for line, path in zip(_lines(ax, points), points.values(), strict=True):
        _draw(line, path)
    legend(ax)
    return figure(ax)


def animated_paths(
    function: Function,
    paths: Paths,
    xlim: Span,
    ylim: Span,
    *,
    minimum: tuple[float, float] | None = None,
) -> Movie:
    """The picture of `paths` as a movie: all paths start at once, and a counter shows the step.

    >>> import numpy as np
    >>> points = {"sgd": np.array([[2.0, 1.0], [0.4, 0.2], [0.08, 0.04]])}
    >>> animated_paths(lambda x, y: x**2 + y**2, points, (-2, 2), (-2, 2)).gif[:6]
    b'GIF89a'
    """
    ax = page(6.4, 4.8).subplots()
    points = _finite(paths)
    _ground(ax, function, xlim, ylim, minimum)
    lines = _lines(ax, points)
    legend(ax)
    counter = ax.text(0.015, 0.02, "", transform=ax.transAxes, color=INK, fontsize=10)
    steps = max(map(len, points.values())) - 1
    shown = np.unique(np.linspace(0, steps, min(FRAMES, steps + 1)).round().astype(int))
    frames = []
    for step in shown:
        counter.set_text(f"step {step}")
        for line, path in zip(lines, points.values(), strict=True):
            _draw(line, path[: step + 1])
        frames.append(_pixels(figure(ax)))
    return Movie(_gif(frames))


def _finite(paths: Paths) -> dict[str, np.ndarray]:
    """The points of each path, up to the first that is not finite."""
    if not paths:
        raise DataError("paths: there are none; map one or more names to arrays (steps + 1, 2)")
    finite = {}
    for name, path in paths.items():
        points = np.asarray(path, np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise DataError(f"paths: {name!r} has shape {points.shape}; it must be (steps + 1, 2)")
        bad = ~np.isfinite(points).all(axis=1)
        finite[name] = points[: int(bad.argmax())] if bad.any() else points
    return finite


def _ground(
    ax: Axes, function: Function, xlim: Span, ylim: Span, minimum: tuple[float, float] | None
) -> None:
    """The contours, and the axes."""
    x, y = np.meshgrid(np.linspace(*xlim, 201), np.linspace(*ylim, 201))
    height = np.asarray(function(x, y), np.float64)
    if height.shape != x.shape or not np.isfinite(height).all():
        raise DataError(
            f"paths: function returns {height.shape} for two arrays {x.shape}, or values that are "
            "not finite; it must return an array of their shape, finite within xlim and ylim"
        )
    low, high = height.min(), height.max()
    levels = low + (high - low) * np.linspace(0, 1, LEVELS) ** 2
    if high > low:
        ax.contourf(x, y, height, levels=levels, cmap=SHADES)
        ax.contour(x, y, height, levels=levels, colors=MUTED, linewidths=0.5, alpha=0.6)
    if minimum is not None:
        ax.plot(*minimum, "*", color=INK, ms=13, zorder=4)
    ax.set(xlim=xlim, ylim=ylim)
    frame(ax, "θ₁", "θ₂")
    ax.grid(visible=False)


def _lines(ax: Axes, points: Mapping[str, np.ndarray]) -> list[Line2D]:
    """An empty line for each path."""
    styles = [LINES[index % len(LINES)] for index in range(len(points))]
    return [
        ax.plot([], [], style, color=colour, marker=marker, label=name, lw=1.8, ms=7, mec="white")[
            0
        ]
        for name, (colour, style, marker) in zip(points, styles, strict=True)
    ]


def _draw(line: Line2D, points: np.ndarray) -> None:
    """Draw the path so far, with a mark at its end."""
    line.set_data(*points.T)
    line.set_markevery([len(points) - 1] if len(points) else [])


def _pixels(drawn: Figure) -> Image.Image:
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=64)
    return Image.open(file).convert("RGB")


def _gif(frames: list[Image.Image]) -> bytes:
    """One palette for all frames, of greys and line colours: what does not move is stored once."""
    greys = [(shade,) * 3 for shade in range(0, 256, 3)]
    colours = [np.multiply(255, to_rgb(colour)) for colour, *_ in LINES]
    tints = [255 - share * (255 - colour) for colour in colours for share in (1, 0.75, 0.5, 0.25)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.array([*greys, *tints]).round().astype(np.uint8).tobytes())
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    times = [MILLISECONDS] * (len(flat) - 1) + [MILLISECONDS * PAUSE]
    flat[0].save(file, "GIF", save_all=True, append_images=flat[1:], duration=times, loop=0)
    return file.getvalue()
