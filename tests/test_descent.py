"""descend is fit on whole batches, many epochs a call: the same numbers, best weights and end."""

import jax
import numpy as np
import pytest

from fnet import data, losses, models, optimizers, serial
from fnet.compose import mixed_precision
from fnet.errors import ConfigurationError, TrainingError
from fnet.layers import affine, squeeze, tanh
from fnet.training import fit
from fnet.training.descent import descend
from fnet.training.stopping import stop_early, until_converged

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
T = (X @ [1.0, -2.0, 0.5] + RNG.normal(size=60) > 0).astype(np.float64)
ROWS = data.memory({"features": X, "label": T}, transform=data.rescale((-3, 3)))
TRAIN, VAL = ROWS.select(np.arange(40)), ROWS.select(np.arange(40, 60))
IMAGES = data.memory(
    {"image": RNG.integers(0, 256, (30, 4, 4, 3), np.uint8), "label": np.arange(30) % 3},
    transform=data.rescale(),
)

LOGISTIC = (models.logistic_regression(l2=1e-3), losses.bce(), optimizers.sgd(3.0))
CASES = {
    "logistic": (*LOGISTIC, TRAIN, VAL),
    "no validation": (*LOGISTIC, TRAIN, None),
    "regression": (
        models.logistic_regression(),
        losses.mse(),
        optimizers.momentum(1.0),
        TRAIN,
        VAL,
    ),
    "network": (
        models.classification_net(3, hidden=5),
        losses.cross_entropy(),
        optimizers.adam(0.05),
        IMAGES.select(np.arange(20)),
        IMAGES.select(np.arange(20, 30)),
    ),
}


def near(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9), a, b)


@pytest.mark.parametrize("name", CASES)
def test_it_is_fit(name):
    model, loss, optimizer, train, val = CASES[name]
    one_by_one = list(fit(model, loss, optimizer, train, val, epochs=25))
    many = list(descend(model, loss, optimizer, train, val, epochs=25, every=10))

    assert [record.epoch for record in many] == [10, 20, 25]
    for key in one_by_one[0].metrics:
        found = np.concatenate([record.history[key] for record in many])
        near(found, np.array([record.metrics[key] for record in one_by_one]))
    near(many[-1].metrics, one_by_one[-1].metrics)
    near(np.concatenate([r.losses for r in many]), np.concatenate([r.losses for r in one_by_one]))
    near(many[-1].state, one_by_one[-1].state)
    assert many[-1].best.epoch == one_by_one[-1].best.epoch
    near(many[-1].best, one_by_one[-1].best)


def overfitting():
    """A learning rate at which the validation loss soon rises."""
    model = models.classification_net(3, hidden=5)
    return model, losses.cross_entropy(), optimizers.adam(0.05), *CASES["network"][3:]


@pytest.mark.parametrize("every", [1, 7, 1000])
def test_patience_ends_where_stop_early_does(every):
    expected = list(stop_early(fit(*overfitting(), epochs=300), patience=4))[-1]
    last = list(descend(*overfitting(), epochs=300, every=every, patience=4))[-1]
    assert last.epoch == expected.epoch < 300
    assert last.best.epoch == expected.best.epoch
    near((last.state, last.best.params), (expected.state, expected.best.params))
    assert len(last.history["val_loss"]) <= every


def test_tolerance_ends_with_the_first_short_step():
    expected = list(until_converged(fit(*LOGISTIC, TRAIN, epochs=500), tolerance=0.02))[-1]
    last = list(descend(*LOGISTIC, TRAIN, epochs=500, every=64, tolerance=0.02))[-1]
    assert last.epoch == expected.epoch < 500
    near(last.state, expected.state)


def test_whatever_stands_between_two_records_the_bits_are_the_same():
    def run(every):
        return list(descend(*CASES["network"], epochs=23, every=every))[-1]

    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a, b),
        (run(23).state, run(23).best.params),
        (run(5).state, run(5).best.params),
    )


def test_it_goes_on_from_a_record():
    *_, whole = descend(*CASES["logistic"], epochs=20, every=10)
    *_, half = descend(*CASES["logistic"], epochs=10)
    *_, rest = descend(*CASES["logistic"], epochs=20, resume=half)
    near((rest.state, rest.best), (whole.state, whole.best))
    assert list(descend(*CASES["logistic"], epochs=10, resume=half)) == []


def test_it_stops_where_it_is_no_longer_finite():
    _, _, _, train, val = CASES["regression"]
    model, wild = serial(affine(1), squeeze()), optimizers.sgd(1e200)
    with pytest.raises(TrainingError, match=r"at step 2 .* smaller learning rate than 1e\+200"):
        list(descend(model, losses.mse(), wild, train, val, epochs=5))


def test_one_compilation_whatever_the_epochs():
    from fnet.training.stretches import make_stretch

    model, loss, optimizer, train, val = CASES["logistic"]
    compiled = make_stretch(model, loss, optimizer, 11, train.transform, val.transform)
    before = compiled._cache_size()
    list(descend(model, loss, optimizer, train, val, epochs=30, every=11))
    list(descend(model, loss, optimizer, train, val, epochs=300, every=11, patience=2))
    assert compiled._cache_size() == before + 1


class OnDisk:
    """Samples that are not in memory."""

    fields, classes, transform = ("features", "label"), (), ROWS.transform
    gather = staticmethod(ROWS.gather)
    __len__ = lambda self: len(ROWS)  # noqa: E731
    __getitem__ = lambda self, index: ROWS[index]  # noqa: E731


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": OnDisk()}, "must be in memory"),
        ({"val": None, "patience": 3}, "give `val`"),
        ({"every": 0}, "every is 0"),
        ({"epochs": -1}, "epochs is -1"),
        ({"loss": losses.bce("none")}, "one number is needed"),
    ],
)
def test_what_cannot_be_done_is_said(change, message):
    model, loss, optimizer, train, val = CASES["logistic"]
    given = {"loss": loss, "train": train, "val": val, "epochs": 2, **change}
    with pytest.raises(ConfigurationError, match=message):
        list(descend(model, optimizer=optimizer, **given))


def test_a_model_in_bfloat16_descends():
    """findings/bfloat16_product_under_vmap.sh: XLA refuses some products side by side."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)).astype(np.float32)
    train = data.memory({"x": x, "label": (x[:, 0] > 0).astype(np.int32)})
    model = mixed_precision(serial(affine(7), tanh(), affine(2)))
    loss, optimizer = losses.cross_entropy(), optimizers.adam(0.05)
    *_, last = descend(model, loss, optimizer, train, train, epochs=30)
    assert last.metrics["val_accuracy"] > 0.9
