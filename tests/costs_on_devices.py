"""What a step on four virtual devices takes and sends, as XLA counts it: a process of its own.

    python -m tests.costs_on_devices

prints, for each mesh, its axes, the bytes of the state before a call, of the one after it and of
temporaries, and how many bytes each all-reduce has.
"""

import json
import math
import re
from typing import Any

import jax
import numpy as np

from fnet import data, devices, models
from tests.on_devices import KINDS, compiled

WIDTH, HIDDEN, CLASSES = 256, 512, 8
BATCH = 8  # of `compiled`
MODEL = models.classification_net(CLASSES, hidden=HIDDEN, layers=3)
DATA = data.memory({"x": np.zeros((16, WIDTH), np.float32), "label": np.zeros(16, np.int32)})
KINDS["wide"] = MODEL, DATA
MESHES = ({"data": 4}, {"data": 2, "model": 2})


def counted(axes: dict[str, int]) -> dict[str, Any]:
    mesh = devices.mesh(math.prod(axes.values()), model=axes.get("model", 1))
    program = compiled("wide", mesh)
    memory = program.memory_analysis()
    beside = sum(array.nbytes for array in DATA.arrays.values())
    return {
        "axes": axes,
        "before": memory.argument_size_in_bytes - beside,
        "after": memory.output_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "reduced": reduced(program.as_text()),
    }


def reduced(text: str) -> list[int]:
    """The bytes of each all-reduce in a program."""
    found = re.findall(r"= (.*?) all-reduce(?:-start)?\(", text)
    return [sum(map(size, re.findall(r"\b[fs]32\[([\d,]*)\]", shapes))) for shapes in found]


def size(shape: str) -> int:
    return 4 * math.prod(int(length) for length in shape.split(",") if length)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 4)
    for axes in MESHES:
        print(json.dumps(counted(axes)), flush=True)
