import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnet.data import PADDING, batches, epoch_order, memory, rescale
from fnet.errors import ConfigurationError


def numbered(n, transform=None):
    x = np.arange(n, dtype=np.float32)
    return memory({"x": x, "target": x * 10}, transform=transform)


@given(
    n=st.integers(0, 70),
    batch_size=st.integers(1, 20),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
)
def test_an_epoch_has_every_sample_once(n, batch_size, shuffle, drop_last, seed, epoch):
    order = epoch_order(n, batch_size, shuffle=shuffle, drop_last=drop_last, seed=seed, epoch=epoch)
    steps = n // batch_size if drop_last else math.ceil(n / batch_size)
    assert order.shape == (steps, batch_size)
    assert order.dtype == np.int32
    flat = order.ravel()
    used = flat[: min(n, flat.size)].tolist()
    assert (flat[len(used) :] == PADDING).all()
    assert len(set(used)) == len(used) <= n
    assert set(used) <= set(range(n))
    assert len(used) == (steps * batch_size if drop_last else n)
    if not shuffle:
        assert used == list(range(len(used)))


@pytest.mark.parametrize(
    ("n", "batch_size", "drop_last", "sizes"),
    [
        (12, 4, False, [4, 4, 4]),
        (12, 4, True, [4, 4, 4]),
        (13, 4, False, [4, 4, 4, 1]),
        (13, 4, True, [4, 4, 4]),
        (3, 4, False, [3]),
        (3, 4, True, []),
    ],
)
def test_spec_7_2_length_when_divisible_and_when_not(n, batch_size, drop_last, sizes):
    assert len(epoch_order(n, batch_size, drop_last=drop_last)) == len(sizes)
    found = batches(numbered(n), batch_size, drop_last=drop_last)
    assert [len(batch["x"]) for batch in found] == sizes


@pytest.mark.parametrize("batch_size", [0, -1])
def test_spec_7_2_a_batch_size_below_1_is_refused_at_once(batch_size):
    with pytest.raises(ConfigurationError, match=f"batch_size is {batch_size}"):
        batches(numbered(3), batch_size)


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(**options):
        return epoch_order(50, 8, **options).tolist()

    assert order(seed=3, epoch=2) == order(seed=3, epoch=2)
    assert order(seed=3, epoch=2) != order(seed=3, epoch=1)
    assert order(seed=3, epoch=2) != order(seed=2, epoch=2)
    assert order(seed=0, epoch=1) != order(seed=1, epoch=0)


def test_the_global_generator_is_neither_read_nor_moved():
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    first = epoch_order(50, 8).tolist()
    np.random.seed(1)
    assert epoch_order(50, 8).tolist() == first
    np.random.seed(0)
    epoch_order(50, 8)
    assert np.random.get_state()[1].tolist() == before


def test_batches_is_a_generator_of_transformed_rows_with_their_targets():
    found = batches(numbered(7, rescale((0, 1), (0, 2))), 3, seed=5, epoch=4)
    assert inspect.isgenerator(found)
    order = epoch_order(7, 3, seed=5, epoch=4)
    for batch, row in zip(found, order, strict=True):
        places = row[row != PADDING]
        np.testing.assert_array_equal(batch["x"], 2 * places)
        np.testing.assert_array_equal(batch["target"], 10 * places)


def test_it_resumes_at_any_step():
    whole = [batch["x"].tolist() for batch in batches(numbered(11), 2, seed=1)]
    for start in range(7):
        rest = [batch["x"].tolist() for batch in batches(numbered(11), 2, seed=1, start=start)]
        assert rest == whole[start:]


def test_batches_are_fresh_and_may_be_written_to():
    dataset = numbered(6)
    first, second = batches(dataset, 3, shuffle=False)
    first["x"][:] = -1
    first["target"][:] = -1
    assert second["x"].tolist() == [3, 4, 5]
    assert dataset.arrays["x"].tolist() == [0, 1, 2, 3, 4, 5]
    assert dataset.arrays["target"].tolist() == [0, 10, 20, 30, 40, 50]
