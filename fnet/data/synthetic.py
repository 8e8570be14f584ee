"""Ten classes of small images that need no download: fnet draws them, the same for the same seed.

A shape is an inequality in the plane; its image is that inequality shifted, scaled, rotated,
coloured and overlaid with noise. Position and contrast vary enough that no single template fits a
class: a linear model stays far behind a network with a hidden layer, which is not perfect either.
"""

import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnet.errors import ConfigurationError, DataError
from fnet.files.writing import cache_folder

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Image = NDArray[np.uint8]
Shape = Callable[[Plane, Plane], Mask]

RECIPE = 1  # incremented when pixels change, so that an old folder is never taken for a new one
SIZE = 32
FINE = 4  # points per pixel along each axis, averaged for smooth edges
LIGHT_ON_DARK = 0.85  # of the images; the others are dark on light
ABOUT = "ABOUT.txt"


def _cross(x: Plane, y: Plane) -> Mask:
    near, far = np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y))
    return (near < 0.26) & (far < 0.95)


def _star(x: Plane, y: Plane) -> Mask:
    """On the inner side of at least four of the five lines of a pentagram."""
    turns = [2 * math.pi * k / 5 for k in range(5)]
    inside = [x * math.sin(a) + y * math.cos(a) < 0.32 for a in turns]
    star: Mask = np.sum(inside, axis=0) >= 4
    return star


SHAPES: dict[str, Shape] = {  # y points up
    "circle": lambda x, y: x**2 + y**2 < 0.72,
    "cross": _cross,
    "diamond": lambda x, y: abs(x) / 0.6 + abs(y) < 1,
    "heart": lambda x, y: x**2 + (1.1 * y + 0.25 - 0.65 * np.sqrt(abs(x))) ** 2 < 0.8,
    "moon": lambda x, y: (x**2 + y**2 < 0.9) & ((x - 0.45) ** 2 + (y - 0.15) ** 2 > 0.55),
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.77) < 0.18,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.75,
    "star": _star,
    "stripes": lambda x, y: (np.maximum(abs(x), abs(y)) < 0.85) & (abs(abs(y) - 0.34) > 0.17),
    "triangle": lambda x, y: (y > -0.7) & (1.75 * abs(x) + y < 0.95),
}


def synthetic_images(
    folder: str | os.PathLike[str] | None = None, *, per_class: int = 500, seed: int = 0
) -> Path:
    """A folder of ten class folders with `per_class` PNG images each, 32×32 RGB.

    The images are drawn on the first call and reused afterwards. The pixels of `star/0007.png` are
    a function of the seed alone. The default `folder` is in fnet's cache, in $XDG_CACHE_HOME or
    ~/.cache. Raises DataError if the folder holds anything else, or cannot be written; interrupted
    drawing leaves no folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     folder = synthetic_images(home, per_class=2)
    ...     sorted(path.name for path in (folder / "star").iterdir())
    ['0000.png', '0001.png']
    """
    if per_class < 1 or seed < 0:
        raise ConfigurationError(
            f"synthetic_images: per_class is {per_class} and seed {seed}; "
            "they must be at least 1 and 0"
        )
    home = cache_folder() / f"shapes-{RECIPE}-seed{seed}-{per_class}"
    target = home if folder is None else Path(folder)
    try:
        if not _is_drawn(target, per_class, seed):
            _draw_folder(target, per_class, seed)
    except OSError as error:
        raise DataError(
            f"synthetic_images: cannot write {target} ({error}); choose another folder"
        ) from error
    return target


def draw(name: str, rng: np.random.Generator) -> Image:
    """One image of the named shape, (32, 32, 3) uint8."""
    axis = (np.arange(SIZE * FINE, dtype=np.float32) + 0.5) / (SIZE * FINE / 2) - 1
    cover = _blocks(_place(SHAPES[name], axis[None, :], -axis[:, None], rng))[..., None]
    light, dark = 1 - _tint(rng), _tint(rng)
    shape, ground = (light, dark) if rng.random() < LIGHT_ON_DARK else (dark, light)
    coarse, angle = axis.reshape(SIZE, FINE).mean(axis=1), rng.uniform(0, 2 * math.pi)
    slope = math.cos(angle) * coarse[None, :] + math.sin(angle) * coarse[:, None]
    noise = rng.standard_normal((SIZE, SIZE, 3), np.float32)
    image: Plane = cover * shape + (1 - cover) * (ground + 0.15 * slope[..., None]) + 0.08 * noise
    return (255 * image.clip(0, 1) + 0.5).astype(np.uint8)


def _place(inside: Shape, x: Plane, y: Plane, rng: np.random.Generator) -> Mask:
    """The shape near the middle, scaled and slightly rotated at random."""
    right, up, angle = rng.uniform((-0.2, -0.2, -0.35), (0.2, 0.2, 0.35)).tolist()
    size = rng.uniform(0.5, 0.75)
    x, y = (x - right) / size, (y - up) / size
    c, s = math.cos(angle), math.sin(angle)
    return inside(c * x + s * y, c * y - s * x)


def _blocks(fine: Mask) -> Plane:
    """The fraction of each pixel that is covered."""
    cover: Plane = fine.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3), dtype=np.float32)
    return cover


def _tint(rng: np.random.Generator) -> Plane:
    """A dark colour of any hue, (3,)."""
    hue, strength = rng.random(), rng.uniform(0.15, 0.65)
    wave = 0.5 + 0.5 * np.cos(2 * math.pi * (hue + np.arange(3) / 3))
    return (strength * wave).astype(np.float32)


def _about(per_class: int, seed: int) -> str:
    return (
        f"{len(SHAPES)} classes of {per_class} images, 32×32 RGB, drawn by fnet "
        f"(recipe {RECIPE}, seed {seed}). Delete this folder freely: it can be drawn again.\n"
    )


def _is_drawn(folder: Path, per_class: int, seed: int) -> bool:
    """Whether this set is in the folder; raises DataError if anything else is."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    about = folder / ABOUT
    known = about.is_file() and about.read_bytes() == _about(per_class, seed).encode()
    if not known or any(len(list((folder / c).glob("*.png"))) != per_class for c in SHAPES):
        raise DataError(
            f"synthetic_images: {folder} holds something other than {per_class} images of each of "
            f"{len(SHAPES)} classes, drawn with seed {seed}; choose another folder, or delete it"
        )
    return True


def _draw_folder(folder: Path, per_class: int, seed: int) -> None:
    """Draw beside the folder and rename, so that it appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fnet-", dir=folder.parent) as scratch:
        drawing = Path(scratch) / "images"
        for label, name in enumerate(SHAPES):
            (drawing / name).mkdir(parents=True)
            for number in range(per_class):
                image = draw(name, np.random.default_rng((seed, label, number)))
                _write_png(drawing / name / f"{number:04d}.png", image)
        (drawing / ABOUT).write_bytes(_about(per_class, seed).encode())
        try:
            drawing.rename(folder)
        except OSError:  # another process may have drawn the same set first
            if not _is_drawn(folder, per_class, seed):
                raise


def _write_png(path: Path, image: Image) -> None:
    import PIL.Image

    PIL.Image.fromarray(image).save(path, compress_level=1)
