"""Data that do not fit the device are read ahead in blocks; training cannot tell."""

import threading

import jax
import numpy as np
import pytest

from fnet import data, losses, models, optimizers
from fnet.data.batches import epoch_order
from fnet.errors import DataError
from fnet.training import evaluate, feeding, fit
from fnet.training.evaluation import predict

RNG = np.random.default_rng(0)
IMAGES = data.memory(
    {"image": RNG.integers(0, 256, (53, 4, 4, 3), np.uint8), "label": np.arange(53) % 3},
    transform=data.rescale(),
)
MODEL, LOSS = models.classification_net(3, hidden=5), losses.cross_entropy()


def trained():
    optimizer = optimizers.adam(0.01)
    *_, last = fit(MODEL, LOSS, optimizer, IMAGES, IMAGES, epochs=3, batch_size=4)
    return last


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, y), a, b)


@pytest.mark.parametrize("block", [1, 600, 10**9])
def test_too_large_for_the_device_means_the_same_bits(block, monkeypatch):
    expected = trained()
    predicted = predict(MODEL, LOSS, expected.state.params, IMAGES, batch_size=5)
    valued = evaluate(MODEL, LOSS, expected.state.params, IMAGES, batch_size=5)
    monkeypatch.setattr(feeding, "free_bytes", lambda *_: 100.0)
    monkeypatch.setattr(feeding, "BLOCK", block)
    assert feeding.on_device(IMAGES) is IMAGES
    last = trained()
    same(last.state, expected.state)
    assert last.metrics == expected.metrics
    same(
        tuple(predict(MODEL, LOSS, last.state.params, IMAGES, batch_size=5)),
        tuple(predicted),
    )
    assert evaluate(MODEL, LOSS, last.state.params, IMAGES, batch_size=5) == valued


def test_a_dataset_may_fill_the_same_memory_again(monkeypatch):
    """As one that reads files into an array of its own; a device of the CPU could read it there."""
    monkeypatch.setattr(feeding, "free_bytes", lambda *_: 0.0)
    monkeypatch.setattr(feeding, "BLOCK", 8 * (48 + 8))
    memory = np.zeros(8 * 48 + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    filled = memory[begin : begin + 8 * 48].reshape(8, 4, 4, 3)

    class Refilling(data.Memory):
        def gather(self, indices):
            batch = super().gather(indices)
            filled[: len(indices)] = batch["image"]
            return {**batch, "image": filled[: len(indices)]}

    refilling = Refilling(IMAGES.arrays, IMAGES.classes, IMAGES.transform)
    order = epoch_order(53, 8, seed=1)
    read = [x for x, *_ in feeding.blocks(refilling, order)]
    assert len(read) > 1
    for x, expected in zip(read, (x for x, *_ in feeding.blocks(IMAGES, order)), strict=True):
        np.testing.assert_array_equal(x, expected)


def test_what_is_on_the_device_is_not_copied_again():
    held = feeding.on_device(IMAGES)
    assert feeding.on_device(held) is held
    assert feeding.free_bytes() > 10**6


def test_blocks_together_are_the_batches(monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK", 8 * (48 + 8) * 3)
    monkeypatch.setattr(feeding, "free_bytes", lambda *_: 0.0)
    order = epoch_order(53, 8, seed=1)
    found = [
        (*(np.asarray(array)[np.maximum(row, ~row)] for array in (x, target)), row)
        for x, target, rows, _ in feeding.blocks(IMAGES, order)
        for row in rows
    ]
    assert len(found) == len(order)
    for (x, target, row), places in zip(found, order, strict=True):
        np.testing.assert_array_equal(row < 0, places == -1)
        real = places[places != -1]
        np.testing.assert_array_equal(x[: len(real)], IMAGES.arrays["image"][real])
        np.testing.assert_array_equal(target[: len(real)], IMAGES.arrays["label"][real])
        # Padding is samples of the epoch's first batch, and its rows stand in the block.
        np.testing.assert_array_equal(x[len(real) :], IMAGES.arrays["image"][order[0, len(real) :]])


class Broken(data.Memory):
    """A dataset one of whose samples cannot be read."""

    def gather(self, indices):
        if 0 in np.asarray(indices) and len(np.asarray(indices)) > 1:
            raise DataError("sample 0 is damaged")
        return super().gather(indices)


def test_an_error_of_the_reading_thread_is_raised_and_the_thread_ends(monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK", 1)
    monkeypatch.setattr(feeding, "free_bytes", lambda *_: 0.0)
    broken = Broken(IMAGES.arrays, IMAGES.classes, IMAGES.transform)
    before = threading.active_count()
    with pytest.raises(DataError, match="sample 0 is damaged"):
        list(feeding.blocks(broken, epoch_order(53, 8, seed=1)))
    blocks = feeding.blocks(IMAGES, epoch_order(53, 8, seed=1))
    next(blocks)
    blocks.close()
    assert threading.active_count() == before
