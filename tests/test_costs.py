"""What a step takes and costs, foretold: beside formulas by hand, and beside what XLA counts."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import optax
import pytest

from fnet import models, optimizers
from fnet.compose import remat, repeat, serial
from fnet.core import layer
from fnet.core.examples import ints
from fnet.devices import Machine, Work, memory_per_device, step_cost, work_per_device
from fnet.devices.costs import products
from fnet.devices.measuring import line
from fnet.errors import ConfigurationError
from fnet.layers import affine, conv, relu
from tests.costs_on_devices import BATCH, CLASSES, HIDDEN, MESHES, MODEL, WIDTH

ADAM = optimizers.adam(0.01)
PARTS = MODEL, ADAM, (WIDTH,), BATCH
WEIGHTS = WIDTH * HIDDEN + HIDDEN * HIDDEN + HIDDEN * CLASSES
BEFORE_THE_FIRST = HIDDEN * HIDDEN + HIDDEN * CLASSES  # whose inputs have a gradient that is needed


@pytest.fixture(scope="module")
def counted():
    command = [sys.executable, "-m", "tests.costs_on_devices"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return list(map(json.loads, done.stdout.splitlines()))


@pytest.fixture
def narrow():
    with jax.enable_x64(False):
        yield


@pytest.mark.parametrize("number", range(len(MESHES)))
def test_memory_is_what_xla_allocates(counted, narrow, number):
    by_xla = counted[number]
    memory = memory_per_device(*PARTS, by_xla["axes"])
    assert 0 <= by_xla["before"] - memory.state < 200  # the order, a counter
    assert 0 <= by_xla["after"] - memory.state < 300  # and the metrics of two steps
    taken = by_xla["before"] + by_xla["after"] + by_xla["temporaries"]
    assert memory.total == pytest.approx(taken, rel=0.05)


@pytest.mark.parametrize("number", range(len(MESHES)))
def test_gradients_that_are_sent_are_those_of_the_program(counted, narrow, number):
    axes = counted[number]["axes"]
    n, added = axes["data"], max(counted[number]["reduced"])
    work = work_per_device(*PARTS, axes)
    assert 0 <= 2 * (n - 1) / n * added - work.reduced < 50  # the loss and its like go with them


def test_products_are_those_of_the_formula():
    per_row = 2 * (2 * WEIGHTS + BEFORE_THE_FIRST)
    for n, m in ((1, 1), (2, 1), (2, 4)):
        work = work_per_device(*PARTS, {"data": n, "model": m})
        assert work.flops == per_row * BATCH / n / m


def test_products_in_loops_are_counted_as_often_as_they_are_done():
    t, d, vocabulary, blocks = 6, 8, 16, 3
    model = models.transformer(vocabulary, width=d, blocks=blocks, heads=2)
    found = work_per_device(model, ADAM, ints(t, below=vocabulary), 2).flops
    weights = blocks * 12 * d * d + vocabulary * d
    attended = blocks * 2 * t * d  # scores and sums
    assert found == pytest.approx(6 * 2 * t * (weights + attended), rel=0.15)


def test_products_of_a_convolution():
    h, w, c, k, m = 8, 8, 3, 3, 5
    model = serial(conv(m, k), relu())
    params = jax.eval_shape(lambda key: model.init(key, (h, w, c))[0], jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, h, w, c), jnp.zeros(()).dtype)
    outputs = 2 * h * w * m
    of_bias = 2 * outputs  # whose gradient is a product with ones
    assert products(model, params, x) == 2 * (2 * outputs * k * k * c) + of_bias


def test_a_ring_sends_what_the_formula_says(narrow):
    bytes_of_gradients = 4 * (WEIGHTS + 2 * HIDDEN + CLASSES)
    for n in (1, 2, 4, 1024):
        parts = *PARTS[:3], 1024
        work = work_per_device(*parts, {"data": n})
        assert work.reduced == pytest.approx(2 * (n - 1) / n * bytes_of_gradients)
        assert work.messages == 2 * (n - 1)
        half = work_per_device(*parts, {"data": n}, reduced="bfloat16")
        assert half.reduced == work.reduced / 2


def test_weights_that_a_rule_leaves_whole_send_nothing():
    whole = {"rule": lambda path, shape: jax.P()}
    work = work_per_device(*PARTS, {"data": 2, "model": 4}, **whole)
    assert work.gathered == 0
    assert memory_per_device(*PARTS, {"data": 2, "model": 4}, **whole).params == (
        memory_per_device(*PARTS, {"data": 2}).params
    )


def test_a_cost_is_the_sum_of_its_parts():
    work = Work(flops=6e9, moved=2e9, reduced=1e9, gathered=5e8, messages=14)
    cost = step_cost(work, Machine(rate=2e9, memory=1e9, wire=5e8, latency=0.5))
    assert cost == (3, 2, 3, 7)
    assert cost.total == 15


def test_a_line_is_fitted_by_relative_errors_and_is_never_negative():
    assert line([1, 10, 1000], [3.0, 12.0, 1002.0]) == pytest.approx((2, 1))
    assert line([1, 2, 4], [1.0, 4.0, 9.0])[0] == 0
    assert line([1, 2, 4], [4.0, 2.0, 1.0])[1] == 0


def test_loops_and_what_is_computed_again_keep_one_round_more():
    rows, column = 16, 16 * jnp.zeros(()).dtype.itemsize
    looped = memory_per_device(repeat(serial(affine(8), relu()), 5), ADAM, (8,), rows)
    assert looped.caches >= 5 * 8 * column
    assert looped.passing == (8 + 8) * column + 8 * column  # of a round x and y; and an output
    again = memory_per_device(remat(serial(affine(32), relu(), affine(8))), ADAM, (8,), rows)
    assert again.caches < 9 * column
    assert again.passing == (8 + 32) * column + 32 * column


def test_an_optimizer_of_optax_is_one_as_well():
    ours, theirs = (memory_per_device(MODEL, o, (WIDTH,), 8) for o in (ADAM, optax.adam(0.01)))
    assert abs(ours.opt_state - theirs.opt_state) < 100


@pytest.mark.parametrize(
    ("axes", "batch", "words"),
    [
        ({"rows": 4}, 8, r"axes are \{'rows': 4\}; they must be \{\"data\": n\} or"),
        ({"model": 4}, 8, "axes are"),
        ({"data": 0}, 8, "axes: data"),
        ({"data": 4}, 10, "batch_size is 10, which 4 devices do not divide"),
        ({"data": 4}, 0, "batch_size"),
    ],
)
def test_what_is_refused_says_what_to_do(axes, batch, words):
    with pytest.raises(ConfigurationError, match=words):
        memory_per_device(*PARTS[:3], batch, axes)


def test_gradients_are_added_in_a_dtype():
    with pytest.raises(ConfigurationError, match="reduced is 'int8'; it must be 'bfloat16', 'flo"):
        work_per_device(*PARTS, {"data": 2}, reduced="int8")


def test_a_loop_whose_length_nobody_knows_is_refused():
    def forward(params, x, key=None):
        y = jax.lax.while_loop(lambda y: y.sum() < 9, lambda y: y @ jnp.ones((3, 3), y.dtype), x)
        return y, ()

    own = layer(lambda key, shape: ((), shape), forward, lambda params, cache, dy: ((), dy))
    with pytest.raises(ConfigurationError, match="whose length depends on numbers"):
        work_per_device(serial(affine(3), own, affine(2)), ADAM, (3,), 4)
