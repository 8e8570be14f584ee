"""Configured values: memoised, printed as written, read back, and nothing else is ever called."""

import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import serial
from fnet.core import Layer
from fnet.core.values import read
from fnet.data import transforms
from fnet.errors import ConfigurationError
from fnet.initializers import he_normal
from fnet.layers import affine, leaky_relu, relu
from fnet.losses import cross_entropy
from fnet.optimizers import adam, sgd
from fnet.registry import VOCABULARY

MODEL = VOCABULARY["model"]


def test_equal_configurations_are_the_same_value():
    assert affine(3) is affine(width=3, l2=0.0)
    assert affine(3) is not affine(4)
    assert adam(np.float64(0.5)) is adam(0.5)
    assert transforms.normalize(np.array([1.0, 2.0]), [3.0, 4.0]) is transforms.normalize(
        (1.0, 2.0), (3.0, 4.0)
    )


@pytest.mark.parametrize(
    "text",
    [
        "serial()",
        "serial(affine(3, w_init=normal(0.5), l2=0.1), relu(), serial(leaky_relu(a=0.2)))",
        "affine(2, w_init=glorot_normal)",
    ],
)
def test_what_prints_is_read_back(text):
    assert repr(read(text, MODEL)) == text


@pytest.mark.parametrize(
    "value",
    [
        serial(affine(3, l2=0.1), relu()),
        transforms.compose(transforms.rescale(), transforms.flatten()),
        cross_entropy(),
        adam(1e-3, b2=0.99),
        he_normal,
    ],
    ids=repr,
)
def test_a_pickled_value_is_the_call_that_makes_it(value):
    assert pickle.loads(pickle.dumps(value)) is value


def test_a_layer_of_no_constructor_is_not_pickled():
    ours = relu()
    bare = Layer(ours.init, ours.apply, ours.forward, ours.backward)
    with pytest.raises(pickle.PicklingError, match="decorate what makes it"):
        pickle.dumps(bare)


def test_numbers_are_read_back_bit_for_bit():
    values = tuple(np.random.default_rng(0).normal(size=20).tolist())
    transform = transforms.normalize(values, tuple(abs(v) for v in values))
    assert read(repr(transform), vars(transforms)) is transform


@pytest.mark.parametrize(
    "text",
    [
        "__all__()",
        "__import__('os').system('true')",
        "affine(3).init",
        "affine(width=1 + 1)",
        "(lambda: 1)()",
        "[affine(3) for i in (1,)]",
        "require(False, 'x')",
        "affine",
        "he_normal(3)",
        "nothing(3)",
        "sqrt(4)",
        "affine(3",
        "(" * 10_000,
    ],
)
def test_nothing_but_constructors_is_called(text):
    with pytest.raises(ConfigurationError):
        read(text, {**MODEL, "sqrt": math.sqrt, "__all__": ["affine"]})


def test_what_is_not_known_is_told_with_what_is():
    with pytest.raises(ConfigurationError, match=r"did you mean affine.*known are.*serial"):
        read("afine(3)", MODEL)


def test_an_array_of_jax_is_no_configuration():
    """It may be traced, and a rate that optax injects anew would be ignored in silence."""
    with pytest.raises(ConfigurationError, match="learning_rate is a JAX array"):
        sgd(jnp.array(0.1))
    with pytest.raises(ConfigurationError, match="learning_rate is a JAX array"):
        jax.jit(lambda rate: sgd(rate).init(rate))(0.1)
    assert sgd(np.float32(0.5)) is sgd(0.5)


def test_a_layer_of_ones_own_is_a_value_like_any_other():
    from fnet.core import layer
    from fnet.core.values import constructor

    @constructor
    def double(times: int = 1) -> Layer:
        """y = 2 · times · x."""
        return layer(
            lambda key, shape: ((), shape),
            lambda params, x, key=None: (2 * times * x, ()),
            lambda params, cache, dy: ((), 2 * times * dy),
        )

    assert double() is double(1)
    assert repr(serial(double(3), relu())) == "serial(double(times=3), relu())"
    assert read("double(times=3)", {"double": double}) is double(3)


def test_leaky_relu_differs_from_relu():
    assert leaky_relu(0) is not relu()
