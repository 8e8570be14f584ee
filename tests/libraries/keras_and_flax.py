"""Weights of Keras and flax beside the libraries themselves: outputs, every gradient, in float32.

`.ci/run` runs it by name, since it needs the extra `pretrained`; in every run of the tests formulas
are the truth, in test_interop_keras_flax.
"""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import interop
from fnet.compose import fan_out
from fnet.errors import ConfigurationError
from fnet.interop.paths import flattened
from fnet.layers import (
    affine,
    attention,
    batch_norm,
    conv,
    conv_transpose,
    cross_attention,
    depthwise_conv,
    embedding,
    group_norm,
    gru,
    instance_norm,
    layer_norm,
    lstm,
    rms_norm,
    rnn,
)

RNG = np.random.default_rng(0)
SEQUENCE, IMAGE = (3, 5, 4), (2, 6, 8, 4)
BOTH = lstm(3), lstm(3, reverse=True)


def drawn(path, shape):
    """Variances are positive, and scales near 1."""
    values = RNG.normal(size=shape) * (0.5 if len(shape) > 1 else 0.2)
    name = path.rpartition("/")[2]
    begins = name in ("scale", "gamma", "var", "moving_variance")
    return (np.abs(values) + 1 if begins else values).astype(np.float32)


def inputs(shape, below=None):
    if below is not None:
        return RNG.integers(0, below, shape[:2], dtype=np.int32)
    return RNG.normal(size=shape).astype(np.float32)


def close(ours, theirs, what):
    """To 1e-5 of the largest entry."""
    theirs = np.asarray(theirs)
    scale = max(1, np.abs(theirs).max())
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * scale, err_msg=what)


def check(layer, x, params, there, apply, weights):
    """Theirs is apply(weights, x), and weights are arrays by path; `there` turns a gradient."""
    whole = np.issubdtype(x.dtype, np.integer)
    theirs, pull = jax.vjp(apply, weights, jnp.asarray(x))
    given = (jnp.asarray(x),) * 2 if "cross" in str(layer) else jnp.asarray(x)
    y, cache = layer.forward(params, given)
    close(y, theirs, f"{layer}: y")
    dy = inputs(y.shape)
    dparams, dx = layer.backward(params, cache, jnp.asarray(dy))
    expected, along = pull(jnp.asarray(dy))
    if not whole:
        close(sum(jax.tree.leaves(dx)), along, f"{layer}: dx")
    gradient = there(dparams)
    for path, array in expected.items():
        first = path.endswith("gru_cell/bias") and array.ndim == 2  # the second is its, but for one
        ours = gradient[path]
        close(ours[0] if first else ours, array[0] if first else array, f"{layer}: {path}")
        if first:
            close(ours[1, 6:], array[1, 6:], f"{layer}: {path}, the candidate's second bias")


def keras_pairs(layers):
    return [
        (layers.LSTM(3, return_sequences=True), lstm(3), SEQUENCE),
        (layers.GRU(3, return_sequences=True), gru(3), SEQUENCE),
        (
            layers.GRU(3, return_sequences=True, reset_after=False),
            *(gru(3, reset_after=False), SEQUENCE),
        ),
        (layers.SimpleRNN(3, return_sequences=True), rnn(3), SEQUENCE),
        (
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            *(fan_out(*BOTH, join="concatenate"), SEQUENCE),
        ),
        (layers.MultiHeadAttention(2, 3), cross_attention(2, width=6), SEQUENCE),
        (layers.GroupQueryAttention(3, 4, 2), cross_attention(4, 2, width=12), SEQUENCE),
        (layers.Embedding(7, 4), embedding(7, 4), (3, 5, 7)),
        (layers.LayerNormalization(), layer_norm(eps=1e-3), SEQUENCE),
        (layers.BatchNormalization(), batch_norm(eps=1e-3, momentum=0.99), SEQUENCE),
        (layers.GroupNormalization(2), group_norm(2, eps=1e-3), SEQUENCE),
        (layers.GroupNormalization(-1), instance_norm(eps=1e-3), SEQUENCE),
        (layers.RMSNormalization(), rms_norm(), SEQUENCE),
        (layers.Dense(3), affine(3, axes=1), SEQUENCE),
        (layers.Conv1D(6, 2, padding="causal"), conv(6, 2, padding="causal"), SEQUENCE),
        (layers.Conv2D(6, 3, 2, "same", groups=2), conv(6, stride=2, groups=2), IMAGE),
        (
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            *(depthwise_conv(multiplier=2), IMAGE),
        ),
        (layers.Conv2DTranspose(3, 3, 2, "same"), conv_transpose(3, stride=2), IMAGE),
    ]


pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation"
)  # Keras's own, with NumPy 2


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    return importlib.import_module("keras")


def test_every_layer_that_keras_has(keras):
    for module, layer, shape in keras_pairs(keras.layers):
        x = inputs(shape, shape[2] if isinstance(module, keras.layers.Embedding) else None)
        given = (x, x) if "attention" in module.name else (x,)
        module(*given)
        module.set_weights([drawn(w.path, w.shape) for w in module.weights])
        fixed = [v.value for v in module.non_trainable_variables]

        def apply(weights, x, module=module, given=given, fixed=fixed):
            return module.stateless_call(in_order(weights, module), fixed, *(x for _ in given))[0]

        size = (x.shape[1:],) * 2 if len(given) > 1 else x.shape[1:]
        params = interop.from_keras(layer, size, module)
        names = list(dict.fromkeys(w.path.rpartition("/")[0] for w in module.weights))
        names = [module.path] if len(given) > 1 else names

        def there(dparams, layer=layer, size=size, names=names):
            return interop.to_keras(layer, size, dparams, names=names)

        trained = {v.path: v.value for v in module.trainable_variables}
        check(layer, x, params, there, apply, trained)
        again = interop.from_keras(layer, size, module.get_weights())
        jax.tree.map(np.testing.assert_array_equal, again, params)
        module.set_weights(list(interop.to_keras(layer, size, params).values()))
        close(
            apply(trained, x), layer.apply(params, (x, x) if len(given) > 1 else x), "set_weights"
        )


def test_settings_of_keras_layers_that_differ_are_named(keras):
    layers = keras.layers
    for module, layer, words in [
        (layers.LayerNormalization(), layer_norm(), "has epsilon 0.001, and this layer 1e-05"),
        (layers.BatchNormalization(), batch_norm(eps=1e-3), "has momentum 0.99"),
        (layers.LSTM(3, recurrent_activation="hard_sigmoid"), lstm(3), "hard_sigmoid"),
        (layers.SimpleRNN(3, activation="relu"), rnn(3), "has activation relu, and .* tanh"),
        (layers.GRU(3, go_backwards=True), gru(3), "has go_backwards True, and .* False"),
        (layers.Conv1D(6, 3), conv(6), "has padding valid, and .* same"),
        (layers.Conv1D(6, 3, 2, "same"), conv(6), r"has strides \(2,\), and .* \(1,\)"),
        (layers.Conv1D(6, 3, dilation_rate=2, padding="same"), conv(6), "dilation_rate"),
    ]:
        module(inputs(SEQUENCE))
        with pytest.raises(ConfigurationError, match=words):
            interop.from_keras(layer, SEQUENCE[1:], module)


def in_order(weights, module):
    return [weights[variable.path] for variable in module.trainable_variables]


def flax_pairs(nn):
    return [
        (nn.RNN(nn.LSTMCell(3)), lstm(3), SEQUENCE),
        (nn.RNN(nn.OptimizedLSTMCell(3)), lstm(3), SEQUENCE),
        (nn.RNN(nn.GRUCell(3)), gru(3), SEQUENCE),
        (nn.RNN(nn.SimpleCell(3)), rnn(3), SEQUENCE),
        (nn.MultiHeadDotProductAttention(2, qkv_features=6), attention(2, width=6), SEQUENCE),
        (nn.Embed(7, 4), embedding(7, 4), (3, 5, 7)),
        (nn.LayerNorm(), layer_norm(eps=1e-6), SEQUENCE),
        (nn.BatchNorm(use_running_average=True), batch_norm(), SEQUENCE),
        (nn.GroupNorm(2), group_norm(2, eps=1e-6), SEQUENCE),
        (nn.InstanceNorm(), instance_norm(eps=1e-6), SEQUENCE),
        (nn.RMSNorm(), rms_norm(), SEQUENCE),
        (nn.Dense(3), affine(3, axes=1), SEQUENCE),
        (nn.Conv(6, (3, 3), 2, feature_group_count=2), conv(6, stride=2, groups=2), IMAGE),
        (nn.Conv(8, (3, 3), feature_group_count=4), depthwise_conv(multiplier=2), IMAGE),
    ]


def test_every_layer_that_flax_has():
    nn = importlib.import_module("flax.linen")
    for module, layer, shape in flax_pairs(nn):
        x = inputs(shape, shape[2] if isinstance(module, nn.Embed) else None)
        variables = jax.tree_util.tree_map_with_path(
            lambda path, leaf: drawn(
                jax.tree_util.keystr(path, simple=True, separator="/"), leaf.shape
            ),
            module.init(jax.random.key(0), x),
        )
        params = interop.from_flax(layer, x.shape[1:], variables)

        def apply(weights, x, module=module, variables=variables):
            paths = list(dict(flattened(variables["params"])))
            leaves = [weights[path] for path in paths]
            structure = jax.tree.structure(variables["params"])
            return module.apply(variables | {"params": structure.unflatten(leaves)}, x)

        folder = "cell" if isinstance(module, nn.RNN) else ""

        def there(dparams, layer=layer, shape=x.shape[1:], folder=folder):
            turned = interop.to_flax(layer, shape, dparams, names=(folder,))
            return dict(flattened(turned["params"]))

        check(layer, x, params, there, apply, dict(flattened(variables["params"])))
