"""The laws of a layer: every row of tests/cases.py keeps all of them.

The first three are proved of every row in every run; of the others a run takes one row of three,
another one on another day and at another commit, and `--long` all.
"""

import contextlib
import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import registry
from fnet.check import check_gradients
from fnet.core import NonTrainable
from fnet.core.trees import cast, is_floating, is_shape
from fnet.core.values import read
from fnet.errors import FnetError
from fnet.registry import VOCABULARY
from tests.cases import BATCH, CASES, Case, covered, every_case

FLOATS = [jnp.bfloat16, jnp.float32, jnp.float64]


def draw(case: Case, dtype=jnp.float64, rows: int = BATCH):
    """Parameters, an input and a cotangent, none of them zero."""
    rng = np.random.default_rng(7)

    def normal(shape):
        return jnp.asarray(rng.normal(size=shape)).astype(dtype)

    params, _ = case.layer.init(jax.random.key(3), case.shape)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype) + normal(leaf.shape) / 8, params)
    x = cast(jax.tree.map(jnp.asarray, case.inputs(rows)), dtype)
    y = jax.eval_shape(lambda params, x: case.layer.forward(params, x)[0], params, x)
    dy = jax.tree.map(lambda leaf: normal(leaf.shape) if is_floating(leaf) else None, y)
    return params, x, dy


def depth_of(case, options):
    """In full for one row of four, another one at each commit, and for all in a long run."""
    chosen = zlib.crc32(f"{case} {options.sample_seed}".encode()) % 4 == 0
    return "full" if chosen or options.long or options.long_changed else "quick"


def floats(function, tree):
    """function of each floating-point array; the others as they are."""
    return jax.tree.map(lambda leaf: function(leaf) if is_floating(leaf) else leaf, tree)


def stacked(*trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def parted(params):
    """params, of which autodiff leaves alone what is `NonTrainable`."""

    def stopped(node):
        return jax.lax.stop_gradient(node) if isinstance(node, NonTrainable) else node

    return jax.tree.map(stopped, params, is_leaf=lambda node: isinstance(node, NonTrainable))


def row_of(tree, row):
    return jax.tree.map(lambda leaf: leaf[row : row + 1], tree)


def eagerly(layer, params, x, dy):
    y, cache = layer.forward(params, x)
    return y, layer.backward(params, cache, dy)


@functools.lru_cache(maxsize=8)  # the laws of one row follow each other, dtype by dtype
def compiled(layer):
    """One program; operation by operation each would be compiled alone."""
    return jax.jit(functools.partial(eagerly, layer))


def gradients(case: Case, params, x, dy):
    return compiled(case.layer)(params, x, dy)


def plain(leaf):
    """An array of NumPy; of a key the numbers that it is made of."""
    key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if key else leaf)


def assert_equal(actual, expected, **tolerance):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.dtype == e.dtype
        if tolerance:
            np.testing.assert_allclose(np.float64(a), np.float64(e), **tolerance)
        else:
            np.testing.assert_array_equal(*map(plain, (a, e)))


def test_every_constructor_of_a_layer_is_registered():
    missing = set(registry.names("model")) - covered()
    assert not missing, f"register an example of {sorted(missing)} in its package's EXAMPLES"


def test_every_constructor_of_a_loss_or_an_optimizer_is_registered():
    alone = {"by_rows"}  # for one table, and no model's parameters: tests/test_optimizer_rows.py
    for kind in ("loss", "optimizer"):
        registered = {text.split("(")[0] for text in registry.EXAMPLES[kind]}
        assert registered == set(registry.names(kind)) - alone


def test_an_example_is_written_as_it_prints_when_it_is_read():
    for kind in ("model", "loss", "optimizer"):
        for made, _ in registry.examples(kind):
            assert read(repr(made), registry.VOCABULARY[kind]) is made
            assert read(made.spelled, registry.VOCABULARY[kind]) is made


def test_shapes_are_of_distinct_primes():
    for case in CASES:
        for part in case.parts:
            sizes = [size for size in getattr(part, "shape", part) if size > 1]
            assert len(set(sizes)) == len(sizes)
            assert all(size % d for size in sizes for d in range(2, size))


@every_case
def test_1_init_foretells_the_output_shape(case):
    params, x, _ = draw(case)
    _, out_shape = case.layer.init(jax.random.key(0), case.shape)
    y = jax.eval_shape(case.layer.apply, params, x)
    assert jax.tree.map(lambda leaf: leaf.shape[1:], y) == out_shape
    assert {leaf.shape[0] for leaf in jax.tree.leaves(y)} == {BATCH}


@pytest.mark.turns(4)
@pytest.mark.parametrize("shape", [None, (), (0,), (5, 0), (0, 5), {"a": (7,)}, ((7,), (5,))])
def test_1_a_shape_that_does_not_fit_is_refused_by_an_error_of_fnet(shape):
    key = jax.random.key(0)
    for layer, _ in registry.examples("model"):
        try:
            params, _ = jax.eval_shape(lambda layer=layer: (layer.init(key, shape)[0], 0))
        except FnetError:
            continue
        x = jax.tree.map(lambda sizes: jnp.ones((2, *sizes)), shape, is_leaf=is_shape)
        with contextlib.suppress(FnetError):  # such as floats where ids are wanted
            y, cache = jax.eval_shape(layer.forward, params, x)
            dy = floats(lambda leaf: leaf, y)
            _, dx = jax.eval_shape(layer.backward, params, cache, dy)
            assert [leaf.shape for leaf in jax.tree.leaves(dx)] == [
                x.shape for x in jax.tree.leaves(x)
            ]


@every_case
def test_2_and_3_backward_and_apply_agree_with_autodiff_of_forward(case, pytestconfig):
    depth = depth_of(case, pytestconfig.option)
    report = check_gradients(case.layer, case.takes, batch_size=BATCH, depth=depth, limit=600)
    # Of the largest entry of an array: where tanh saturates, its slope 1 − y² has few digits.
    assert report.error < max(1e-9, 64 * case.eps)
    numbers = [np.prod(part) for part in case.parts if is_shape(part)]
    assert report.entries >= 2 * BATCH * sum(numbers)


@every_case
@pytest.mark.turns(3)
def test_4_backward_is_linear_in_dy(case):
    params, x, dy = draw(case)
    other = floats(lambda d: jnp.roll(d, 1, axis=0) * 3, dy)
    mixed = jax.tree.map(lambda a, b: 2 * a - b, dy, other)
    _, together = gradients(case, params, x, mixed)
    _, one = gradients(case, params, x, dy)
    _, two = gradients(case, params, x, other)
    apart = jax.tree.map(lambda a, b: 2 * a - b, one, two)
    size = max(np.abs(np.float64(leaf)).max(initial=0) for leaf in jax.tree.leaves(apart))
    assert_equal(together, apart, rtol=max(1e-9, 8 * case.eps), atol=1e-12 + 8 * case.eps * size)


@every_case
@pytest.mark.turns(3)
def test_5_rows_do_not_see_each_other(case):
    params, x, dy = draw(case)
    y, (_, dx) = gradients(case, params, x, dy)
    for row in range(BATCH):
        y_one, (_, dx_one) = gradients(case, params, row_of(x, row), row_of(dy, row))
        assert_equal((y_one, dx_one), row_of((y, dx), row), rtol=1e-12)


@every_case
@pytest.mark.turns(3)
def test_6_jit_changes_nothing(case):
    params, x, dy = draw(case)
    expected = eagerly(case.layer, params, x, dy)
    assert_equal(gradients(case, params, x, dy), expected, rtol=1e-12, atol=1e-14)


@every_case
@pytest.mark.turns(3)
def test_6_vmap_is_a_loop(case):
    params, x, dy = draw(case)
    each = [floats(lambda leaf, k=k: k * leaf, x) for k in (1, 2, -1)]
    dys = [floats(lambda leaf, k=k: k * leaf, dy) for k in (1, -1, 3)]
    mapped = jax.vmap(lambda x, dy: gradients(case, params, x, dy))(stacked(*each), stacked(*dys))
    looped = [gradients(case, params, x, dy) for x, dy in zip(each, dys, strict=True)]
    assert_equal(mapped, stacked(*looped), rtol=1e-12, atol=1e-14)


@every_case
@pytest.mark.turns(3)
def test_6_scan_is_a_loop_and_differentiates(case):
    params, x, _ = draw(case)
    each = [floats(lambda leaf, k=k: k * leaf, x) for k in (1, 2, -1)]

    def total(y):
        return sum(leaf.sum() for leaf in jax.tree.leaves(y) if is_floating(leaf))

    def scanned(params):
        def body(so_far, x):
            return so_far + total(case.layer.apply(params, x)), None

        return jax.lax.scan(body, jnp.zeros(()), stacked(*each))[0]

    def looped(params):
        plain = parted(params)
        return sum(total(case.layer.forward(plain, x)[0]) for x in each)

    expected = jax.jit(jax.value_and_grad(looped))(params)
    assert_equal(jax.value_and_grad(scanned)(params), expected, rtol=1e-10, atol=1e-12)


@every_case
@pytest.mark.turns(3)
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
@pytest.mark.turns(3)
def test_7_dtype_is_preserved(case, dtype):
    params, x, dy = draw(case, dtype)
    y, (dparams, dx) = jax.eval_shape(functools.partial(eagerly, case.layer), params, x, dy)
    told = [leaf.dtype for leaf in jax.tree.leaves((y, dparams, dx)) if is_floating(leaf)]
    assert set(told) <= {jnp.dtype(dtype)}
    assert jax.tree.structure(dparams) == jax.tree.structure(params)
    if case.layer.penalty is not None:
        leaves = jax.tree.leaves(jax.eval_shape(case.layer.penalty.value_and_grad, params))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype(dtype)}


@every_case
@pytest.mark.turns(3)
def test_7_low_precision_is_near_the_precise(case):
    params, x, dy = draw(case, jnp.bfloat16)
    low = gradients(case, params, x, dy)
    up = cast((params, x, dy), jnp.float64)
    for a, e in zip(jax.tree.leaves(low), jax.tree.leaves(gradients(case, *up)), strict=True):
        scale = np.abs(np.float64(e)).max(initial=1e-30)
        assert np.abs(np.float64(a) - np.asarray(e)).max(initial=0) < 0.05 * scale


@every_case
@pytest.mark.turns(3)
def test_8_nothing_is_changed_and_the_same_call_gives_the_same_bits(case):
    params, x, dy = draw(case)
    before = jax.tree.map(np.array, (params, x, dy))
    y, cache = case.layer.forward(params, x)
    kept = jax.tree.map(np.array, cache)
    first = case.layer.backward(params, cache, dy)
    case.layer.forward(params, floats(lambda leaf: 2 * leaf, x))  # an evaluation between the two
    assert_equal(case.layer.backward(params, cache, dy), first)
    assert_equal(jax.tree.map(np.asarray, cache), kept)
    assert_equal(jax.tree.map(np.asarray, (params, x, dy)), before)
    assert_equal(case.layer.forward(params, x)[0], y)


@every_case
def test_9_a_key_makes_it_reproducible_and_none_deterministic(case):
    params, x, _ = draw(case)
    forward = jax.jit(case.layer.forward)
    for key in (None, jax.random.key(5)):
        assert_equal(forward(params, x, key), forward(params, x, key))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.layer.recipe], ids=lambda case: repr(case.layer)
)
def test_10_a_recipe_makes_the_output_from_what_is_cached(case):
    params, x, _ = draw(case)
    y, cache = case.layer.forward(params, x)
    source = case.layer.recipe.source(cache)
    cached = {id(leaf) for leaf in jax.tree.leaves(cache)}
    assert cached.issuperset(map(id, jax.tree.leaves(source)))
    assert_equal(case.layer.recipe.output(source), y)


@every_case
def test_init_is_reproducible(case):
    first, _ = case.layer.init(jax.random.key(1), case.shape)
    assert_equal(case.layer.init(jax.random.key(1), case.shape)[0], first)
