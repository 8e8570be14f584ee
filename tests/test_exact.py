"""Numbers of 64 bits on their way to a device of 32: their differences are kept, or it is said."""

import jax
import ml_dtypes
import numpy as np
import pytest

from fnet import data, losses, models, optimizers
from fnet.data import memory, normalize
from fnet.errors import DataError
from fnet.training import fit
from fnet.training.descent import descend
from fnet.training.evaluation import evaluate, predict
from fnet.training.exact import exact

CASES = {
    "Unix seconds": (np.float64, 1.7e9, 100),
    "Unix milliseconds": (np.float64, 1.7e12, 86_400),
    "Unix seconds, int64": (np.int64, 1_700_000_000, 100),
    "Unix milliseconds, int64": (np.int64, 1_700_000_000_000, 86_400_000),
    "telephones, uint64": (np.uint64, 5_000_000_000, 1_000_000),
}


def job(dtype, base, spread):
    steps = np.random.default_rng(0).integers(0, spread, 400)
    x = (base + steps).astype(dtype)[:, None]
    raw = memory({"x": x, "y": (steps > spread // 2).astype(int)})
    return data.memory(raw, transform=normalize(*data.mean_and_std(raw))), steps


@pytest.mark.parametrize("case", CASES)
def test_differences_are_kept(case):
    dataset, steps = job(*CASES[case])
    with jax.enable_x64(False):
        seen = exact(dataset).arrays["x"]
    assert seen.dtype == np.float32
    assert len(np.unique(seen)) > 0.9 * len(np.unique(steps))


def test_a_threshold_among_milliseconds_is_learned():
    dataset, _ = job(*CASES["Unix milliseconds, int64"])
    with jax.enable_x64(False):
        model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.adam(0.3)
        *_, record = fit(model, loss, optimizer, dataset, dataset, epochs=200)
        assert record.metrics["val_accuracy"] > 0.97
        found = predict(model, loss, record.best.params, dataset)
        assert np.mean(found.predicted == found.labels) > 0.97
        assert evaluate(model, loss, record.best.params, dataset)["accuracy"] > 0.97
        *_, record = descend(model, loss, optimizer, dataset, dataset, epochs=200)
        assert record.metrics["val_accuracy"] > 0.97


def test_what_is_safe_is_left_alone():
    for x in (np.arange(4.0)[:, None], np.arange(4)[:, None], np.zeros((4, 2, 2, 3), np.uint8)):
        dataset = memory({"x": x, "y": np.zeros(4)}, transform=data.rescale())
        assert exact(dataset) is dataset


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_without_a_transform_it_is_refused(dtype):
    x = np.array([[5_000_000_000], [5_000_000_001]], dtype)
    with jax.enable_x64(False), pytest.raises(DataError, match="x: values up to 5000000001 cannot"):
        exact(memory({"x": x, "y": np.zeros(2)}))


def test_words_as_labels():
    dataset = memory({"x": np.ones((3, 1)), "y": np.array(["b", "a", "b"])})
    assert dataset.classes == ("a", "b")
    assert dataset.arrays["y"].tolist() == [1, 0, 1]
    ordered = memory({"x": np.ones((3, 1)), "y": ["b", "a", "b"]}, ("b", "a"))
    assert ordered.arrays["y"].tolist() == [0, 1, 0]
    with pytest.raises(DataError, match="y holds 'c', which is none of the classes"):
        memory({"x": np.ones((1, 1)), "y": ["c"]}, ("b", "a"))


def test_an_empty_set_is_left_to_those_who_say_so():
    dataset, _ = job(*CASES["Unix seconds"])
    with jax.enable_x64(False):
        assert len(exact(dataset.select([]))) == 0


def test_inputs_of_16_bits_keep_their_type():
    x = np.ones((3, 2), ml_dtypes.bfloat16)
    assert normalize(0.0, 1.0)(x).dtype == x.dtype


def test_objects():
    x = np.array([[1, 2.5], [3, 4.5]], object)
    dataset = memory({"x": x, "y": np.array([0, 1], object)})
    assert dataset.arrays["x"].dtype == np.float64
    assert dataset.arrays["y"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.array([["1"], ["2"]]), "x holds words, such as"),
        (np.array([["a"], [2]], object), "x holds 'a'"),
        (np.array([["2024-01-01"], ["2024-01-02"]], "datetime64[D]"), r"x holds datetime64\[D\]"),
    ],
)
def test_inputs_that_are_no_numbers(x, words):
    with pytest.raises(DataError, match=words):
        memory({"x": x, "y": np.array([0, 1])})
