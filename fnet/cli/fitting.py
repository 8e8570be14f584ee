"""Whether images and their training fit into memory, computed before any is taken."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from fnet.cli.arguments import ALL, IMAGE_BATCH, Settings
from fnet.cli.build import build_model
from fnet.cli.folders import Opened
from fnet.core import Layer, Shape
from fnet.core.available import available_memory
from fnet.core.trees import nbytes
from fnet.data import ImageFolder, Memory
from fnet.errors import DataError
from fnet.summary import human_bytes, summary
from fnet.training.feeding import free_bytes

STATES = 4  # arrays as large as the parameters: these, their gradients, two of the optimizer
MANY = 4000  # bytes that no model keeps for a number of its input
LEAST = 8  # pixels of the smallest side that is proposed


def check_fits(opened: Opened, settings: Settings) -> None:
    """Raise DataError for images too large for the memory, or for training on them there.

    Counted are the pixels of all images and, where a model is named, its parameters and what a step
    keeps for one batch. Nothing is allocated, and where it is unknown what is available, everything
    fits.
    """
    shape = _shape(opened)
    if len(shape) != 3:
        return
    samples = sum(len(part) for part in opened.parts.values())
    on_disk = all(isinstance(part, ImageFolder) for part in opened.parts.values())
    pixels = samples * math.prod(shape) if on_disk else 0
    room = available_memory()
    batch, step = 0, 0.0
    if settings.get("model") is not None:
        share = 1 if {"val", "test"} <= opened.parts.keys() else settings["split"][0]
        train = math.ceil(share * len(opened.parts["train"]))
        size = settings["batch_size"] or IMAGE_BATCH
        batch = train if size == ALL else min(size, train)
        step = _step_bytes(
            settings, len(opened.parts["train"].classes), shape, batch, room - pixels
        )
    apart = jax.default_backend() != "cpu"  # where a device has a memory of its own
    needs = (pixels, step) if apart else (pixels + step, 0)
    if needs[0] > room or needs[1] > free_bytes():
        room = free_bytes() if needs[0] <= room else room
        raise DataError(_refusal(opened, shape, samples, (pixels, step), batch, room))


def _shape(opened: Opened) -> Shape:
    """(H, W, C) of the images; () of other samples."""
    part = next(iter(opened.parts.values()))
    if isinstance(part, ImageFolder):
        return part.gather([0])["image"].shape[1:]
    return part.arrays[part.fields[0]].shape[1:] if isinstance(part, Memory) else ()


def _step_bytes(settings: Settings, classes: int, shape: Shape, batch: int, room: float) -> float:
    """What a step of training takes; 0, or an estimate from above, where it fits anyway."""
    if MANY * batch * math.prod(shape) < room:
        return 0.0
    model = build_model(settings, classes)
    rough = _caches(model, shape, batch)
    if rough <= room:
        return rough
    exact = summary(model, shape, batch)
    return exact.temporaries + STATES * 4.0 * exact.parameters


def _caches(model: Layer, shape: Shape, batch: int) -> float:
    """Twice the caches, for gradients on the way back, and the states of parameters."""
    params: Any = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    x = jax.ShapeDtypeStruct((batch, *shape), jnp.zeros(()).dtype)
    y, cache = jax.eval_shape(model.forward, params, x)
    return 2.0 * nbytes((x, y, cache)) + STATES * nbytes(params)


def _refusal(
    opened: Opened,
    shape: Shape,
    samples: int,
    needs: tuple[float, float],
    batch: int,
    room: float,
) -> str:
    pixels, step = needs
    parts = [f"{samples:,} images of {shape[0]} × {shape[1]} pixels take {human_bytes(pixels)}"]
    parts += [f"a step of training on {batch} of them {human_bytes(step)}"] if step else []
    scale = math.sqrt(room / (pixels + step) / 2)
    height, width = (max(LEAST, int(scale * side) // LEAST * LEAST) for side in shape[:2])
    flags = [f"--size {height} {width}"] if pixels else []
    flags += ["a smaller --batch-size"] if step > pixels else []
    return (
        f"{opened.about}: {' and '.join(parts)}, and {human_bytes(room)} are available; take "
        f"{' or '.join(flags)}"
    )
