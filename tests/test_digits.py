"""A real image folder that fnet has never seen, with no other flag than --data and its model."""

import json

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from fnet.cli import main
from tests.cli.conftest import as_users


def test_scans_of_digits(tmp_path, monkeypatch):
    """1,797 scans of 8×8, upscaled: 95 % of the test part within 60 epochs."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        folder = tmp_path / "digits" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((pixels * (255 / 16)).astype(np.uint8))
        image.resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number:04d}.png")
    monkeypatch.chdir(tmp_path)
    with as_users():
        assert main("train --data digits --model mlp --epochs 60 --out run".split()) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    assert metrics["test_samples"] == 359
    assert metrics["test_accuracy"] >= 0.95
