"""Training is what it was: the same seed gives the same weights as the fnet that recorded them.

The bits depend on the processor too, which multiplies and exponentiates by its own instructions: so
a digest of such operations stands beside that of the weights. Where it is another one, the losses
are compared instead.
"""

import hashlib
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import data, losses, models, optimizers
from fnet.layers import tanh
from fnet.training import fit

RECORDED = Path(__file__).parent / "recorded" / "weights.json"
MODELS = {
    "classification_net(10, hidden=20)": models.classification_net(10, hidden=20),
    "classification_net(10, hidden=11, layers=3, activation=tanh(), l2=1e-4)": (
        models.classification_net(10, hidden=11, layers=3, activation=tanh(), l2=1e-4)
    ),
}
OPTIMIZERS = {
    "adam(0.001)": optimizers.adam(1e-3),
    "momentum(0.01, nesterov=True)": optimizers.momentum(0.01, nesterov=True),
}


def digest(tree) -> str:
    """SHA-256 of the bytes of all arrays."""
    whole = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        whole.update(np.ascontiguousarray(leaf).tobytes())
    return whole.hexdigest()


def arithmetic() -> str:
    """A digest of what this processor makes of a product, an exponential and a sum."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 257)), jnp.float32)
    return digest(jax.jit(lambda x: (x @ x.T, x.T @ x, jnp.exp(x), jnp.tanh(x), x.sum(0)))(x))


def trained() -> dict[str, tuple[str, list[float]]]:
    """For each model and optimizer: the digest of its weights after two epochs, and its losses."""
    images = data.memory(data.image_folder(data.synthetic_images()))
    parts = data.split(images, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    mean, std = data.mean_and_std(parts["train"], transform=data.rescale())
    prepare = data.compose(data.rescale(), data.normalize(mean, std))
    train, val = (data.memory(parts[name], transform=prepare) for name in ("train", "val"))
    told = {}
    for (name, model), (rule, optimizer) in zip(MODELS.items(), OPTIMIZERS.items(), strict=True):
        run = fit(
            model, losses.cross_entropy(), optimizer, train, val, epochs=2, batch_size=128, seed=3
        )
        *_, record = run
        values = [record.metrics[key] for key in ("train_loss", "val_loss")]
        told[f"{name} by {rule}"] = digest(record.state.params), values
    return told


@pytest.fixture
def single_precision():
    """float32, as a user has it."""
    with jax.enable_x64(False):
        yield


def test_the_same_seed_gives_the_weights_that_were_recorded(single_precision):
    recorded = json.loads(RECORDED.read_text("utf-8"))
    same_processor = arithmetic() == recorded["arithmetic"]
    for name, (weights, values) in trained().items():
        np.testing.assert_allclose(values, recorded[name]["losses"], rtol=1e-4)
        if same_processor and jax.__version__ == recorded["jax"]:
            assert weights == recorded[name]["weights"], name
