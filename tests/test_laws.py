"""The laws of a layer: every row of tests/cases.py keeps all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import layers
from fnet.check import check_gradients
from fnet.checkpoint import VOCABULARY
from fnet.core.values import read
from tests.cases import BATCH, CASES, Case, covered, every_case

FLOATS = [jnp.bfloat16, jnp.float32, jnp.float64]


def draw(case: Case, dtype=jnp.float64, rows: int = BATCH):
    """Parameters, an input and a cotangent, none of them zero."""
    rng = np.random.default_rng(7)

    def normal(shape):
        return jnp.asarray(rng.normal(size=shape)).astype(dtype)

    params, out_shape = case.layer.init(jax.random.key(3), case.shape)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype) + normal(leaf.shape) / 8, params)
    return params, normal((rows, *case.shape)), normal((rows, *out_shape))


def gradients(case: Case, params, x, dy, key=None):
    y, cache = case.layer.forward(params, x, key)
    return y, case.layer.backward(params, cache, dy)


def assert_equal(actual, expected, **tolerance):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.dtype == e.dtype
        if tolerance:
            np.testing.assert_allclose(np.float64(a), np.float64(e), **tolerance)
        else:
            np.testing.assert_array_equal(a, e)


def test_every_public_layer_has_a_row():
    missing = set(layers.__all__) - covered()
    assert not missing, f"add a row to tests/cases.py for {sorted(missing)}"


def test_shapes_are_of_distinct_primes():
    for case in CASES:
        sizes = [size for size in case.shape if size > 1]
        assert len(set(sizes)) == len(sizes)
        assert all(size % d for size in sizes for d in range(2, size))


@every_case
def test_1_init_foretells_the_output_shape(case):
    params, x, _ = draw(case)
    _, out_shape = case.layer.init(jax.random.key(0), case.shape)
    assert case.layer.apply(params, x).shape == (BATCH, *out_shape)


@every_case
def test_2_and_3_backward_and_apply_agree_with_autodiff_of_forward(case):
    report = check_gradients(case.layer, case.shape, batch_size=BATCH)
    assert report.error < 1e-12
    assert report.entries >= 2 * 6 * BATCH * np.prod(case.shape)


@every_case
def test_4_backward_is_linear_in_dy(case):
    params, x, dy = draw(case)
    other = jnp.roll(dy, 1, axis=0) * 3
    _, together = gradients(case, params, x, 2 * dy - other)
    _, one = gradients(case, params, x, dy)
    _, two = gradients(case, params, x, other)
    apart = jax.tree.map(lambda a, b: 2 * a - b, one, two)
    assert_equal(together, apart, rtol=1e-9, atol=1e-12)


@every_case
def test_5_rows_do_not_see_each_other(case):
    params, x, dy = draw(case)
    y, (_, dx) = gradients(case, params, x, dy)
    for row in range(BATCH):
        one = slice(row, row + 1)
        y_one, (_, dx_one) = gradients(case, params, x[one], dy[one])
        np.testing.assert_allclose(y_one, y[one], rtol=1e-12)
        np.testing.assert_allclose(dx_one, dx[one], rtol=1e-12)


@every_case
def test_6_jit_changes_nothing(case):
    params, x, dy = draw(case)
    jitted = jax.jit(lambda params, x, dy: gradients(case, params, x, dy))(params, x, dy)
    assert_equal(jitted, gradients(case, params, x, dy), rtol=1e-12, atol=1e-14)


@every_case
def test_6_vmap_is_a_loop(case):
    params, x, dy = draw(case)
    xs, dys = jnp.stack([x, 2 * x, -x]), jnp.stack([dy, -dy, 3 * dy])
    mapped = jax.vmap(lambda x, dy: gradients(case, params, x, dy))(xs, dys)
    looped = [gradients(case, params, x, dy) for x, dy in zip(xs, dys, strict=True)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped)
    assert_equal(mapped, stacked, rtol=1e-12, atol=1e-14)


@every_case
def test_6_scan_is_a_loop_and_differentiates(case):
    params, x, _ = draw(case)
    xs = jnp.stack([x, 2 * x, -x])

    def scanned(params):
        def body(total, x):
            return total + case.layer.apply(params, x).sum(), None

        return jax.lax.scan(body, jnp.zeros(()), xs)[0]

    def looped(params):
        return sum(case.layer.forward(params, x)[0].sum() for x in xs)

    expected = jax.value_and_grad(looped)(params)
    assert_equal(jax.value_and_grad(scanned)(params), expected, rtol=1e-10, atol=1e-12)


@every_case
def test_6_a_rebuilt_layer_is_the_same_value_and_does_not_retrace(case):
    params, x, _ = draw(case)
    traces = []

    @jax.jit(static_argnums=0)
    def run(layer, params, x):
        traces.append(layer)
        return layer.apply(params, x)

    rebuilt = read(repr(case.layer), VOCABULARY["model"])
    run(case.layer, params, x)
    run(rebuilt, params, x)
    assert rebuilt is case.layer
    assert len(traces) == 1


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda dtype: dtype.__name__)
@every_case
def test_7_dtype_is_preserved(case, dtype):
    params, x, dy = draw(case, dtype)
    y, (dparams, dx) = gradients(case, params, x, dy)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, dparams, dx))} <= {jnp.dtype(dtype)}
    if case.layer.penalty is not None:
        leaves = jax.tree.leaves(case.layer.penalty.value_and_grad(params))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype(dtype)}


@every_case
def test_7_low_precision_is_near_the_precise(case):
    params, x, dy = draw(case, jnp.bfloat16)
    low = gradients(case, params, x, dy)
    up = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), (params, x, dy))
    for a, e in zip(jax.tree.leaves(low), jax.tree.leaves(gradients(case, *up)), strict=True):
        scale = np.abs(np.asarray(e)).max(initial=1e-30)
        assert np.abs(np.float64(a) - np.asarray(e)).max(initial=0) < 0.05 * scale


@every_case
def test_8_nothing_is_changed_and_the_same_call_gives_the_same_bits(case):
    params, x, dy = draw(case)
    before = jax.tree.map(np.array, (params, x, dy))
    y, cache = case.layer.forward(params, x)
    kept = jax.tree.map(np.array, cache)
    first = case.layer.backward(params, cache, dy)
    case.layer.forward(params, 2 * x)  # an evaluation between the two passes
    assert_equal(case.layer.backward(params, cache, dy), first)
    assert_equal(jax.tree.map(np.asarray, cache), kept)
    assert_equal(jax.tree.map(np.asarray, (params, x, dy)), before)
    assert_equal(case.layer.forward(params, x)[0], y)


@every_case
def test_9_a_key_makes_it_reproducible_and_none_deterministic(case):
    params, x, _ = draw(case)
    for key in (None, jax.random.key(5)):
        assert_equal(case.layer.forward(params, x, key), case.layer.forward(params, x, key))


@every_case
def test_init_is_reproducible(case):
    first, _ = case.layer.init(jax.random.key(1), case.shape)
    assert_equal(case.layer.init(jax.random.key(1), case.shape)[0], first)
