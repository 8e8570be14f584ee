"""SPEC section 7: the mistakes of the course's code, each by its number. Those about reading data
(7.2 to 7.5, 7.15) stand in tests/data, 7.13 in test_summary.py, 7.14 in test_training.py."""

import ast
import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnet
from fnet import data, losses, models, optimizers
from fnet.check import check_gradients
from fnet.errors import ConfigurationError, DataError, ShapeError, TrainingError
from fnet.layers import relu, sigmoid
from fnet.training import fit, start

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(24, 5)), np.arange(24) % 3
SET = data.memory({"features": X, "label": LABELS})
NET, LOSS = models.classification_net(3, hidden=4), losses.cross_entropy()


def test_spec_7_1_a_backward_changes_neither_dout_nor_its_cache():
    x, dy = np.array([[-1.0, 2.0]]), np.array([[3.0, 4.0]])
    y, cache = relu().forward((), x)
    relu().forward((), -x)  # an evaluation between the passes
    for _ in range(2):  # and a second call gives the same
        assert relu().backward((), cache, dy)[1].tolist() == [[0, 4]]
    assert dy.tolist() == [[3, 4]]
    assert np.asarray(y).tolist() == [[0, 2]]
    z = RNG.normal(size=(2, 3))
    first = LOSS.value_and_grad(jnp.asarray(z), jnp.array([0, 1]))
    second = LOSS.value_and_grad(jnp.asarray(z), jnp.array([0, 1]))
    assert first[0] == second[0]
    assert (first[1] == second[1]).all()


def test_spec_7_6_nothing_overflows():
    assert sigmoid().forward((), jnp.array([-1e4, 1e4]))[0].tolist() == [0, 1]
    value, dy = losses.bce().value_and_grad(jnp.array([0.0, 1.0]), jnp.array([0.0, 1.0]))
    assert value == 0
    assert np.isfinite(dy).all()
    value = LOSS.apply(jnp.array([[800.0, 0.0]]), jnp.array([1]))
    np.testing.assert_allclose(value, 800)


def test_spec_7_7_shapes_dtypes_and_ranges_are_checked():
    logits = jnp.zeros((2, 4))
    np.testing.assert_allclose(LOSS.apply(logits, jnp.array([0, 1])), np.log(4))
    with pytest.raises(ShapeError):  # 4.159 for 1.386
        LOSS.apply(logits, jnp.array([[0], [1]]))
    with pytest.raises(ShapeError):  # (N, 1) against (N,): an (N, N) of differences
        losses.mse().apply(jnp.zeros((2, 1)), jnp.zeros(2))
    with pytest.raises(DataError):  # −1 as the last class
        LOSS.apply(logits, jnp.array([0, -1]))
    assert np.isnan(jax.jit(LOSS.apply)(logits, jnp.array([0, -1])))


def test_spec_7_8_reduction_is_heeded():
    y, target = jnp.array([1.0, 5.0]), jnp.array([0.0, 2.0])
    assert losses.mse("none").apply(y, target).tolist() == [1, 9]
    assert losses.mse("sum").apply(y, target) == 10
    assert losses.mse("mean").apply(y, target) == 5


def test_spec_7_9_the_best_weights():
    """A loss of 0 is the best there is, a NaN never is, and what is kept is not changed later."""
    optimizer = optimizers.sgd(0.5)
    records = list(fit(NET, LOSS, optimizer, SET, SET, epochs=30, batch_size=5))
    val = [record.metrics["val_loss"] for record in records]
    for record in records:
        assert record.best.epoch == 1 + int(np.argmin(val[: record.epoch]))
        kept = records[record.best.epoch - 1].state.params
        same = jax.tree.map(lambda a, b: bool((a == b).all()), kept, record.best.params)
        assert jax.tree.all(same)

    easy = data.memory({"features": np.ones((4, 5)), "target": np.zeros(4)})
    flat = fnet.serial(fnet.layers.affine(1, w_init=fnet.initializers.normal(0.0)), _squeeze())
    *_, last = fit(flat, losses.mse(), optimizer, easy, easy, epochs=3)
    assert (last.best.loss, last.best.epoch) == (0.0, 1)

    wild = []
    with pytest.raises(TrainingError, match="not finite"):
        wild.extend(fit(NET, LOSS, optimizers.sgd(1e150), SET, SET, epochs=6, batch_size=5))
    assert all(np.isfinite(record.best.loss) for record in wild)

    assert list(fit(NET, LOSS, optimizer, SET, SET, epochs=0)) == []
    before = start(NET, optimizer, (5,))
    assert before.best.params is before.state.params


def _squeeze():
    return fnet.layers.squeeze()


def test_spec_7_10_the_reported_loss_has_the_penalty_that_the_gradient_has():
    net = models.classification_net(3, hidden=4, l2=0.3)
    check_gradients(net, (5,))
    (record,) = fit(net, LOSS, optimizers.sgd(1e-9), SET, SET, epochs=1)
    params = record.state.params
    bare = LOSS.apply(net.apply(params, jnp.asarray(X)), jnp.asarray(LABELS))
    penalty = 0.3 * sum(np.sum(np.asarray(layer.w) ** 2) for layer in (params[0], params[2]))
    np.testing.assert_allclose(record.metrics["train_loss"], bare + penalty, rtol=1e-6)
    np.testing.assert_allclose(record.metrics["val_loss"], bare + penalty, rtol=1e-6)


def test_spec_7_11_one_layer_works_and_misspelt_arguments_are_told():
    one = models.classification_net(3, layers=1)
    assert one.init(jax.random.key(0), (5,))[1] == (3,)
    with pytest.raises(TypeError, match="hiden"):
        models.classification_net(3, hiden=5)
    with pytest.raises(ConfigurationError, match="with_decay"):
        fnet.layers.affine(3, with_decay=1)


def test_spec_7_11_the_signal_survives_five_layers():
    x = jnp.asarray(RNG.normal(size=(200, 3072)))

    def spread(std):
        net = models.classification_net(10, layers=5, std=std)
        params, _ = net.init(jax.random.key(0), (3072,))
        return float(net.apply(params, x).std())

    assert spread(1e-3) < 1e-8
    assert 0.3 < spread(None) < 5


def test_spec_7_12_settings_apply_and_the_default_eps_is_the_field_s():
    grads, params = {"x": jnp.array(2.0)}, {"x": jnp.array(0.0)}

    def third(optimizer):
        state = optimizer.init(params)
        for _ in range(3):
            updates, state = optimizer.update(grads, state, params)
        return float(updates["x"])

    np.testing.assert_allclose(third(optimizers.momentum(0.1, decay=0.5)), -0.2 * 1.75)
    np.testing.assert_allclose(third(optimizers.momentum(0.1, decay=0.0)), -0.2)
    assert inspect.signature(optimizers.adam).parameters["eps"].default == 1e-8
    zero = jax.tree.map(jnp.zeros_like, grads)
    updates, _ = optimizers.sgd(0.1).update(zero, optimizers.sgd(0.1).init(params), params)
    assert updates["x"] == 0


def test_spec_7_15_no_global_random_state_and_no_assertion_for_validation():
    for path in Path(fnet.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random":
                # `get_state` and `set_state` draw nothing; they leave the state as it was.
                assert node.attr in ("default_rng", "Generator", "get_state", "set_state"), path
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    list(fit(NET, LOSS, optimizers.sgd(0.1), SET, SET, epochs=1, batch_size=5))
    assert np.random.get_state()[1].tolist() == before
