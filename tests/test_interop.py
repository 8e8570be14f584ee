"""Weights to and from PyTorch: its own modules are the truth, and loops where it is not there."""

import functools
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from fnet import interop, serial
from fnet.compose import frozen, parallel, recurrent, repeat, residual
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.interop.arrays import Unordered
from fnet.interop.params import template
from fnet.layers import (
    affine,
    batch_norm,
    conv,
    conv_transpose,
    depthwise_conv,
    dropout,
    flatten,
    global_avg_pool,
    glu,
    group_norm,
    instance_norm,
    layer_norm,
    max_pool,
    prelu,
    relu,
    rms_norm,
    separable_conv,
)

KEY = jax.random.key(0)


def drawn(state, seed=0):
    """Random arrays of these names and shapes; variances are positive."""
    rng = np.random.default_rng(seed)

    def one(name, shape):
        values = rng.normal(size=shape)
        return np.abs(values) + 0.5 if name.endswith("running_var") else values

    return {name: one(name, shape).astype(np.float32) for name, shape in state.items()}


# Without PyTorch: every layer by loops over its formulas, channels first.


def loop_conv(x, w, b, stride, pad, groups):
    """x (C, H, W), w (O, I, k, k): the definition of torch.nn.Conv2d."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    k, inputs = w.shape[2], w.shape[1]
    height, width = ((n - k) // stride + 1 for n in x.shape[1:])
    y = np.zeros((len(w), height, width))
    for o in range(len(w)):
        first = o // (len(w) // groups) * inputs
        for i in range(height):
            for j in range(width):
                seen = x[first : first + inputs, i * stride :, j * stride :][:, :k, :k]
                y[o, i, j] = (seen * w[o]).sum() + b[o]
    return y


def loop_conv_transpose(x, w, b, stride, pad, extra):
    """x (C, H, W), w (I, O, k, k): every entry is spread, then the edges are cut."""
    k = w.shape[2]
    height, width = ((n - 1) * stride + k + extra for n in x.shape[1:])
    y = np.zeros((w.shape[1], height, width))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            part = np.einsum("c,cokl->okl", x[:, i, j], w)
            y[:, i * stride : i * stride + k, j * stride : j * stride + k] += part
    return y[:, pad : height - pad, pad : width - pad] + b[:, None, None]


def test_a_network_by_loops():
    model = serial(
        conv(4, stride=2, padding=1, groups=2),
        batch_norm(eps=1e-3),
        relu(),
        conv_transpose(3, 3, stride=2, padding=1, output_padding=1),
        flatten(),
        dropout(0.5),
        affine(2),
    )
    state = drawn(
        {
            "a.weight": (4, 1, 3, 3),
            "a.bias": (4,),
            "b.weight": (4,),
            "b.bias": (4,),
            "b.running_mean": (4,),
            "b.running_var": (4,),
            "c.weight": (4, 3, 3, 3),
            "c.bias": (3,),
            "d.weight": (2, 3 * 6 * 8),
            "d.bias": (2,),
        }
    )
    params = interop.from_torch(model, (6, 8, 2), state | {"b.num_batches_tracked": np.array(7)})
    x = np.random.default_rng(1).normal(size=(2, 6, 8)).astype(np.float32)

    def at(name):
        return state[name].astype(np.float64)

    h = loop_conv(x, at("a.weight"), at("a.bias"), 2, 1, 2)
    rate = at("b.weight") / np.sqrt(at("b.running_var") + 1e-3)
    h = (h - at("b.running_mean")[:, None, None]) * rate[:, None, None]
    h = np.maximum(h + at("b.bias")[:, None, None], 0)
    h = loop_conv_transpose(h, at("c.weight"), at("c.bias"), 2, 1, 1)
    expected = at("d.weight") @ h.ravel() + at("d.bias")
    y = model.apply(params, jnp.asarray(np.moveaxis(x, 0, -1)[None]))
    np.testing.assert_allclose(y[0], expected, rtol=1e-5, atol=1e-5)

    back = interop.to_torch(model, (6, 8, 2), params, names=("a", "b", "c", "d"))
    assert back.pop("b.num_batches_tracked") == 0
    assert list(back) == list(state)
    for name, array in back.items():
        np.testing.assert_array_equal(array, state[name])
        assert array.flags.c_contiguous
        assert array.flags.writeable


LAYERS = [  # there and back, of what needs more than one layout
    (separable_conv(5, padding=1), (5, 7, 2)),
    (depthwise_conv(multiplier=2, bias=False), (5, 7, 3)),
    (conv_transpose(6, (2, 3), groups=2), (5, 7, 2)),
    (conv(5, padding="causal"), (7, 2)),
    (conv(5, (2, 3, 1)), (3, 5, 7, 2)),
    (serial(max_pool(), layer_norm((-3, -2, -1))), (4, 6, 3)),
    (serial(conv(3), layer_norm((-1, -2), bias=False)), (4, 5)),
    (serial(flatten(), batch_norm(), prelu(), layer_norm(), affine(2)), (2, 3, 5)),
    (serial(group_norm(3), rms_norm(), instance_norm()), (2, 5, 3)),
    (residual(conv(3), batch_norm(scale=False), shortcut=conv(3, 1)), (4, 5, 2)),
    (repeat(serial(conv(3, bias=False), batch_norm()), 2), (4, 5, 3)),
    (frozen(serial(conv(3), affine(2)), "[0]"), (4, 5, 2)),
]


@pytest.mark.parametrize(("model", "shape"), LAYERS, ids=lambda value: str(value)[:30])
def test_there_and_back(model, shape):
    shapes = {}
    like = template(model, shape)
    arrays = interop.to_torch(model, shape, like)
    for name, array in arrays.items():
        shapes[name] = array.shape
    state = drawn(shapes) | {n: a for n, a in arrays.items() if n.endswith("tracked")}
    params = interop.from_torch(model, shape, state)
    assert jax.tree.structure(params) == jax.tree.structure(like)
    back = interop.to_torch(model, shape, params)
    assert list(back) == list(state)
    for name, array in back.items():
        if not name.endswith("tracked"):
            np.testing.assert_array_equal(array, state[name])


# With PyTorch.


def check_against(torch, module, model, shape, names=None, batch=3):
    """Outputs in use and in training, running statistics, and every gradient."""
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not name.endswith("tracked"):
                values = torch.from_numpy(rng.normal(size=tuple(tensor.shape)))
                inputs = tensor[0].numel()
                spread = values / inputs**0.5 if tensor.ndim > 1 else 1 + 0.2 * values
                tensor.copy_(spread.abs() if name.endswith("var") else spread)
    params = interop.from_torch(model, shape, module, names=names)
    names = interop.module_names(module) if names is None else names
    x = rng.normal(size=(batch, *shape)).astype(np.float32)

    @functools.partial(jax.jit, static_argnames="training")
    def step(params, x, dy, training):
        y, cache = model.forward(params, x, KEY if training else None)
        return y, *model.backward(params, cache, dy), cache

    for training in (False, True):
        module.train(training)
        module.zero_grad()
        theirs = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
        their_y = module(theirs)
        flat = their_y.ndim == 2
        dy = rng.normal(size=tuple(their_y.shape)).astype(np.float32)
        their_y.backward(torch.from_numpy(dy))
        y, dparams, dx, cache = step(
            params, jnp.asarray(x), jnp.asarray(dy if flat else np.moveaxis(dy, 1, -1)), training
        )
        scaled_close(y if flat else jnp.moveaxis(y, -1, 1), their_y.detach().numpy())
        scaled_close(jnp.moveaxis(dx, -1, 1), theirs.grad.numpy())
        grads = interop.to_torch(model, shape, dparams, names=names)
        for name, tensor in module.named_parameters():
            scaled_close(grads.pop(name), tensor.grad.numpy(), name)
        assert all("running" in name or "tracked" in name for name in grads)
    if model.observe:
        params = model.observe(params, cache)
    for name, array in interop.to_torch(model, shape, params, names=names).items():
        if not name.endswith("tracked"):
            scaled_close(array, module.state_dict()[name].numpy(), name)
    arrays = interop.to_torch(model, shape, params, names=names)
    module.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})


def scaled_close(ours, theirs, name=""):
    """To 1e-5 of the largest entry, or of 1: a bias before a batch norm has a gradient of 0."""
    scale = max(1, np.abs(theirs).max())
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * scale, err_msg=name)


def resnet_of(torch):
    nn = torch.nn

    class BasicBlock(nn.Module):
        def __init__(self, inputs, width, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.relu = nn.ReLU()
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = None
            if stride > 1:
                one = nn.Conv2d(inputs, width, 1, stride, bias=False)
                self.downsample = nn.Sequential(one, nn.BatchNorm2d(width))

        def forward(self, x):
            shortcut = x if self.downsample is None else self.downsample(x)
            h = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(h + shortcut)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(8)
            self.relu = nn.ReLU()
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            self.layer1 = nn.Sequential(BasicBlock(8, 8, 1))
            self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16, 1))
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(16, 5)

        def forward(self, x):
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.avgpool(self.layer2(self.layer1(x)))
            return self.fc(torch.flatten(x, 1))

    return ResNet()


def basic_block(width, stride):
    one = conv(width, 1, stride=stride, bias=False)
    return serial(
        residual(
            conv(width, stride=stride, padding=1, bias=False),
            batch_norm(),
            relu(),
            conv(width, padding=1, bias=False),
            batch_norm(),
            shortcut=serial(one, batch_norm()) if stride > 1 else None,
        ),
        relu(),
    )


RESNET = serial(
    conv(8, 7, stride=2, padding=3, bias=False),
    batch_norm(),
    relu(),
    max_pool(3, stride=2, padding=1),
    basic_block(8, 1),
    basic_block(16, 2),
    basic_block(16, 1),
    global_avg_pool(),
    affine(5),
)


def test_a_resnet_and_all_its_gradients():
    torch = pytest.importorskip("torch")
    check_against(torch, resnet_of(torch), RESNET, (32, 32, 3), batch=4)


def modules_of(nn):
    return [
        (
            nn.Conv2d(4, 6, 3, 2, 1, 2, 2),
            conv(6, stride=2, padding=1, dilation=2, groups=2),
            (8, 9, 4),
        ),
        (nn.Conv1d(4, 6, 4, padding="same"), conv(6, 4), (7, 4)),
        (
            nn.Conv3d(2, 3, (1, 2, 3), bias=False),
            conv(3, (1, 2, 3), padding="valid", bias=False),
            (3, 4, 5, 2),
        ),
        (nn.Conv2d(3, 6, 3, 1, 1, groups=3), depthwise_conv(multiplier=2, padding=1), (5, 4, 3)),
        (
            nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, groups=3, bias=False), nn.Conv2d(6, 4, 1)),
            separable_conv(4, multiplier=2, stride=2, padding=1),
            (5, 4, 3),
        ),
        (
            nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2),
            conv_transpose(6, stride=2, padding=1, output_padding=1, groups=2),
            (4, 5, 4),
        ),
        (
            nn.ConvTranspose1d(2, 3, 4, 2, 1, bias=False),
            conv_transpose(3, 4, stride=2, bias=False),
            (5, 2),
        ),
        (
            nn.ConvTranspose3d(2, 3, (2, 1, 3), dilation=2),
            conv_transpose(3, (2, 1, 3), padding="valid", dilation=2),
            (3, 2, 2, 2),
        ),
        (nn.BatchNorm2d(3, 1e-3, 0.3), batch_norm(eps=1e-3, momentum=0.7), (4, 5, 3)),
        (nn.GroupNorm(2, 6), group_norm(2), (4, 5, 6)),
        (nn.InstanceNorm2d(3, affine=True), instance_norm(), (4, 5, 3)),
        (nn.LayerNorm((3, 4, 5)), layer_norm((-3, -2, -1)), (4, 5, 3)),
        (nn.PReLU(3), prelu(), (4, 5, 3)),
        (
            nn.Sequential(
                nn.Conv2d(3, 4, 3),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.BatchNorm1d(24),
                nn.PReLU(24),
                nn.LayerNorm(24),
                nn.RMSNorm(24),
                nn.Linear(24, 3),
            ),
            serial(
                conv(4, padding="valid"),
                max_pool(),
                flatten(),
                batch_norm(),
                prelu(),
                layer_norm(),
                rms_norm(eps=float(np.finfo(np.float32).eps)),
                affine(3),
            ),
            (6, 8, 3),
        ),
    ]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_every_layer_that_pytorch_has():
    torch = pytest.importorskip("torch")
    for module, model, shape in modules_of(torch.nn):
        check_against(torch, module, model, shape)


def disagreements(nn):
    """A module, a layer that takes its arrays and computes something else, and what is said."""
    return [
        (nn.Conv2d(2, 3, 3, 2, 1), conv(3, stride=2), r"padding \(\(1, 1\), .* write padding=1"),
        (nn.Conv2d(2, 3, 3, padding=1), conv(3, stride=2), r"stride \(1, 1\).*\(2, 2\)"),
        (nn.Conv2d(2, 3, 3, padding="same"), conv(3, dilation=2), "dilation"),
        (nn.Conv2d(2, 2, 3), conv_transpose(2, padding="valid"), "transposed False"),
        (nn.Conv2d(2, 3, 3, 1, 1, padding_mode="reflect"), conv(3), "padding_mode reflect"),
        (nn.Conv2d(4, 4, 3, 1, 1, groups=2), conv(4), "groups 2, and .* 1: write conv"),
        (
            nn.ConvTranspose2d(2, 3, 3, 2, 1, 1),
            conv_transpose(3, stride=2),
            r"output_padding=\(1, 1\)",
        ),
        (nn.ConvTranspose2d(2, 3, 3, 2, 1), conv_transpose(3, stride=2), "write padding=1"),
        (nn.BatchNorm2d(2, eps=1e-3), batch_norm(), "write eps=0.001"),
        (nn.BatchNorm2d(2, momentum=0.2), batch_norm(), "write momentum=0.8"),
        (nn.BatchNorm2d(2, momentum=None), batch_norm(), "the mean of all batches"),
        (nn.GroupNorm(1, 2), group_norm(2), r"write group_norm\(1\)"),
        (nn.LayerNorm(2, eps=1e-6), layer_norm(), "write eps=1e-06"),
        (nn.RMSNorm(2), rms_norm(), "write eps=1.19"),
    ]


def test_settings_that_differ_are_named():
    torch = pytest.importorskip("torch")
    for module, model, words in disagreements(torch.nn):
        with pytest.raises(ConfigurationError, match=words):
            interop.from_torch(model, (8, 8, 2), module)


class Fake(types.SimpleNamespace):
    """What `from_torch` asks of a module of PyTorch."""

    def state_dict(self):
        return {"conv.weight": np.zeros((3, 2, 3, 3)), "conv.bias": np.zeros(3)}

    def named_modules(self):
        return [("", self), ("conv", self)]


def test_strided_same_is_not_symmetric_padding():
    settings = {"padding": (1, 1), "padding_mode": "zeros", "kernel_size": (3, 3)}
    settings |= {"stride": (2, 2), "dilation": (1, 1), "groups": 1, "transposed": False}
    fake = Fake(**settings)
    with pytest.raises(ConfigurationError, match=r"conv has padding .*\(0, 1\).* write padding=1"):
        interop.from_torch(conv(3, stride=2), (8, 8, 2), fake)
    interop.from_torch(conv(3, stride=2, padding=1), (8, 8, 2), fake)
    interop.from_torch(conv(3, stride=2), (9, 9, 2), fake)  # where "same" is symmetric


def test_what_does_not_fit_is_named():
    shape, model = (4, 4, 2), serial(conv(3, bias=False), batch_norm(), affine(5))
    like = template(model, shape)
    state = interop.to_torch(model, shape, like, names=("stem.conv", "stem.bn", "fc"))

    def refused(words, change=(), error=ConfigurationError, model=model, **more):
        given = {name: a for name, a in (state | dict(change)).items() if a is not None}
        with pytest.raises(error, match=words):
            interop.from_torch(model, shape, given, **more)

    refused(
        "stem.conv.weight is .3, 3, 3, 2.*conv.3.*takes .3, 2, 3, 3",
        error=ShapeError,
        change={"stem.conv.weight": np.zeros((3, 3, 3, 2))},
    )
    refused("fc.bias is missing.*make the layer with bias=False", {"fc.bias": None})
    refused("stem.bn.running_var is missing.*track_running_stats", {"stem.bn.running_var": None})
    refused("stem.bn.weight is missing.*scale=False", {"stem.bn.weight": None})
    refused("stem.bn.bias is missing.*bias=False", {"stem.bn.bias": None})
    refused(
        "has stem.conv.bias.*which is conv.3, bias=False. here",
        {"stem.conv.bias": np.zeros(3)},
        names=("stem.conv", "stem.bn", "fc"),
    )
    refused("3 modules with weights and the state 4", {"extra.weight": np.zeros(3)})
    refused("must be floating point", {"fc.bias": np.zeros(5, np.int8)}, ShapeError)
    refused("a name for each", names=("stem.conv", "fc"))
    refused("there twice", names=("stem.conv", "fc", "fc"))
    refused("no layer '3'", names={"0": "stem.conv", "1": "stem.bn", "3": "fc"})
    refused("'2' missing", names={"0": "stem.conv", "1": "stem.bn"})
    refused("its 'state_dict'", {"state_dict": {}})
    refused("no PyTorch module", model=serial(conv(3), glu(2)))
    refused(
        "no library that fnet knows", model=recurrent(parallel(affine(3), affine(3), join="add"))
    )
    refused("groups of neighbours", model=serial(flatten(), group_norm(2)))
    refused("another order in PyTorch", model=serial(flatten(), residual(affine(32))))
    with pytest.raises(ConfigurationError, match=r"give a torch.nn.Module"):
        interop.from_torch(model, shape, "resnet.pt")
    with pytest.raises(ConfigurationError, match="channels_first=False or True"):
        interop.from_torch(affine(2), (28, 28), {"weight": np.zeros((2, 784)), "bias": np.zeros(2)})
    with pytest.raises(ShapeError, match=r"params\[0\].w is \(3, 3, 2, 3\)"):
        interop.to_torch(model, (4, 4, 3), like)
    with pytest.raises(ShapeError, match="arrays, and the model has"):
        interop.to_torch(model, shape, like[:2])


def test_flattened_as_it_stands_where_that_is_said():
    state = drawn({"weight": (2, 6), "bias": (2,)})
    as_is = interop.from_torch(affine(2), (2, 3), state, channels_first=False)
    np.testing.assert_array_equal(as_is.w, state["weight"])
    turned = interop.from_torch(affine(2), (2, 3), state, channels_first=True)
    np.testing.assert_array_equal(turned.w, state["weight"][:, [0, 2, 4, 1, 3, 5]])


def test_an_order_that_is_none_is_not_believed():
    width = 2
    model = serial(*[conv(width, 1)] * 11)
    shape, parts = (1, 1, width), range(11)
    own = drawn(
        {f"{n}.{e}": s for n in parts for e, s in (("weight", (2, 2, 1, 1)), ("bias", (2,)))}
    )
    by_name = {name: own[name] for name in sorted(own)}  # "10.bias", "10.weight", "2.bias", ...
    beneath = {f"0.{name}": array for name, array in by_name.items()}  # by number alone
    for state in (own, by_name, beneath):
        params = interop.from_torch(model, shape, state)
        np.testing.assert_array_equal(params[10].b, own["10.bias"])
        np.testing.assert_array_equal(params[2].b, own["2.bias"])
    named = {f"layer.{name}": array for name, array in by_name.items()}
    with pytest.raises(ConfigurationError, match="not in the order of the layers"):
        interop.from_torch(model, shape, named)
    names = [f"layer.{n}" for n in parts]
    params = interop.from_torch(model, shape, named, names=names)
    np.testing.assert_array_equal(params[10].b, own["10.bias"])


def test_each_sign_that_an_order_is_none():
    bare = serial(conv(2, 1, bias=False), conv(2, 1, bias=False))
    kernel = np.zeros((2, 2, 1, 1), np.float32)
    full, arrays = serial(affine(2), affine(2)), {"weight": np.zeros((2, 2)), "bias": np.zeros(2)}
    for model, names in (
        (full, ("a.weight", "b.weight", "a.bias", "b.bias")),  # a module's arrays apart
        (full, ("a.bias", "a.weight", "b.bias", "b.weight")),  # not as they are registered
        (bare, ("a.10.weight", "a.2.weight")),  # not as torch.nn.Sequential numbers them
    ):
        state = {n: arrays[n[2:]] if model is full else kernel for n in names}
        shape = (2,) if model is full else (1, 1, 2)
        with pytest.raises(ConfigurationError, match="not in the order of the layers"):
            interop.from_torch(model, shape, state)
    plain = {"a.weight": kernel, "b.weight": kernel + 1}
    assert interop.from_torch(bare, (1, 1, 2), plain)[1].w.max() == 1
    with pytest.raises(ConfigurationError, match="not in the order of the layers"):
        interop.from_torch(bare, (1, 1, 2), Unordered(plain))  # which a file's are


def test_safetensors_hold_what_they_were_given(tmp_path):
    path = tmp_path / "model.safetensors"
    plain = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    arrays = {
        "turned": plain.T,
        "reversed": plain[::-1],
        "strided": plain[:, ::2],
        "broadcast": np.broadcast_to(plain[0], (2, 3, 4)),
        "swapped": plain.astype(">f4"),
        "jax": jnp.asarray(plain).T,
        "narrow": jnp.asarray(plain, jnp.bfloat16),
        "one": np.zeros((), np.int64),
        "none": np.zeros((0, 3)),
    }
    interop.save_safetensors(path, arrays)
    for loaded in (interop.load_safetensors(path), load_file(path)):
        assert set(loaded) == set(arrays)
        for name, array in arrays.items():
            assert loaded[name].dtype == np.asarray(array).dtype.newbyteorder("=")
            np.testing.assert_array_equal(loaded[name], array)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"no .safetensors file that can be read"):
        interop.load_safetensors(path)
    with pytest.raises(DataError, match="cannot be written"):
        interop.save_safetensors(tmp_path / "nowhere" / "x.safetensors", {})


def test_a_model_through_safetensors(tmp_path):
    path, shape = tmp_path / "model.safetensors", (4, 5, 2)
    model = serial(residual(conv(3), batch_norm(), shortcut=conv(3, 1)), affine(2))
    arrays = drawn(
        {n: a.shape for n, a in interop.to_torch(model, shape, template(model, shape)).items()}
    )
    names = ("conv", "bn", "shortcut", "fc")
    for own in (None, names):
        params = interop.from_torch(model, shape, arrays)
        interop.save_safetensors(path, interop.to_torch(model, shape, params, names=own))
        back = interop.from_torch(model, shape, interop.load_safetensors(path), names=own)
        jax.tree.map(np.testing.assert_array_equal, back, params)
    with pytest.raises(ConfigurationError, match="not in the order of the layers"):
        interop.from_torch(model, shape, interop.load_safetensors(path))


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    path = tmp_path / "model.safetensors"
    path.touch()
    for use in (interop.load_safetensors, lambda path: interop.save_safetensors(path, {})):
        with pytest.raises(ConfigurationError, match=r"pip install 'fnet\[interop\]'"):
            use(path)


def test_tensors_of_every_dtype():
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        w = torch.randn(2, 3, dtype=dtype, requires_grad=True)
        state = {"weight": w, "bias": torch.nn.Parameter(torch.zeros(2, dtype=dtype))}
        params = interop.from_torch(affine(2), (3,), state)
        assert str(params.w.dtype) == str(dtype).removeprefix("torch.")
        np.testing.assert_array_equal(params.w.astype(float), w.detach().double().numpy())


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({1: np.zeros(2)}, "1 cannot be the name"),
        ({"__metadata__": np.zeros(2)}, "cannot be the name"),
        ({"a": np.array(["x"])}, "a is an array of <U1"),
        ({"a": np.zeros(2, complex)}, "a is an array of complex128"),
    ],
)
def test_what_a_safetensors_file_cannot_hold_is_named(arrays, words, tmp_path):
    with pytest.raises(ShapeError, match=words):
        interop.save_safetensors(tmp_path / "x.safetensors", arrays)
    assert not list(tmp_path.iterdir())
