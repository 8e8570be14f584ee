"""How long is trained where nobody says."""

from types import SimpleNamespace

import numpy as np
import pytest

from fnet.cli.choices import completed
from fnet.cli.train import DEFAULTS
from fnet.data import Memory


@pytest.mark.parametrize(
    ("rows", "size", "epochs"),
    [
        (500, None, 2000),  # all rows at each step
        (1085, None, 60),  # 34 steps an epoch: 2,000 are 59 epochs
        (6316, None, 60),
        (16_000, None, 24),  # 12,000 steps
        (60_000, None, 20),
        (500, 50, 200),
    ],
)
def test_epochs_of_a_table(rows, size, epochs):
    train = Memory({"features": np.zeros((rows, 1)), "target": np.arange(float(rows))})
    settings = {**DEFAULTS, "target": "y", "batch_size": size}
    found, said = completed(settings, SimpleNamespace(train=train))
    assert found["epochs"] == epochs
    assert f"--epochs {epochs}" in said[0]


@pytest.mark.parametrize(("epochs", "size"), [(50, 32), (1999, 32), (2000, "all"), (None, "all")])
def test_few_epochs_are_of_many_steps(epochs, size):
    """Who states 50 epochs expects more than 50 steps."""
    train = Memory({"features": np.zeros((500, 1)), "target": np.arange(500.0)})
    settings = {**DEFAULTS, "target": "y", "epochs": epochs}
    assert completed(settings, SimpleNamespace(train=train))[0]["batch_size"] == size
    solved = {**settings, "optimizer": "lbfgs"}  # whose steps are few, and of all rows
    assert completed(solved, SimpleNamespace(train=train))[0]["batch_size"] == "all"


@pytest.mark.parametrize(
    ("rows", "size", "chosen", "said"),
    [
        (36, None, (32, 240), ["chosen for 36 images: --batch-size 32 --epochs 240"]),
        (1000, None, (32, 20), ["chosen for 1000 images: --batch-size 32 --epochs 20"]),
        (1200, None, (128, 48), ["chosen for 1200 images: --batch-size 128 --epochs 48"]),
        (3000, None, (128, 20), []),
        (36, 8, (8, 96), ["chosen for 36 images: --epochs 96"]),
        (36, "all", ("all", 20), []),
    ],
)
def test_epochs_of_images(rows, size, chosen, said):
    train = Memory({"image": np.zeros((rows, 1, 1, 3)), "label": np.arange(rows) % 2}, ("a", "b"))
    settings = {**DEFAULTS, "model": "cnn", "batch_size": size}
    found, words = completed(settings, SimpleNamespace(train=train))
    assert ((found["batch_size"], found["epochs"]), words) == (chosen, said)
