import itertools

import jax
import numpy as np
import optax
import pytest

from fnet import data, losses, models, optimizers
from fnet.errors import ConfigurationError
from fnet.layers import tanh
from fnet.training import fit
from fnet.training.sweeping import _pays, sweep

RATES, SEEDS = (0.003, 0.1), (0, 5, 2)
LOSS = losses.cross_entropy()
MODEL = models.classification_net(3, hidden=6, activation=tanh(), l2=1e-3)
ADAM = optimizers.adam(0.02)


def dataset(n, seed=0):
    rng = np.random.default_rng(seed)
    x, scale = rng.normal(size=(n, 7)), data.rescale((0, 2), (0, 1))
    return data.memory({"features": x, "label": rng.integers(0, 3, n)}, "abc", scale)


TRAIN, VAL = dataset(50), dataset(23, 1)


def swept(**changed):
    given = {"learning_rates": RATES, "seeds": SEEDS, "epochs": 3, "batch_size": 16, **changed}
    return list(sweep(MODEL, LOSS, ADAM, TRAIN, VAL, **given))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("batch_size", [16, None])  # 16: the last batch is of 2
def test_each_is_what_fit_trains_alone(together, batch_size):
    epochs = swept(together=together, batch_size=batch_size)
    for place, (rate, seed) in enumerate(itertools.product(RATES, SEEDS)):
        alone = fit(
            *(MODEL, LOSS, optimizers.adam(rate), TRAIN, VAL),
            **{"epochs": 3, "batch_size": batch_size, "seed": seed},
        )
        for records, expected in zip(epochs, alone, strict=True):
            record = records[place]
            assert (record.epoch, record.best.epoch) == (expected.epoch, expected.best.epoch)
            assert record.metrics.keys() == expected.metrics.keys()
            for found, wanted in zip(
                jax.tree.leaves((record.state, record.best, record.metrics, record.losses)),
                jax.tree.leaves((expected.state, expected.best, expected.metrics, expected.losses)),
                strict=True,
            ):
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("together", [True, False])
def test_one_that_explodes_stays_where_it_was_finite_and_the_others_go_on(together):
    with jax.enable_x64(False):
        records = list(
            sweep(
                *(MODEL, LOSS, optimizers.sgd(1.0), TRAIN, VAL),
                **{"learning_rates": (0.01, 1e30), "epochs": 4, "together": together},
            )
        )
    assert [record.epoch for record in records[-1]] == [4, records[-1][1].epoch]
    assert records[-1][1].epoch < 4
    for record in records[-1]:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(record.state))


@pytest.mark.parametrize("together", [True, False])
def test_it_ends_where_all_have_exploded(together):
    with jax.enable_x64(False):
        found = list(
            sweep(
                *(MODEL, LOSS, optimizers.sgd(1.0), TRAIN, VAL),
                **{"learning_rates": (1e30, 1e32), "epochs": 50, "together": together},
            )
        )
    assert len(found) < 5


@pytest.mark.parametrize("together", [True, False])
def test_without_validation_the_best_are_the_latest(together):
    *_, last = sweep(
        *(MODEL, LOSS, ADAM, TRAIN),
        **{"learning_rates": RATES, "epochs": 2, "batch_size": 16, "together": together},
    )
    assert [record.best.epoch for record in last] == [2, 2]


def test_together_only_where_a_step_is_small():
    small, large = (next(sweep(
        models.classification_net(3, hidden=hidden), LOSS, ADAM, TRAIN,
        learning_rates=RATES, epochs=1, together=False,
    ))[0] for hidden in (6, 6000))  # fmt: skip
    assert _pays(small, 50)
    assert not _pays(large, 50) or jax.default_backend() != "cpu"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"learning_rates": ()}, "one learning rate and one seed"),
        ({"learning_rates": 0.1}, "learning_rates is 0.1; it must be a list"),
        ({"seeds": ()}, "one learning rate and one seed"),
        ({"seeds": (1, 1)}, "given twice"),
        ({"learning_rates": (0.1, -1)}, "learning_rates"),
        ({"learning_rates": (float("nan"),)}, "learning_rates"),
        ({"epochs": -1}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_it_says_what_it_needs(changed, words):
    with pytest.raises(ConfigurationError, match=words):
        swept(**changed)


def test_an_optimizer_without_a_learning_rate_in_its_state():
    with pytest.raises(ConfigurationError, match="no learning rate"):
        sweep(MODEL, LOSS, optax.sgd(0.1), TRAIN, learning_rates=RATES, epochs=1)


def test_together_needs_data_in_memory(tmp_path):
    folder = data.synthetic_images(tmp_path / "shapes", per_class=2)
    images = data.image_folder(folder, data.rescale())
    model = models.classification_net(10, hidden=3)
    arguments = (model, LOSS, ADAM, images)
    with pytest.raises(ConfigurationError, match="in memory"):
        sweep(*arguments, learning_rates=RATES, epochs=1, together=True)
    *_, last = sweep(*arguments, learning_rates=RATES, epochs=1, batch_size=7)
    assert [record.epoch for record in last] == [1, 1]
