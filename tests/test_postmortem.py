"""Where training stops being finite it says at which step, in which array, and why."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import data, losses, models, optimizers, serial
from fnet.compose import mixed_precision, repeat, residual
from fnet.core import Optimizer, layer
from fnet.errors import TrainingError
from fnet.layers import affine, relu
from fnet.training import fit, start

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
LOSS = losses.cross_entropy()
NET = serial(affine(4), relu(), affine(2))


def message(model=NET, loss=LOSS, rate=0.1, optimizer=None, x=X, **how):
    """What it says as it stops; every record that it gave before is finite."""
    train = data.memory({"features": x, "label": LABELS})
    optimizer = optimizer or optimizers.sgd(rate)
    seen = []
    with pytest.raises(TrainingError) as caught:
        seen.extend(fit(model, loss, optimizer, train, epochs=5, batch_size=7, **how))
    leaves = jax.tree.leaves([(record.state, record.best.params) for record in seen])
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    return str(caught.value)


def test_too_large_a_step():
    said = message(rate=1e200)
    assert said.startswith("at step 2 the output of layer 3, affine(2), is not finite: its weights")
    assert said.endswith("too large a step: take a smaller learning rate than 1e+200")


@pytest.mark.parametrize("every", [None, 1, 4])
def test_the_sample_that_is_not_a_number(every):
    spoilt = X.copy()
    spoilt[17, 1] = np.nan
    order = data.epoch_order(40, 7, seed=0, epoch=1)
    step = 1 + int(np.argmax((order == 17).any(axis=1)))
    said = message(x=spoilt, every_steps=every)
    assert said == (
        f"at step {step} features[17] of the training set is not finite after compose(): "
        "repair that sample or leave it out (for missing values: fill_missing)"
    )


def test_a_loss_whose_formula_divides_by_0():
    def value_and_grad(y, target, where=None):
        return jnp.log(jnp.zeros((), y.dtype)), jnp.zeros_like(y)

    careless = dataclasses.replace(losses.cross_entropy(), value_and_grad=value_and_grad)
    said = message(loss=careless)
    assert said.startswith("at step 1 cross_entropy() of finite predictions (up to ")
    assert said.endswith(
        "they are of ordinary size: its formula takes the log of 0 or divides by 0"
    )


def planted(place):
    """An affine layer that is not finite in its forward, its backward, or its penalty."""
    ours = affine(2)

    def forward(params, x, key=None):
        y, cache = ours.forward(params, x)
        return (y / 0 if place == "forward" else y), cache

    def backward(params, cache, dy):
        dparams, dx = ours.backward(params, cache, dy)
        spoilt = dparams._replace(b=dparams.b / 0)
        return (spoilt if place == "backward" else dparams), dx

    return serial(affine(4), layer(ours.init, forward, backward))


ORDINARY = {
    "forward": "the output of layer 2, <Layer of no constructor>, is not finite: its input and "
    "weights are of ordinary size: look at its forward pass",
    "backward": "the gradient dparams[1].b is not finite: weights and outputs are of ordinary "
    "size: look for a division by 0 in that backward pass (fnet.check.check_gradients)",
}


@pytest.mark.parametrize(("place", "expected"), ORDINARY.items())
def test_a_layer_that_divides_by_0(place, expected):
    assert message(planted(place)) == f"at step 1 {expected}"


def test_an_optimizer_that_overflows():
    ours = optimizers.sgd(0.1)

    def update(grads, state, params=None):
        updates, state = ours.update(grads, state, params)
        return jax.tree.map(lambda u: u * jnp.inf, updates), state

    broken = Optimizer(ours.init_state, update)
    assert message(optimizer=broken).startswith("at step 1 the update makes the weights infinite")


def test_a_validation_set_that_holds_nan():
    train = data.memory({"features": X, "label": LABELS})
    spoilt = data.memory({"features": np.where(X > 1, np.nan, X), "label": LABELS})
    model, loss, optimizer = models.classification_net(2), losses.cross_entropy(), optimizers.sgd(1)
    with pytest.raises(TrainingError, match="is nan, though the weights are finite: look for NaN"):
        list(fit(model, loss, optimizer, train, spoilt, epochs=2))
    assert start(model, optimizer, (3,)).best.loss == np.inf


def diverged(model, rate=1e3):
    train = data.memory({"features": X, "label": LABELS})
    with pytest.raises(TrainingError) as error:
        list(fit(model, losses.cross_entropy(), optimizers.sgd(rate), train, epochs=50))
    return str(error.value)


def test_a_run_in_bfloat16_that_diverges_is_explained():
    said = diverged(mixed_precision(models.classification_net(2, hidden=4, l2=1.0)))
    assert said.startswith("at step ")
    assert "take a smaller learning rate than 1e+03" in said


def test_the_layer_is_found_inside_compositions_and_loops():
    """A division by zero in the second round of a loop, in float32 and in bfloat16."""

    def forward(params, x, key=None):
        return x / jnp.where(jnp.abs(x).max() > 1.5, 0, 1), ()

    spoilt = layer(lambda key, shape: ((), shape), forward, lambda p, cache, dy: ((), dy))
    for around in (lambda model: model, mixed_precision):
        model = around(serial(repeat(residual(spoilt), 3), affine(2)))
        broken = data.memory({"features": np.ones((4, 3)), "label": np.arange(4) % 2})
        with pytest.raises(TrainingError, match=r"the output of .* in layer 1.* is not finite"):
            list(fit(model, losses.cross_entropy(), optimizers.sgd(0.1), broken, epochs=2))
