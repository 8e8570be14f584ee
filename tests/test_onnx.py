"""Exported models compute what fnet computes, by ONNX's own reference implementation."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from fnet import core, data, losses, models, registry, serial
from fnet.compose import mixed_precision
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
    hard_tanh,
    layer_norm,
    leaky_relu,
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
    model = layer_norm()
    with pytest.raises(ConfigurationError, match=r"layer_norm\(.*\) is not one of the layers"):
        to_onnx(model, (4,), observed(model, (4,)))
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
    with pytest.raises(ShapeError, match="to_onnx: params are 0 arrays, and the model has 2"):
        to_onnx(affine(3), (4,), ())
