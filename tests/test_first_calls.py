"""Calls that one types by guess are answered by the right call."""

import importlib
import operator
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnet
import fnet.interop
import fnet.plots
from fnet import core, data, losses, models, optimizers, serial
from fnet.check import check_gradients
from fnet.checkpoint import Checkpoint, load, save
from fnet.core.guessed import ELSEWHERE
from fnet.errors import CheckpointError, ConfigurationError, ShapeError
from fnet.layers import affine, relu
from fnet.training import evaluate, fit, predict, start

MODEL, LOSS, ADAM = serial(affine(2)), losses.cross_entropy(), optimizers.adam(0.1)
RECORD = start(MODEL, ADAM, (3,))
PARAMS = RECORD.state.params
X, KEY = jnp.ones((4, 3)), jax.random.key(0)
DATA = data.memory({"x": np.ones((4, 3)), "y": np.array([0, 1, 0, 1])})
CUSTOM = core.layer(
    lambda key, shape: ((), shape),
    lambda params, x, key=None: (2 * x, ()),
    lambda params, cache, dy: ((), 2 * dy),
)

GUESSES = {
    "save params": (lambda: save("run.npz", PARAMS), "is a tuple: save(path, Checkpoint(model, "),
    "save a record": (lambda: save("run.npz", RECORD), "is a Record: save(path, Checkpoint("),
    "save swapped": (
        lambda: save(Checkpoint(MODEL, LOSS, ADAM, (3,), RECORD), "run.npz"),
        "the path comes first",
    ),
    "load with a typing mistake": (lambda: load("run.npz", modell=MODEL), "did you mean model?"),
    "init of an array": (lambda: MODEL.init(KEY, X), "an array of (4, 3); it must be a tuple"),
    "init of a NumPy array": (lambda: affine(2).init(KEY, np.ones((4, 3))), "x.shape[1:]"),
    "init swapped": (lambda: MODEL.init((3,), KEY), "jax.random.key(0)"),
    "init of a number": (lambda: MODEL.init(0, (3,)), "key is 0; it must be a JAX key"),
    "init of NumPy's": (lambda: MODEL.init(np.random.RandomState(0), (3,)), "jax.random.key(0)"),
    "init of an array as key": (lambda: MODEL.init(np.zeros(3), (3,)), "an array of float64; it"),
    "a rate of 0": (
        lambda: optimizers.set_learning_rate(ADAM.init(PARAMS), 0.0),
        "it must be above 0: to keep weights as they are, use frozen(model)",
    ),
    "a rate of a state": (
        lambda: optimizers.set_learning_rate(RECORD.state, 0.1),
        "such as record.state.opt_state",
    ),
    "model(x)": (lambda: MODEL(X), "serial(affine(2)) is not called: it keeps no parameters"),
    "model(params, x)": (lambda: relu()(PARAMS, X), "model.apply(params, x)"),
    "apply swapped": (lambda: MODEL.apply(X, PARAMS), "give what init returns first, then x"),
    "a layer's apply swapped": (lambda: affine(2).apply(X, PARAMS[0]), "init returns first"),
    "update without a state": (lambda: ADAM.update(PARAMS, PARAMS), "it takes what adam(...).init"),
    "loss(y, target)": (lambda: LOSS(X, X), "is not called: loss.apply(y, target)"),
    "a constructor of arrays": (lambda: losses.mse(X, X), "mse().apply(y, target)"),
    "another constructor of arrays": (lambda: losses.cross_entropy(X), "mse().apply(y, target)"),
    "fit of params": (
        lambda: fit(MODEL, PARAMS, LOSS, ADAM, DATA, epochs=1),
        "The order is (model, loss, optimizer, train, val)",
    ),
    "fit of arrays": (
        lambda: fit(MODEL, LOSS, ADAM, X, np.zeros(4), epochs=1),
        'fnet.data.memory({"image": x, "label": y})',
    ),
    "a seed that is a key": (lambda: fit(MODEL, LOSS, ADAM, DATA, epochs=1, seed=KEY), "whole"),
    "init of a batch's shape": (
        lambda: MODEL.apply(MODEL.init(KEY, (4, 3))[0], X),
        "init takes the shape of one, without the batch",
    ),
    "evaluate in another order": (
        lambda: evaluate(MODEL, PARAMS, LOSS, DATA),
        "evaluate(model, loss, params, dataset)",
    ),
    "evaluate a record": (lambda: evaluate(MODEL, LOSS, RECORD, DATA), "must be its .state.params"),
    "predict of a state": (lambda: predict(MODEL, LOSS, RECORD.state, DATA), "be its .params"),
    "predict of an array": (lambda: predict(MODEL, LOSS, PARAMS, X), "fnet.data.memory("),
}


@pytest.mark.parametrize("guess", GUESSES)
def test_a_guess_is_answered(guess):
    call, words = GUESSES[guess]
    with pytest.raises((ConfigurationError, ShapeError)) as caught:
        call()
    assert words in str(caught.value)


NAMES = {
    "fnet.layers": ("Dense", "linear", "Conv2D", "MaxPool2d", "ReLU", "BatchNorm1d", "LSTM"),
    "fnet.losses": ("CrossEntropyLoss", "crossentropy", "BCEWithLogitsLoss", "MSELoss"),
    "fnet.optimizers": ("SGD", "AdamW"),
    "fnet": ("fit", "relu", "check_gradients", "Sequential", "adam", "DataLoader"),
}


@pytest.mark.parametrize("module", NAMES)
def test_names_of_other_libraries_are_answered_by_one_that_is_there(module):
    for name in NAMES[module]:
        with pytest.raises(AttributeError, match=f"{module} has no {name}: it is fnet") as caught:
            getattr(importlib.import_module(module), name)
        meant = re.search(r"it is fnet\.([\w.]+)", str(caught.value))[1]
        assert operator.attrgetter(meant)(fnet)
    assert not hasattr(importlib.import_module(module), "gibberish")


@pytest.mark.parametrize("meant", ELSEWHERE.values())
def test_what_other_names_are_answered_by_is_there(meant):
    assert operator.attrgetter(re.match(r"[\w.]+", meant)[0])(fnet)


def test_guesses_that_are_right():
    assert check_gradients(lambda x: (x**2, x), lambda d, x: 2 * x * d, np.ones((4, 3))).right
    raw = jax.random.PRNGKey(0)  # the older form of a key
    assert MODEL.init(raw, (3,))[1] == (2,)


def test_a_model_with_a_layer_of_one_s_own_is_given_to_load(tmp_path):
    model = serial(CUSTOM, affine(2))
    path = tmp_path / "run.npz"
    save(path, Checkpoint(model, LOSS, ADAM, (3,), start(model, ADAM, (3,))))
    with pytest.raises(
        CheckpointError, match=r"its model is not made .*: load\(path, model=\.\.\.\)"
    ):
        load(path)
    assert load(path, model=model).model is model


def test_a_layer_is_no_function_to_the_checker():
    assert check_gradients(models.logistic_regression(), (3,)).right
