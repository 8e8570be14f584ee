"""Weights of Keras and flax, by loops over their formulas; beside these: tests/libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import interop, serial
from fnet.compose import fan_out, residual
from fnet.errors import ConfigurationError, FnetError
from fnet.interop.paths import flattened
from fnet.layers import (
    affine,
    attention,
    batch_norm,
    conv_transpose,
    embedding,
    flatten,
    group_norm,
    gru,
    layer_norm,
    learned_positions,
    lstm,
    rms_norm,
    rnn,
)

RNG = np.random.default_rng(0)
STEPS, D, H = 4, 2, 3


def normal(*shape):
    return RNG.normal(size=shape)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def over_steps(step, x, parts=1):
    """Outputs of all steps; a state has so many parts, and the first one is shown."""
    state, shown = (np.zeros(H),) * parts, []
    for row in x:
        state = step(row, *state)
        shown.append(state[0])
    return np.array(shown)


def keras_lstm(weights, x):
    kernel, recurrent, bias = weights.values()

    def step(row, h, c):
        i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return over_steps(step, x, 2)


def keras_gru(weights, x):
    kernel, recurrent, bias = weights.values()

    def step(row, h):
        z, r, n = np.split(row @ kernel + bias[0], 3)
        vz, vr, vn = np.split(h @ recurrent + bias[1], 3)
        z = sigmoid(z + vz)
        return (z * h + (1 - z) * np.tanh(n + sigmoid(r + vr) * vn),)

    return over_steps(step, x)


def keras_gru_before(weights, x):
    kernel, recurrent, bias = weights.values()
    uz, ur, un = np.split(recurrent, 3, axis=1)

    def step(row, h):
        z, r, n = np.split(row @ kernel + bias, 3)
        z = sigmoid(z + h @ uz)
        return (z * h + (1 - z) * np.tanh(n + (sigmoid(r + h @ ur) * h) @ un),)

    return over_steps(step, x)


def keras_rnn(weights, x):
    kernel, recurrent, bias = weights.values()
    return over_steps(lambda row, h: (np.tanh(row @ kernel + h @ recurrent + bias),), x)


def flax_lstm(weights, x):
    def step(row, h, c):
        i, f, g, o = (
            row @ weights[f"i{gate}/kernel"] + h @ weights[f"h{gate}/kernel"]
            + weights[f"h{gate}/bias"]
            for gate in "ifgo"
        )  # fmt: skip
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return over_steps(step, x, 2)


def flax_gru(weights, x):
    def step(row, h):
        r, z, n = (row @ weights[f"i{g}/kernel"] + weights[f"i{g}/bias"] for g in "rzn")
        vr, vz, vn = (h @ weights[f"h{gate}/kernel"] for gate in "rzn")
        z = sigmoid(z + vz)
        n = np.tanh(n + sigmoid(r + vr) * (vn + weights["hn/bias"]))
        return ((1 - z) * n + z * h,)

    return over_steps(step, x)


def flax_rnn(weights, x):
    def step(row, h):
        return (np.tanh(row @ weights["i/kernel"] + weights["i/bias"] + h @ weights["h/kernel"]),)

    return over_steps(step, x)


def heads(weights, x, behind):
    """q, k and v (T, heads, d), and what is behind: (heads, d, D)."""
    q, k, v = (
        np.einsum("td,dhe->the", x, weights[f"{name}/kernel"]) + weights[f"{name}/bias"]
        for name in ("query", "key", "value")
    )
    k, v = (np.repeat(each, q.shape[1] // each.shape[1], axis=1) for each in (k, v))
    p = np.exp(np.einsum("the,she->hts", q, k) / np.sqrt(q.shape[-1]))
    o = np.einsum("hts,she->the", p / p.sum(-1, keepdims=True), v)
    return np.einsum("the,hed->td", o, weights[f"{behind}/kernel"]) + weights[f"{behind}/bias"]


def over_features(x, eps, centred=True):
    x = x - x.mean(-1, keepdims=True) if centred else x
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)


def keras_norm(weights, x):
    return over_features(x, 1e-3) * weights["gamma"] + weights["beta"]


def flax_norm(weights, x):
    return over_features(x, 1e-6) * weights["scale"] + weights["bias"]


def root_mean_square(weights, x):
    return over_features(x, 1e-6, centred=False) * weights["scale"]


def keras_batch_norm(weights, x):
    gamma, beta, mean, variance = weights.values()
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def flax_batch_norm(weights, x):
    scale, bias, mean, variance = weights.values()
    return scale * (x - mean) / np.sqrt(variance + 1e-5) + bias


def by_gate(gates, d, biases):
    shapes = {f"{way}{g}/kernel": (n, H) for way, n in (("i", d), ("h", H)) for g in gates}
    return shapes | {f"{name}/bias": (H,) for name in biases}


def of_heads(behind, kv=2):
    shapes = {}
    for name, number in (("query", 2), ("key", kv), ("value", kv)):
        shapes |= {f"{name}/kernel": (D, number, 3), f"{name}/bias": (number, 3)}
    return shapes | {f"{behind}/kernel": (2, 3, D), f"{behind}/bias": (D,)}


def keras_cell(gates, *bias):
    sizes = {"kernel": (D, gates * H), "recurrent_kernel": (H, gates * H)}
    return sizes | {"bias": (*bias, gates * H)}


BATCH = {"gamma": (D,), "beta": (D,), "moving_mean": (D,), "moving_variance": (D,)}
ROWS = [  # library, layer, shapes there, and its formula
    ("keras", lstm(H), keras_cell(4), keras_lstm),
    ("keras", gru(H), keras_cell(3, 2), keras_gru),
    ("keras", gru(H, reset_after=False), keras_cell(3), keras_gru_before),
    ("keras", rnn(H), keras_cell(1), keras_rnn),
    (
        *("keras", attention(2, width=6), of_heads("attention_output")),
        lambda weights, x: heads(weights, x, "attention_output"),
    ),
    (
        *("keras", attention(2, kv_heads=1, width=6), of_heads("attention_output", kv=1)),
        lambda weights, x: heads(weights, x, "attention_output"),
    ),
    ("keras", layer_norm(eps=1e-3), {"gamma": (D,), "beta": (D,)}, keras_norm),
    ("keras", rms_norm(), {"scale": (D,)}, root_mean_square),
    ("keras", batch_norm(eps=1e-3), BATCH, keras_batch_norm),
    ("flax", lstm(H), by_gate("ifgo", D, ("hi", "hf", "hg", "ho")), flax_lstm),
    ("flax", gru(H), by_gate("rzn", D, ("ir", "iz", "in", "hn")), flax_gru),
    ("flax", rnn(H), {"i/kernel": (D, H), "i/bias": (H,), "h/kernel": (H, H)}, flax_rnn),
    (
        *("flax", attention(2, width=6), of_heads("out")),
        lambda weights, x: heads(weights, x, "out"),
    ),
    ("flax", layer_norm(eps=1e-6), {"scale": (D,), "bias": (D,)}, flax_norm),
    ("flax", rms_norm(), {"scale": (D,)}, root_mean_square),
    (
        *("flax", batch_norm(), {"scale": (D,), "bias": (D,), "mean": (D,), "var": (D,)}),
        flax_batch_norm,
    ),
]
FROM = {"keras": interop.from_keras, "flax": interop.from_flax}


OBSERVED = ("mean", "var", "moving_mean", "moving_variance")


def back(library, model, shape, params, names=None):
    """The arrays there, by path."""
    if library == "keras":
        return interop.to_keras(model, shape, params, names=names)
    variables = interop.to_flax(model, shape, params, names=names)
    return {path: leaf for part in variables.values() for path, leaf in flattened(part)}


@pytest.mark.parametrize(("library", "layer", "shapes", "formula"), ROWS)
def test_by_its_formula_and_its_gradient_by_differences(library, layer, shapes, formula):
    weights = {name: normal(*shape) for name, shape in shapes.items()}
    for name in set(OBSERVED[1::2]) & set(weights):
        weights[name] = np.abs(weights[name]) + 0.5
    x, shape = normal(STEPS, D), (STEPS, D)
    params = FROM[library](layer, shape, weights)
    y, cache = layer.forward(params, jnp.asarray(x)[None])
    np.testing.assert_allclose(y[0], formula(weights, x), rtol=1e-9)
    there = back(library, layer, shape, params)
    np.testing.assert_allclose(formula(there, x), y[0], rtol=1e-9)

    dy = normal(*y[0].shape)
    gradient = back(library, layer, shape, layer.backward(params, cache, jnp.asarray(dy)[None])[0])
    way = {n: normal(*a.shape) * (n not in OBSERVED) for n, a in weights.items()}
    if shapes.get("bias") == (2, 3 * H):  # the second bias, whose gradient is that of the first
        way["bias"][1, : 2 * H] = 0
    else:
        assert all(np.array_equal(there[name], weights[name]) for name in weights)
    ahead, behind = (
        formula({n: a + step * way[n] for n, a in weights.items()}, x) for step in (1e-6, -1e-6)
    )
    slope = ((ahead - behind) * dy).sum() / 2e-6
    along = sum((gradient[name] * way[name]).sum() for name in way)
    np.testing.assert_allclose(along, slope, rtol=1e-6, atol=1e-8)


def stacked(library, *shapes, sort=False):
    """Arrays by path, in folders as a library names them."""
    pairs = [(f"{folder}/{name}", np.full(size, float(number)))
             for number, (folder, sizes) in enumerate(shapes)
             for name, size in sizes.items()]  # fmt: skip
    return dict(sorted(pairs) if sort else pairs)


DENSE = {"kernel": (2, 2), "bias": (2,)}


def test_numbers_in_names_tell_the_order_however_a_tree_is_sorted():
    twelve = serial(*(affine(2) for _ in range(12)))
    there = stacked("flax", *((f"Dense_{n}", DENSE) for n in range(12)), sort=True)
    params = interop.from_flax(twelve, (2,), there)
    assert [int(own.b[0]) for own in params] == list(range(12))
    folders = ("model/dense", DENSE), ("model/dense_1", DENSE), ("model/dense_10", DENSE)
    params = interop.from_keras(serial(*(affine(2),) * 3), (2,), stacked("keras", *folders[::-1]))
    assert [int(own.b[0]) for own in params] == [2, 1, 0]
    cell = keras_cell(4)
    both = stacked(
        "keras", ("two/backward_lstm/lstm_cell", cell), ("two/forward_lstm/lstm_cell", cell)
    )
    params = interop.from_keras(fan_out(lstm(H), lstm(H, reverse=True)), (STEPS, D), both)
    assert [int(own.b[0]) for own in params] == [1, 0]


def test_a_model_there_and_back_by_names_and_as_a_list():
    block = residual(layer_norm(eps=1e-3), attention(2, width=6))
    model = serial(embedding(7, D), learned_positions(STEPS), block, gru(H), flatten(), affine(2))
    params, _ = model.init(jax.random.key(0), (STEPS,))
    params = jax.tree.map(lambda leaf: jnp.asarray(normal(*leaf.shape)), params)
    names = ("table", "places", "norm", "look", "gru/gru_cell", "dense")
    for library in ("keras", "flax"):
        there = back(library, model, (STEPS,), params, names)
        again = FROM[library](model, (STEPS,), there, names=names, eps=1e-3)
        jax.tree.map(np.testing.assert_array_equal, again, params)
    arrays = list(back("keras", model, (STEPS,), params).values())
    again = interop.from_keras(model, (STEPS,), arrays)
    jax.tree.map(np.testing.assert_array_equal, again, params)
    with pytest.raises(ConfigurationError, match=r"16 arrays.* the model has 17: 0/embeddings"):
        interop.from_keras(model, (STEPS,), arrays[1:])


TWO = {"scale": (4,), "bias": (4,)}


@pytest.mark.parametrize(
    ("library", "model", "weights", "more", "words"),
    [
        ("flax", layer_norm(), TWO, {}, r"eps is 1e-05, and in flax 1e-06 unless.*eps=1e-06 here"),
        ("flax", layer_norm(), TWO, {"eps": (1e-6, 1e-3)}, r"in flax 1e-06 or 0\.001: write"),
        ("keras", batch_norm(), {}, {}, r"in Keras 0\.001 unless .* from_keras\(\.\.\., eps=1e-05"),
        ("flax", gru(4, reset_after=False), {}, {}, "GRUCell resets after the product"),
        ("flax", lstm(4, initial="learned"), {}, {}, "first state is learned"),
        ("keras", lstm(4, projection=2), {}, {}, "its projection has no place"),
        ("flax", attention(2, kv_heads=1), {}, {}, "shares no keys"),
        ("flax", conv_transpose(3), {}, {}, "no layer of flax that fnet knows has its weights"),
        ("flax", affine(4), {"a/kernel": (12, 4)}, {}, r"here: no place .*\n  a/kernel \(12, 4\)"),
        (
            *("flax", affine(4), {"a/kernel": (12, 4)}, {"names": ("a",)}),
            r"a/bias is missing, which it takes as \(4,\); there is kernel: make the layer without",
        ),
        (
            *("flax", affine(4), {"a/kernel": (4, 4), "a/bias": (4,)}, {"names": ("a",)}),
            r"a/kernel is \(4, 4\), and the model, .* takes \(12, 4\)",
        ),
        (
            *("keras", affine(4), {"a/kernel": (12, 4), "a/bias": (4,), "b/kernel": (3, 4)}, {}),
            "the weights have b/kernel, and the model no place for that",
        ),
        (
            "flax",
            serial(layer_norm(eps=1e-6), group_norm(2, eps=1e-6)),
            {f"{norm}Norm_0/{name}": (4,) for norm in ("Layer", "Group") for name in TWO},
            {},
            r"'0', '1' may be any of 'GroupNorm_0', 'LayerNorm_0': give names",
        ),
        (
            *("keras", gru(4, reset_after=False), {"kernel": (4, 12), "recurrent_kernel": (4, 12)}),
            *({"names": ("",)}, r"bias is missing, which it takes as \(12,\)"),
        ),
    ],
)
def test_what_has_no_place_or_no_match_is_said(library, model, weights, more, words):
    arrays = {path: np.zeros(shape) for path, shape in weights.items()}
    with pytest.raises(FnetError, match=words):
        FROM[library](model, (3, 4), arrays, **more)


def test_other_collections_and_types_are_refused():
    with pytest.raises(ConfigurationError, match="'cache', which has no place"):
        interop.from_flax(affine(2), (2,), {"params": {}, "cache": {}})
    with pytest.raises(ConfigurationError, match="is of type int"):
        interop.from_flax(affine(2), (2,), 3)
    with pytest.raises(ConfigurationError, match="is of type int"):
        interop.from_keras(affine(2), (2,), 3)
