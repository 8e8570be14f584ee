"""How long a table is trained where nobody says."""

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
