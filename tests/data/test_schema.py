"""What a schema learns from training rows, and how it encodes others, beside NumPy's numbers."""

import numpy as np
import pytest

from fnet.data.kinds import Kind
from fnet.data.leaks import gives_away
from fnet.data.schema import fit_schema
from fnet.errors import ConfigurationError, DataError

NUMBER = (Kind("x", "number"),)
X = np.array([1.0, 2.0, np.nan, 10.0])
KNOWN = X[[0, 1, 3]]


def encoded(values, kinds=NUMBER, learned=None, **how):
    """These values as one column, encoded by the schema of `learned`, by default their own."""
    values = np.asarray(values)
    schema = fit_schema(kinds, {"x": values if learned is None else np.asarray(learned)}, **how)
    return schema.encode({"x": values}, np.float64)


SCALED = {  # the centre and the width
    "minmax": (KNOWN.min(), np.ptp(KNOWN)),
    "standard": (KNOWN.mean(), KNOWN.std()),
    "none": (0, 1),
}
FILLED = {"mean": KNOWN.mean(), "median": np.median(KNOWN), "category": KNOWN.mean()}


@pytest.mark.parametrize("scale", SCALED)
@pytest.mark.parametrize("missing", ["mean", "median", "category"])
def test_numbers_are_scaled_and_gaps_filled(scale, missing):
    centre, width = SCALED[scale]
    found = encoded(X, missing=missing, scale=scale)
    whole = np.where(np.isnan(X), FILLED[missing], X)
    np.testing.assert_allclose(found[:, 0], (whole - centre) / width, rtol=1e-15, atol=1e-15)
    assert found[:, 1:].tolist() == ([[0], [0], [1], [0]] if missing == "category" else [[]] * 4)


@pytest.mark.parametrize("scale", SCALED)
def test_a_column_that_is_constant_in_training(scale):
    expected = [5, 7, 5] if scale == "none" else [0, 2, 0]
    found = encoded([5, 7, np.nan], learned=[5.0, 5.0, np.nan], scale=scale)
    assert found.ravel().tolist() == expected


def test_a_column_without_a_number_in_training():
    assert encoded([5, np.nan], learned=[np.nan] * 2).ravel().tolist() == [5, 0]
    kept = encoded([5, np.nan], learned=[np.nan] * 2, missing="nan", scale="none")
    np.testing.assert_array_equal(kept.ravel(), [5, np.nan])


def test_values_far_from_0_and_large_ones():
    near = np.arange(1000) % 4
    far = encoded(2.0**51 + near, scale="standard").ravel()
    np.testing.assert_allclose(far, (near - 1.5) / near.std(), rtol=1e-14)
    large = np.array([1e308, 1.5e308, 1.7e308])
    assert np.isfinite(encoded(large)).all()


def test_a_word_that_is_not_known_is_not_a_missing_one():
    kinds = (Kind("x", "category", ("a", "b", "c")),)
    codes = np.array([0, 2, -1], np.int32)
    schema = fit_schema(kinds, {"x": codes})
    assert schema.names == ("x=a", "x=c", "x is missing")
    table = schema.recoded(kinds, {"x": np.array([0, 1, 2, -1], np.int32)})
    assert schema.encode(table).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(("name", "value"), [("missing", "zero"), ("scale", "max")])
def test_other_words_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'; it must be one of"):
        encoded(X, **{name: value})


def test_few_rows_of_each_value_do_not_give_a_label_away():
    few, many = np.arange(12) % 3, np.arange(15) % 3
    assert not gives_away(few * 2.0, few, True)
    assert gives_away(many * 2.0, many, True)
    assert not gives_away(many * 2.0, np.where(np.arange(15) == 7, 0, many), True)


@pytest.mark.parametrize("scale", ["minmax", "standard"])
def test_numbers_beyond_float32_are_scaled_before_they_are_cast(scale):
    large = np.array([1e200, 3e200, -1e200, 2e200])
    schema = fit_schema(NUMBER, {"x": large}, scale=scale)
    expected = fit_schema(NUMBER, {"x": large / 1e200}, scale=scale).encode({"x": large / 1e200})
    np.testing.assert_allclose(schema.encode({"x": large}), expected, rtol=1e-6)
    with pytest.raises(DataError, match=r"'x': 1e\+300 is infinite in float32 when it is scaled"):
        schema.encode({"x": np.array([1e200, 1e300])})
