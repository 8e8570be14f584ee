"""Packings of an image folder that are killed."""

import tempfile
import time
from pathlib import Path

import numpy as np

from fnet import data
from tests.forked import FORKED
from tests.torture.hazard import Hazard, Outcome


def killed(cases: int, seed: int) -> Outcome:
    """kill -9 at a random moment of a packing: nothing half packed is ever used, nothing left."""
    failures, cut = [], 0
    with tempfile.TemporaryDirectory() as folder:
        images = data.image_folder(data.synthetic_images(f"{folder}/shapes", per_class=100))
        expected = images.gather(np.arange(len(images)))["image"]
        for case in range(cases):
            rng, cache = np.random.default_rng([seed, case]), Path(folder, f"cache{case}")
            process = FORKED.Process(target=data.packed, args=(images, cache))
            process.start()
            while not cache.exists():
                time.sleep(0.001)
            time.sleep(float(rng.uniform(0, 0.15)))
            process.kill()
            process.join()
            cut += any(cache.glob(".packing-*"))
            found = data.packed(images, cache).images
            if not (found == expected).all() or len(list(cache.iterdir())) != 1:
                failures.append(f"seed {seed}, case {case}: {sorted(cache.iterdir())}")
    return Outcome(cases, failures, f"{cut} kills left something, which the next packing removed")


HAZARDS = (
    Hazard(
        "killed as it packs",
        "kill -9 at a random moment of a packing: the next one is whole, and leaves itself alone",
        killed,
        8,
        100,
    ),
)
