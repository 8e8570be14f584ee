import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.core.values import read
from fnet.data import compose, fill_missing, flatten, normalize, rescale, transforms
from fnet.errors import ConfigurationError, ShapeError

EVERY = [
    rescale(),
    rescale((0, 255), (-1, 1)),
    rescale(((0.0, 1.0, 2.0), (4.0, 5.0, 7.0))),
    normalize(0.5, 0.25),
    normalize((0.1, 0.2, 0.3), (1.0, 2.0, 3.0)),
    fill_missing(0.0),
    fill_missing((1.0, 2.0, 3.0)),
    flatten(),
    compose(),
    compose(rescale(), normalize(0.5, 0.25), flatten()),
]


@pytest.mark.parametrize("transform", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_jit_agree_and_keep_the_dtype(transform, dtype):
    x = np.random.default_rng(0).uniform(0, 9, (5, 2, 3)).astype(dtype)
    before = x.copy()
    y = transform(x)
    z = jax.jit(transform)(jnp.asarray(x))
    assert isinstance(y, np.ndarray)
    assert y.dtype == z.dtype == dtype
    assert y.shape == z.shape
    np.testing.assert_allclose(y, z, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_a_transform_reads_back_from_what_it_prints(transform):
    assert read(repr(transform), vars(transforms)) is transform


@pytest.mark.parametrize("xp", [np, jnp])
def test_spec_7_3_bytes_do_not_wrap(xp):
    x = xp.asarray([0, 128, 200, 255], dtype=xp.uint8)
    y = rescale((0, 255), (-1, 1))(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [-1, 2 * 128 / 255 - 1, 400 / 255 - 1, 1], atol=1e-6)
    assert rescale()(x)[-1] == 1


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_stays(dtype):
    x = jnp.asarray([[0.0, 255.0]], dtype)
    for transform in (rescale(), normalize(1.0, 2.0), fill_missing(3.0)):
        assert jax.jit(transform)(x).dtype == dtype


def test_rescale_by_column():
    x = np.array([[1.0, 10.0], [3.0, 30.0]])
    y = rescale(((1.0, 0.0), (3.0, 40.0)), (0, 10))(x)
    np.testing.assert_allclose(y, [[0, 2.5], [10, 7.5]])


def test_far_from_zero_float32_keeps_what_it_can():
    x = (1e5 + 3 * np.random.default_rng(0).random((1000, 1))).astype(np.float32)
    y = rescale((float(x.min()), float(x.max())))(x)
    assert (y.min(), y.max()) == (0, 1)
    expected = (x.astype(np.float64) - 1e5) / 3
    np.testing.assert_allclose(normalize(1e5, 3.0)(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rescale((3, 3)), "width 0"),
        (lambda: rescale(((0.0, 1.0), (2.0, 1.0))), "width 0 in column 1"),
        (lambda: normalize(0.0, 0.0), "std is not above 0"),
        (lambda: normalize((0.0, 0.0), (1.0, 0.0)), "column 1"),
        (lambda: normalize(0.0, float("nan")), "std is not above 0"),
        (lambda: normalize(0.0, -1.0), "std is not above 0"),
    ],
)
def test_spec_7_3_nothing_divides_by_zero(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize("xp", [np, jnp])
def test_fill_missing_by_column(xp):
    x = xp.asarray([[1.0, np.nan], [np.nan, 4.0]], dtype=np.float32)
    np.testing.assert_array_equal(fill_missing((8.0, 9.0))(x), [[1, 9], [8, 4]])
    np.testing.assert_array_equal(fill_missing(0.0)(x), [[1, 0], [0, 4]])


def test_flatten_is_row_major():
    x = np.arange(24).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(flatten()(x), [np.arange(12), np.arange(12, 24)])
    assert flatten()(np.zeros((0, 3, 5))).shape == (0, 15)


def test_compose_applies_the_first_first():
    x = np.array([[2.0]])
    assert compose(normalize(1.0, 2.0), rescale((0, 1), (0, 10)))(x) == 5
    assert compose(rescale((0, 1), (0, 10)), normalize(1.0, 2.0))(x) == 9.5
    assert compose()(x) is x


def test_columns_never_grow_by_broadcasting():
    """Statistics of three channels would silently turn a greyscale image into three channels."""
    transform = normalize((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    with pytest.raises(ShapeError, match="its last axis must be 3"):
        transform(np.ones((2, 4, 4, 1)))
    with pytest.raises(ConfigurationError, match=r"in_range is 0; it must be \(low, high\)"):
        rescale(0, 255)
    with pytest.raises(ConfigurationError, match="is not a transform"):
        compose(rescale)


CHANNELS = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.25))


def test_neighbours_are_computed_as_one_and_mean_the_same():
    both = compose(rescale((0, 255), (-1, 1)), normalize(*CHANNELS))
    x = np.random.default_rng(0).integers(0, 256, (1000, 4, 4, 3), np.uint8)
    mean, std = (np.array(values) for values in CHANNELS)
    expected = (x / 255 * 2 - 1 - mean) / std  # in float64
    np.testing.assert_allclose(both(x), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(both)(jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)
    assert both.linear is not None
    assert compose(both, flatten()).linear is None
    again = compose(compose(rescale()), normalize(*CHANNELS), flatten(), rescale((0, 1), (0, 2)))
    assert again(x).shape == (1000, 48)


def test_blocks_of_rows_leave_the_input_alone():
    x = np.random.default_rng(0).normal(size=(700, 100)).astype(np.float32)
    before = x.copy()
    y = normalize(1.0, 2.0)(x)
    np.testing.assert_allclose(y, (before - 1) / 2, rtol=1e-6)
    np.testing.assert_array_equal(x, before)
    assert y.flags.owndata
    assert y.flags.writeable
    assert normalize(0.0, 1.0)(x) is not x
    assert rescale()(np.zeros((0, 3), np.uint8)).shape == (0, 3)


def test_columns_that_do_not_match_are_still_told():
    with pytest.raises(ShapeError, match="3 columns"):
        compose(normalize((0.0,) * 3, (1.0,) * 3), normalize((0.0,) * 2, (1.0,) * 2))(
            np.zeros((4, 2))
        )
