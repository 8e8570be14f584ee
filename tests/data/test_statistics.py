import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnet.data import mean_and_std, memory, normalize, rescale
from fnet.errors import ConfigurationError, DataError


def dataset(x, transform=None):
    return memory({"image": x, "label": np.zeros(len(x), np.int32)}, transform=transform)


@given(
    shape=st.sampled_from([(13, 3), (7, 5, 2, 3), (11,), (1, 2, 3), (29, 1)]),
    batch_size=st.integers(1, 40),
    offset=st.sampled_from([0.0, 1.0, -1e3, 1e9]),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_any_batching_gives_what_numpy_gives(shape, batch_size, offset, scale, seed):
    x = offset + scale * np.random.default_rng(seed).standard_normal(shape)
    mean, std = mean_and_std(dataset(x), batch_size)
    axes = tuple(range(x.ndim - 1)) if x.ndim > 1 else 0
    expected = np.atleast_1d(np.std(x, axis=axes))
    # The resolution of float64 this far from 0; the formula E[x²] − E[x]² would miss it by far.
    resolution = 1e-15 * (abs(offset) + scale) * 10
    np.testing.assert_allclose(
        mean, np.atleast_1d(np.mean(x, axis=axes)), rtol=1e-12, atol=resolution
    )
    np.testing.assert_allclose(std, expected, rtol=1e-9, atol=resolution)


def test_a_large_offset_in_many_batches():
    x = np.array([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])[:, None]
    mean, std = mean_and_std(dataset(x), 1)
    assert mean == (1e9 + 10,)
    np.testing.assert_allclose(std, 22.5**0.5, rtol=1e-9)


def test_channels_of_uint8_images():
    x = np.random.default_rng(0).integers(0, 256, (10, 4, 6, 3), np.uint8)
    mean, std = mean_and_std(dataset(x), 3, transform=rescale())
    np.testing.assert_allclose(mean, (x / 255).mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, (x / 255).std((0, 1, 2)), rtol=1e-6)
    assert all(type(value) is float for value in mean + std)
    y = normalize(mean, std)(rescale()(x)).astype(np.float64)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-5)


def test_the_transform_of_the_dataset_is_not_applied():
    x = np.array([[1.0], [3.0]])
    assert mean_and_std(dataset(x, transform=rescale())) == ((2.0,), (1.0,))


def test_a_constant_column_has_std_0_and_normalize_refuses_it():
    mean, std = mean_and_std(dataset(np.array([[0.1, 1.0]] * 7 + [[0.1, 2.0]])), 3)
    assert std[0] == 0
    with pytest.raises(ConfigurationError, match="column 0"):
        normalize(mean, std)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_has_no_mean(bad):
    with pytest.raises(DataError, match="column 1 holds NaN or infinity"):
        mean_and_std(dataset(np.array([[1.0, 2.0], [3.0, bad]])))


def test_a_batch_size_that_is_none():
    with pytest.raises(ConfigurationError, match="batch_size is 0"):
        mean_and_std(dataset(np.ones((2, 1))), 0)
