"""The memory summary against sizes worked out by hand and against what is really allocated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import models, registry, serial
from fnet.compose import mixed_precision, repeat, residual
from fnet.core.examples import shapes_of
from fnet.layers import affine, flatten, relu, tanh
from fnet.summary import human_bytes, summary

NET = models.classification_net(10, hidden=100)
KEY = jax.random.key(0)


def test_sizes_are_those_of_the_arrays():
    found = summary(NET, (32, 32, 3), batch_size=64, dtype=jnp.float32)
    assert [row.layer for row in found.rows] == ["affine(100)", "relu()", "affine(10)"]
    assert [row.out_shape for row in found.rows] == [(64, 100), (64, 100), (64, 10)]
    assert [row.parameters for row in found.rows] == [3072 * 100 + 100, 0, 100 * 10 + 10]
    assert [row.cache for row in found.rows] == [64 * 3072 * 4, 64 * 100 * 4, 0]
    assert [row.shared for row in found.rows] == [0, 0, 64 * 100 * 4]


def test_the_total_is_what_the_tape_holds():
    net = serial(flatten(), serial(affine(7), tanh()), relu(), affine(3))
    params, _ = net.init(jax.random.key(0), (2, 5))
    _, tape = net.forward(params, jnp.ones((11, 2, 5)))
    found = summary(net, (2, 5), batch_size=11)
    assert found.cache == sum(array.nbytes for array in tape.arrays)
    assert found.gradient == sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    assert found.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))


def test_xla_s_figures_are_those_of_its_own_report():
    found = summary(NET, (3072,), batch_size=8, dtype=jnp.float32)
    params = 4 * sum(leaf.size for leaf in jax.tree.leaves(NET.init(jax.random.key(0), (3072,))[0]))
    assert found.arguments == pytest.approx(params + 8 * (3072 + 10) * 4, rel=0.01)
    assert found.outputs == pytest.approx(params, rel=0.01)
    assert found.temporaries > 0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_spec_7_13_all_of_cifar_10_at_once_is_said_truly(dtype):
    """Not 36.81 GB: the caches of one pass of 50,000 images, each array counted once."""
    found = summary(NET, (3072,), batch_size=100, dtype=dtype)
    size = np.dtype(dtype).itemsize
    assert found.cache_of(50_000) == 50_000 * (3072 + 100) * size
    assert found.cache_of(50_000) < 1.34e9


def test_it_prints_a_table():
    text = str(summary(NET, (3072,), batch_size=8))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "cache", "shared", "gradient"]
    assert "308,310" in lines[4]
    assert lines[-1].startswith("XLA")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (196_608, "197 kB"), (1.34e9, "1.3 GB")],
)
def test_bytes_are_readable(size, text):
    assert human_bytes(size) == text


def test_compositions_are_shown_with_their_parts_indented():
    inner = serial(affine(5), relu())
    net = serial(affine(5), mixed_precision(repeat(inner, 4)), residual(affine(5)), affine(2))
    found = summary(net, (3,), batch_size=2, dtype=jnp.float32)
    assert [(row.depth, row.layer) for row in found.rows] == [
        (0, "affine(5)"),
        (0, "mixed_precision(…)"),
        (1, "repeat(…, 4)"),
        (2, "affine(5)"),
        (2, "relu()"),
        (0, "residual(…)"),
        (1, "affine(5)"),
        (0, "affine(2)"),
    ]
    assert [row.layer for row in found.leaves].count("affine(5)") == 3
    cast, looped, one = found.rows[1:4]
    assert looped.parameters == 4 * one.parameters == 4 * (5 * 5 + 5)
    assert cast.cache == looped.cache == 2 * 2 * 5 * (4 + 1)  # bfloat16: x of each round, and y
    assert found.parameters == sum(row.parameters for row in found.rows if row.depth == 0)
    lines = str(found).splitlines()
    assert lines[3].startswith("  repeat(…, 4)")
    assert lines[4].startswith("    affine(5)")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_every_registered_model_has_a_summary(dtype):
    for model, takes in registry.examples("model"):
        found = summary(model, takes, batch_size=3, dtype=dtype)
        params = jax.eval_shape(lambda key, m=model, t=takes: m.init(key, shapes_of(t))[0], KEY)
        assert found.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))
        assert str(found).splitlines()[-1].startswith("XLA")
