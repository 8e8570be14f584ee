"""Exported models compute what fnet computes, by ONNX's own reference implementation."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from fnet import compose, core, data, layers, losses, models, registry, serial
from fnet.compose import mixed_precision
from fnet.core.values import read
from fnet.errors import ConfigurationError, ShapeError
from fnet.interop import to_onnx
from fnet.layers import (
    affine,
    avg_pool,
    batch_norm,
    conv,
    depthwise_conv,
    dropout,
    flatten,
    gelu,
    group_norm,
    hard_tanh,
    leaky_relu,
    lstm,
    max_pool,
    relu6,
    sigmoid,
    silu,
    softplus,
    softsign,
    squeeze,
    tanh,
)

RNG = np.random.default_rng(0)

CASES = {
    "mlp": (models.classification_net(3, hidden=(5, 4), activation=leaky_relu(0.2)), (7,)),
    "mlp of images": (models.classification_net(3, hidden=5, activation=tanh()), (4, 4, 3)),
    "cnn": (models.convnet(3), (8, 8, 3)),
    "resnet": (models.resnet(3, depth=8), (8, 8, 3)),
    "mobile": (models.mobile(3), (8, 8, 3)),
    "no bias": (serial(affine(3, bias=False), affine(2, bias=False, axes=1)), (5,)),
    "along an axis": (serial(affine(3, axes=1), affine(2, bias=False, axes=1)), (5, 4)),
    "the last two axes": (affine(3, axes=2), (2, 5, 4)),
    "logistic": (models.logistic_regression(), (7,)),
    "activations": (serial(gelu(), silu(), softplus(), softsign(), hard_tanh(), relu6()), (9,)),
    "a bare norm": (serial(batch_norm(scale=False, bias=False), dropout(0.3), flatten()), (3, 2)),
    "strides": (
        serial(conv(4, (3, 2), stride=2, padding=1, dilation=(1, 2)), sigmoid()),
        (9, 8, 2),
    ),
    "groups": (serial(conv(4, 3, groups=2, padding="valid"), affine(1), squeeze()), (6, 6, 4)),
    "one axis": (serial(conv(4, 3), gelu(approximate=True), max_pool(2)), (8, 2)),
    "depthwise": (serial(depthwise_conv(3, multiplier=2), avg_pool(2)), (6, 6, 3)),
    "overlapping": (serial(max_pool(3, stride=2, padding="same")), (7, 7, 2)),
    "bfloat16": (mixed_precision(serial(affine(2))), (3,)),
}

IDS = {  # models of ids below 7, whatever a sequence's length
    "transformer": models.transformer(7, 16, blocks=2, heads=4, length=4),
    "learned positions": models.transformer(
        *(7, 16, 2, 2, 12, "learned"), activation=silu(), dropout=0.1, tied=False
    ),
    "lstm": models.recurrent(7, 12, "lstm", layers=2, dropout=0.2),
    "gru": models.recurrent(7, 12, "gru"),
    "rnn": models.recurrent(7, 12, "rnn"),
    "words": models.text_classifier(7, 3),
    "bfloat16": mixed_precision(models.transformer(7, 16, blocks=1, heads=2)),
}

SEQUENCES = (  # the others, as they are written
    "attention(4, 2, causal=True, rope=rope(pairs=True), window=3, softcap=2.0, bias=False)",
    "attention(2, width=12, window=2)",
    "serial(attention(2), layer_norm(scale=False), positional_encoding(), learned_positions(12))",
    "serial(rope(), rms_norm(), glu(6, tanh()), swiglu(5), geglu(7))",
    "serial(layer_norm(bias=False), softmax(), log_softmax(1))",
    "serial(lstm(3, reverse=True), gru(4, reset_after=False), rnn(5, reverse=True))",
    "serial(lstm(3, initial='learned'), gru(4, initial='learned'))",
    "serial(gru(3), lstm(5, last=True))",
    "gru(3, reverse=True, last=True)",
    "fan_out(lstm(3), lstm(3, reverse=True), join='concatenate')",
    "fan_out(gru(3), gru(3), gru(3), join='add')",
    "repeat(residual(rms_norm(), attention(2, rope=rope())), 3)",
    "repeat(remat(residual(gru(8))), 2, tied=True)",
    "serial(low_rank(affine(8, axes=1), 2), weight_norm(affine(8, axes=1)), frozen(glu(8)))",
    "weight_standardization(affine(3, axes=1))",
    "tied(serial(affine(8, axes=1), tanh(), affine(8, axes=1)), '[2].w', '[0].w', transpose=True)",
    "serial(elu(0.3), celu(0.7), mish(), hard_sigmoid(), hard_swish(), relu_squared())",
    "serial(selu(), log_sigmoid(), spatial_dropout(0.2), drop_path(0.2), gaussian_noise(0.1))",
)


def observed(model, shape):
    """Parameters that are nowhere at their initial values."""
    params, _ = model.init(jax.random.key(0), shape)
    return jax.tree.map(lambda leaf: leaf + jnp.asarray(RNG.uniform(0, 0.5, leaf.shape)), params)


def run(written, x):
    evaluator = ReferenceEvaluator(onnx.load_from_string(written))
    return dict(zip(evaluator.output_names, evaluator.run(None, {"input": x}), strict=True))


@pytest.mark.turns(2)
@pytest.mark.parametrize("case", CASES)
def test_an_exported_model_is_the_model(case):
    model, shape = CASES[case]
    params, x = observed(model, shape), RNG.normal(size=(4, *shape)).astype(np.float32)
    found = run(to_onnx(model, shape, params), x)["output"]
    expected = model.apply(params, jnp.asarray(x, float))
    rtol = 2e-2 if case == "bfloat16" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol / 10)


def sizes_of(written):
    sizes = onnx.load_from_string(written).graph.input[0].type.tensor_type.shape.dim
    return [size.dim_param or size.dim_value for size in sizes]


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", [*IDS, *SEQUENCES])
def test_an_exported_model_of_sequences_takes_any_length(case):
    model = IDS[case] if case in IDS else read(case, {**vars(layers), **vars(compose)})
    inner = () if case in IDS else (8,)
    params = observed(model, (6, *inner))
    written = to_onnx(model, (6, *inner), params)
    assert sizes_of(written) == ["N", "T", *inner]
    for steps in (6, 9, 1):
        x = RNG.integers(0, 7, (3, steps)) if case in IDS else RNG.normal(size=(3, steps, *inner))
        expected = model.apply(params, jnp.asarray(x))
        found = run(written, x if case in IDS else x.astype(np.float32))["output"]
        rtol = 3e-2 if case == "bfloat16" else 1e-5
        atol = rtol * max(1, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def test_norms_over_other_axes_have_the_sizes_of_the_input():
    for text in ("layer_norm(axes=(-1, 1))", "rms_norm(axes=1)", "layer_norm(axes=(1, 2))"):
        model = read(text, vars(layers))
        params, x = observed(model, (4, 3)), RNG.normal(size=(2, 4, 3)).astype(np.float32)
        written = to_onnx(model, (4, 3), params)
        expected = model.apply(params, jnp.asarray(x, float))
        np.testing.assert_allclose(run(written, x)["output"], expected, rtol=1e-4, atol=1e-6)
        assert sizes_of(written) == ["N", 4, 3]


def test_what_was_made_for_one_size_takes_no_other():
    for model, shape in ((conv(2, 3), (8, 2)), (affine(3), (7,)), (models.convnet(3), (8, 8, 3))):
        assert sizes_of(to_onnx(model, shape, observed(model, shape))) == ["N", *shape]


def test_a_simple_recurrence_may_be_of_relu():
    """ONNX's reference knows no such activation, though its specification does."""

    def nodes(activation):
        model = layers.rnn(3, activation)
        params, _ = model.init(jax.random.key(0), (5, 2))
        return onnx.load_from_string(to_onnx(model, (5, 2), params)).graph

    graph, other = nodes("relu"), nodes("tanh")
    (relu,) = [node for node in graph.node if node.op_type == "RNN"]
    (activations,) = [each for each in relu.attribute if each.name == "activations"]
    assert activations.strings == [b"Relu"]
    activations.strings[:] = [b"Tanh"]
    assert graph == other


def test_texts_by_name_go_with_it():
    params = observed(affine(1), (2,))
    written = to_onnx(affine(1), (2,), params, metadata={"classes": '["a", "b"]'})
    (only,) = onnx.load_from_string(written).metadata_props
    assert (only.key, only.value) == ("classes", '["a", "b"]')


@pytest.mark.parametrize(
    "loss",
    [loss for loss, _ in registry.examples("loss") if loss.probabilities is not None],
    ids=repr,
)
def test_probabilities_are_a_second_output(loss):
    last = sigmoid() if loss.made[0] is losses.bce else serial()
    model = serial(affine(3), last)
    params, x = observed(model, (4,)), RNG.normal(size=(5, 4)).astype(np.float32)
    found = run(to_onnx(model, (4,), params, loss=loss), x)
    expected = loss.probabilities(model.apply(params, jnp.asarray(x, float)))
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4)


def test_small_probabilities_of_the_first_class_keep_their_digits():
    model = serial(affine(1), squeeze())
    params = jax.tree.map(jnp.ones_like, observed(model, (1,)))
    written = to_onnx(model, (1,), params, loss=losses.bce_with_logits())
    found = run(written, np.full((1, 1), 29, np.float32))["probabilities"]
    np.testing.assert_allclose(found[0, 0], np.exp(-30.0), rtol=1e-4)


def test_the_transform_and_the_units_of_the_target_are_part_of_it():
    transform = data.compose(
        data.fill_missing((1.0, 2.0)), data.rescale((0, 10), (-1, 1)), data.normalize(0.5, 2.0)
    )
    model, loss = models.linear_regression(), losses.standardized(losses.mse(), 100.0, 20.0)
    params, x = observed(model, (2,)), np.array([[1.0, np.nan], [7.0, 3.0]], np.float32)
    found = run(to_onnx(model, (2,), params, transform=transform, loss=loss), x)["output"]
    expected = loss.estimate(model.apply(params, jnp.asarray(transform(x), float)))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_what_cannot_be_written_is_named():
    with pytest.raises(ConfigurationError, match="pads the same"):
        to_onnx(serial(max_pool(2, ceil=True)), (5, 5, 1), ((),))
    model = group_norm(2)
    with pytest.raises(ConfigurationError, match=r"group_norm\(.*\) is not one of the layers"):
        to_onnx(model, (4,), observed(model, (4,)))
    ahead = serial(layers.gelu(), layers.embedding(7, 2))
    for each, message in (
        (lstm(4, projection=2), r"projection=2\) has a projection, .* take lstm\(width\), and"),
        (compose.fan_out(lstm(4), lstm(4)), "has several outputs, .* give it join="),
        (layers.attention(2, rope=compose.serial(layers.rope())), r"take rope\(\)"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            to_onnx(each, (5, 4), observed(each, (5, 4)))
    with pytest.raises(ConfigurationError, match="give the model its ids as they are"):
        to_onnx(ahead, (5,), observed(ahead, (5,)))
    with pytest.raises(ConfigurationError, match="has no operations there"):
        to_onnx(affine(1), (2,), observed(affine(1), (2,)), transform=data.Transform(abs))
    own = core.loss(losses.hinge().value_and_grad, losses.hinge().probabilities)
    with pytest.raises(ConfigurationError, match=r"the probabilities of .* have no operations"):
        to_onnx(affine(1), (2,), observed(affine(1), (2,)), loss=own)


def test_what_is_no_model_and_no_parameters_of_it_are_named():
    params, _ = affine(3).init(jax.random.key(0), (4,))
    with pytest.raises(ConfigurationError, match="it must be a Layer"):
        to_onnx(affine, (4,), params)
    with pytest.raises(ShapeError, match="shape is 4"):
        to_onnx(affine(3), 4, params)
    pair = ((5, 4), ())
    with pytest.raises(ShapeError, match="to_onnx takes one array"):
        to_onnx(lstm(3), pair, lstm(3).init(jax.random.key(0), pair)[0])
    with pytest.raises(ShapeError, match="to_onnx: params are 0 arrays, and the model has 2"):
        to_onnx(affine(3), (4,), ())
