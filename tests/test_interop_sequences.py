"""Weights of PyTorch's recurrent layers, attention and embeddings: by PyTorch, and by loops."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import interop, models, serial
from fnet.compose import fan_out, residual, tied
from fnet.errors import ConfigurationError, FnetError
from fnet.layers import affine, attention, embedding, gru, layer_norm, learned_positions, lstm, rnn

RNG = np.random.default_rng(0)
SIZES = {"lstm": 4, "gru": 3, "rnn": 1}


def state_of(kind, layers=1, both=False, d=2, h=3):
    """Arrays by PyTorch's names, in its order."""
    state, gates = {}, SIZES[kind]
    for number in range(layers):
        for suffix in ("", "_reverse") if both else ("",):
            end = f"_l{number}{suffix}"
            state["net.weight_ih" + end] = (gates * h, d if number == 0 else h * (1 + both))
            state["net.weight_hh" + end] = (gates * h, h)
            state["net.bias_ih" + end] = state["net.bias_hh" + end] = (gates * h,)
    return {name: RNG.normal(size=shape) for name, shape in state.items()}


def attention_state(d):
    shapes = {"in_proj_weight": (3 * d, d), "in_proj_bias": (3 * d,)}
    shapes |= {"out_proj.weight": (d, d), "out_proj.bias": (d,)}
    return {f"net.{name}": RNG.normal(size=shape) for name, shape in shapes.items()}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def looped(kind, state, x, end="_l0"):
    """The formulas of torch.nn.LSTM, GRU and RNN, of one sequence (T, D)."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w, u, b, second = (state[f"net.{name}{end}"] for name in names)
    h, c = np.zeros(u.shape[1]), np.zeros(u.shape[1])
    y = []
    for row in x:
        a, v = w @ row + b, u @ h + second
        if kind == "rnn":
            h = np.tanh(a + v)
        elif kind == "lstm":
            i, f, g, o = np.split(a + v, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (r, z, n), (vr, vz, vn) = np.split(a, 3), np.split(v, 3)
            r, z = sigmoid(r + vr), sigmoid(z + vz)
            h = (1 - z) * np.tanh(n + r * vn) + z * h
        y.append(h)
    return np.array(y)


@pytest.mark.parametrize("kind", SIZES)
def test_two_layers_by_loops_and_back(kind):
    make, state = {"lstm": lstm, "gru": gru, "rnn": rnn}[kind], state_of(kind, layers=2)
    model, x = serial(make(3), make(3)), RNG.normal(size=(5, 2))
    params = interop.from_torch(model, (5, 2), state)
    expected = looped(kind, state, looped(kind, state, x), "_l1")
    np.testing.assert_allclose(model.apply(params, jnp.asarray(x)[None])[0], expected, rtol=1e-9)
    back = interop.to_torch(model, (5, 2), params, names=interop.module_names(state))
    assert list(back) == list(state)
    np.testing.assert_allclose(looped(kind, back, looped(kind, back, x), "_l1"), expected)


def test_both_directions_by_loops():
    state, model = state_of("lstm", both=True), fan_out(lstm(3), lstm(3, reverse=True))
    params, x = interop.from_torch(model, (5, 2), state), RNG.normal(size=(5, 2))
    forwards = looped("lstm", state, x)
    backwards = looped("lstm", state, x[::-1], "_l0_reverse")[::-1]
    y = model.apply(params, jnp.asarray(x)[None])
    for found, expected in zip(y, (forwards, backwards), strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=1e-9)


def test_attention_by_its_formula_and_back():
    state = attention_state(4)
    x, expected = RNG.normal(size=(5, 4)), np.empty((5, 4))
    q, k, v = np.split(x @ state["net.in_proj_weight"].T + state["net.in_proj_bias"], 3, axis=1)
    for head in (slice(0, 2), slice(2, 4)):
        p = np.exp(q[:, head] @ k[:, head].T / np.sqrt(2))
        expected[:, head] = p / p.sum(1, keepdims=True) @ v[:, head]
    expected = expected @ state["net.out_proj.weight"].T + state["net.out_proj.bias"]
    model = attention(2)
    params = interop.from_torch(model, (5, 4), state)
    np.testing.assert_allclose(model.apply(params, jnp.asarray(x)[None])[0], expected, rtol=1e-9)
    back = interop.to_torch(model, (5, 4), params, names=interop.module_names(state))
    assert list(back) == list(state)
    for name, array in back.items():
        np.testing.assert_array_equal(array, state[name])


def test_layers_of_a_language_model_have_pytorchs_names():
    block, grouped = residual(layer_norm(), attention(2)), attention(2, kv_heads=1)
    model = serial(embedding(7, 4), learned_positions(5), block, grouped)
    params, _ = model.init(jax.random.key(0), (5,))
    params = jax.tree.map(lambda leaf: jnp.asarray(RNG.normal(size=leaf.shape)), params)
    arrays = interop.to_torch(model, (5,), params)
    expected = {
        "0.weight": params[0].w,
        "1.weight": params[1].w,
        "2.layers.1.in_proj_weight": jnp.concatenate([part.w for part in params[2][0][1][:3]]),
        "3.k_proj_weight": params[3][1].w,
        "3.in_proj_bias": jnp.concatenate([part.b for part in params[3][:3]]),
        "3.out_proj.weight": params[3][3].w,
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array)
    again = interop.from_torch(model, (5,), arrays)
    jax.tree.map(np.testing.assert_array_equal, again, params)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (gru(3, reset_after=False), "reset after the product"),
        (gru(3, initial="learned"), "learn no first state"),
        (lstm(3), r"net\.l0\.bias_hn|takes \(12, 2\)"),
    ],
)
def test_what_has_no_place_is_said(model, message):
    with pytest.raises(FnetError, match=message):
        interop.from_torch(model, (5, 2), state_of("gru"))


class Fake(types.SimpleNamespace):
    """What `from_torch` asks of a module of PyTorch."""

    def state_dict(self):
        return self.state

    def named_modules(self):
        return [("net", self)]


@pytest.mark.parametrize(
    ("same", "other", "state", "settings", "message"),
    [
        (
            *(fan_out(lstm(3), lstm(3, reverse=True)), fan_out(lstm(3), lstm(3))),
            *(state_of("lstm", both=True), {"bidirectional": True}, "a reversed layer True"),
        ),
        (
            *(rnn(3), rnn(3, activation="relu"), state_of("rnn")),
            *({"bidirectional": False, "nonlinearity": "tanh"}, "nonlinearity tanh"),
        ),
        (attention(1), attention(2), attention_state(2), {"num_heads": 1}, "heads 1"),
    ],
    ids=["directions", "nonlinearity", "heads"],
)
def test_settings_of_a_module_that_differ_are_named(same, other, state, settings, message):
    fake = Fake(state=state, **settings)
    interop.from_torch(same, (5, 2), fake)
    with pytest.raises(ConfigurationError, match=f"has {message}"):
        interop.from_torch(other, (5, 2), fake)


def test_what_pytorch_alone_does_is_refused():
    table = {"net.weight": np.ones((7, 4))}
    for model, shape, state, setting in (
        (attention(1), (5, 2), attention_state(2), {"add_zero_attn": True}),
        (embedding(7, 4), (5,), table, {"max_norm": 1.0}),
    ):
        with pytest.raises(ConfigurationError, match=f"has {next(iter(setting))}"):
            interop.from_torch(model, shape, Fake(state=state, **setting))


def test_padding_is_a_row_of_zeros_elsewhere():
    model = embedding(3, 2, padding=1)
    params, _ = model.init(jax.random.key(0), (4,))
    arrays = interop.to_torch(model, (4,), params)  # looked up by PyTorch as any row
    np.testing.assert_array_equal(arrays["weight"], params.w.at[1].set(0))
    np.testing.assert_array_equal(interop.from_torch(model, (4,), arrays).w, arrays["weight"])
    with pytest.raises(ConfigurationError, match="row 1 of the table is not 0"):
        interop.from_torch(model, (4,), {"weight": np.ones((3, 2))})


@pytest.mark.parametrize(
    ("model", "remedy"),
    [(lstm(3), "add zeros to the state"), (affine(3, axes=1), "make the layer with bias=False")],
)
def test_without_a_bias(model, remedy):
    arrays = interop.to_torch(model, (5, 2), model.init(jax.random.key(0), (5, 2))[0])
    state = {name: array for name, array in arrays.items() if "bias" not in name}
    with pytest.raises(ConfigurationError, match=remedy):
        interop.from_torch(model, (5, 2), state)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_every_sequence_layer_that_pytorch_has():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    pairs = [
        (nn.LSTM(2, 3, batch_first=True), lstm(3)),
        (nn.LSTM(2, 5, proj_size=3, batch_first=True), lstm(5, projection=3)),
        (nn.GRU(2, 3, num_layers=2, batch_first=True), serial(gru(3), gru(3))),
        (nn.RNN(2, 3, nonlinearity="relu", batch_first=True), rnn(3, activation="relu")),
        (
            nn.LSTM(2, 3, bidirectional=True, batch_first=True),
            fan_out(lstm(3), lstm(3, reverse=True), join="concatenate"),
        ),
    ]
    for module, model in pairs:
        params = interop.from_torch(model, (7, 2), module)
        x = RNG.normal(size=(4, 7, 2)).astype(np.float32)
        given = torch.from_numpy(x).requires_grad_()
        output = module(given)[0]
        theirs, weights = output.detach().numpy(), list(module.parameters())
        dx, *dparams = torch.autograd.grad(output.sum(), [given, *weights])
        y, cache = model.forward(params, jnp.asarray(x))
        np.testing.assert_allclose(y, theirs, rtol=1e-4, atol=1e-5)
        ours, own_dx = model.backward(params, cache, jnp.ones_like(y))
        np.testing.assert_allclose(own_dx, dx, rtol=1e-3, atol=1e-5)
        turned = interop.to_torch(model, (7, 2), ours, names=interop.module_names(module))
        for (name, _), expected in zip(module.named_parameters(), dparams, strict=True):
            if "bias_hh" not in name:  # whose gradient is that of bias_ih
                np.testing.assert_allclose(turned[name], expected, rtol=1e-3, atol=1e-4)
        arrays = interop.to_torch(model, (7, 2), params, names=interop.module_names(module))
        module.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
        again = module(torch.from_numpy(x))[0].detach().numpy()
        np.testing.assert_allclose(again, theirs, rtol=1e-4, atol=1e-5)
    module, x = nn.MultiheadAttention(6, 3, batch_first=True), RNG.normal(size=(4, 7, 6))
    params = interop.from_torch(attention(3), (7, 6), module)
    given = torch.from_numpy(x.astype(np.float32))
    theirs = module(given, given, given)[0].detach().numpy()
    y = attention(3).apply(params, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(y, theirs, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigurationError, match="has heads 3"):
        interop.from_torch(attention(2), (7, 6), module)
    with pytest.raises(ConfigurationError, match="has nonlinearity tanh"):
        interop.from_torch(rnn(3, activation="relu"), (7, 2), nn.RNN(2, 3))
    with pytest.raises(ConfigurationError, match="a reversed layer"):
        interop.from_torch(fan_out(lstm(3), lstm(3)), (7, 2), pairs[-1][0])


@pytest.mark.parametrize(
    "model",
    [
        models.transformer(7, 8, blocks=2, heads=2, length=5),
        models.transformer(7, 8, blocks=1, heads=2, length=5, positions="learned", tied=False),
        models.recurrent(7, 4, "lstm", layers=2),
        models.recurrent(7, 4, "gru"),
    ],
    ids=["transformer", "learned positions", "lstm", "gru"],
)
def test_a_language_model_is_read_back_from_a_file(model, tmp_path):
    params, _ = model.init(jax.random.key(0), (5,))
    params = jax.tree.map(lambda leaf: jnp.asarray(RNG.normal(size=leaf.shape)), params)
    path = tmp_path / "model.safetensors"
    interop.save_safetensors(path, interop.to_torch(model, (5,), params))
    again = interop.from_torch(model, (5,), interop.load_safetensors(path))
    assert jax.tree.structure(again) == jax.tree.structure(params)
    tokens = jnp.array([[1, 2, 3, 6, 0]])
    expected = model.apply(params, tokens)
    np.testing.assert_allclose(model.apply(again, tokens), expected, rtol=1e-12)


def test_modules_of_a_file_with_sorted_names_are_found_by_them(tmp_path):
    state = {**state_of("lstm"), **{f"a.{n}": a for n, a in attention_state(4).items()}}
    interop.save_safetensors(tmp_path / "two.safetensors", state)  # where biases come first
    found = interop.module_names(interop.load_safetensors(tmp_path / "two.safetensors"))
    assert set(found) == set(interop.module_names(state))


def test_tied_weights_are_in_both_places():
    model = tied(serial(affine(3, axes=1), affine(2, axes=1)), "[1].w", "[0].w", transpose=True)
    params, _ = model.init(jax.random.key(0), (5, 2))
    arrays = interop.to_torch(model, (5, 2), params)
    np.testing.assert_array_equal(arrays["0.weight"], params[0].w)
    np.testing.assert_array_equal(arrays["1.weight"], params[0].w.T)
    again = interop.from_torch(model, (5, 2), arrays)
    jax.tree.map(np.testing.assert_array_equal, again, params)
    other = {**arrays, "1.weight": arrays["1.weight"] + 1}
    with pytest.raises(ConfigurationError, match=r"weights at \[1\].w and \[0\].w are one array"):
        interop.from_torch(model, (5, 2), other)
