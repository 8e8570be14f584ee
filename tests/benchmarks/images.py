"""Convolutions: a step of a small convolutional network, and some layers alone, both passes.

The network is convolution 3 to 32, relu, max-pool, convolution 32 to 64, relu, max-pool and an
affine layer, on batches of 64 images of 32 x 32; all windows are 3 x 3 and pools 2 x 2. All
contestants begin with the same weights and get the same batches. *Divided* are two cores as
devices, which share a batch. Layers alone are given x and dy, as arrays of the library, keep the
memory that a pass gives back, and return three numbers: <y, dy>, and the lengths of dw and dx.
PyTorch's arrays are channels_last where it has that, which on this machine is its faster layout.
"""

import functools

import numpy as np

from tests.benchmarks import cores
from tests.benchmarks.contest import Contest, Contestant, hold, keeping_memory, pytorch_forms
from tests.benchmarks.cores import DIVIDED
from tests.benchmarks.loops import by_jax, by_torch

HERE = "tests.benchmarks.images"
BATCH, SIZE, CLASSES, RATE = 64, 32, 10, 0.01
WIDTHS = (32, 64)
STEPS = 6
CALLS = 8  # of a layer, in a run
LAYERS = {  # the call of ours, the shape of one input, the batch, and what is to be reached
    "conv 3x3, 32 to 64": ("conv(64)", (32, 32, 32), 32, {"jax.grad": 2.2, "PyTorch": 0.8}),
    "conv 3x3, 3 to 32": ("conv(32)", (32, 32, 3), 64, {"jax.grad": 1.0, "PyTorch": 0.8}),
    "depthwise 3x3": ("depthwise_conv()", (32, 32, 64), 32, {"jax.grad": 10, "PyTorch": 0.8}),
    "transposed 4x4, stride 2": (
        "conv_transpose(32, 4, stride=2)",
        (16, 16, 64),
        32,
        {"jax.grad": 6, "PyTorch": 0.8},
    ),
}


def results(rounds: int) -> dict[str, dict]:
    found = {"images, temporaries": _temporaries(), "images, step": hold(step_contest(), rounds)}
    for name in LAYERS:
        found[f"images, {name}"] = hold(layer_contest(name), rounds)
    return found


def step_contest() -> Contest:
    torches = pytorch_forms(f"{HERE}:pytorch_step", 2)
    return Contest(
        "images, step",
        {"steps": STEPS},
        [
            Contestant("fnet, divided among cores", "fnet", f"{HERE}:fnet_step", DIVIDED),
            Contestant("fnet, one device", "fnet, one device", f"{HERE}:fnet_step"),
            Contestant("fnet, loop", "fnet loop", f"{HERE}:fnet_step", {"form": "loop"}),
            *(
                Contestant(name, "jax.grad loop", f"{HERE}:jax_step", {"form": "loop", **more})
                for name, more in (("jax.grad loop", {}), ("jax.grad loop, divided", DIVIDED))
            ),
            Contestant("jax.grad scan", "jax.grad scan", f"{HERE}:jax_step", {"form": "scan"}),
            *torches,
        ],
        {"jax.grad loop": 2.2, "jax.grad scan": 25, "PyTorch": 1.0},
        unit="step",
        count=STEPS,
    )


def layer_contest(name: str) -> Contest:
    text, shape, batch, targets = LAYERS[name]
    return Contest(
        f"images, {name}",
        {"text": text, "shape": list(shape), "batch": batch},
        keeping_memory(
            [
                Contestant("fnet", "fnet", f"{HERE}:fnet_layer"),
                Contestant("jax.grad", "jax.grad", f"{HERE}:jax_layer"),
                *(
                    Contestant(
                        f"PyTorch, {threads} threads",
                        "PyTorch",
                        f"{HERE}:pytorch_layer",
                        {"threads": threads},
                    )
                    for threads in (1, 2)
                ),
            ]
        ),
        targets,
        unit="call",
        count=CALLS,
    )


def rows(steps):
    """x (N, 32, 32, 3), labels (N,), and the places of each batch."""
    rng = np.random.default_rng(0)
    n = BATCH * steps
    x = rng.standard_normal((n, SIZE, SIZE, 3), np.float32)
    labels = rng.integers(0, CLASSES, n, dtype=np.int32)
    return x, labels, rng.permutation(n).astype(np.int32).reshape(steps, BATCH)


def weights():
    """Of each convolution (3, 3, in, out) and (out,), and of the affine layer (10, D) and (10,)."""
    rng = np.random.default_rng(1)
    found, channels = [], 3
    for width in WIDTHS:
        std = np.float32(np.sqrt(2 / (9 * channels)))
        found.append(std * rng.standard_normal((3, 3, channels, width), np.float32))
        found.append(np.zeros(width, np.float32))
        channels = width
    inputs = (SIZE // 4) ** 2 * channels
    std = np.float32(np.sqrt(1 / inputs))
    return [
        *found,
        std * rng.standard_normal((CLASSES, inputs), np.float32),
        np.zeros(CLASSES, np.float32),
    ]


def network():
    from fnet import serial
    from fnet.layers import affine, conv, max_pool, relu

    first, second = WIDTHS
    return serial(
        *(conv(first), relu(), max_pool(2)),
        *(conv(second), relu(), max_pool(2)),
        affine(CLASSES),
    )


def _ours():
    import jax
    import jax.numpy as jnp

    from fnet import losses, optimizers
    from fnet.training import start

    model, optimizer, loss = network(), optimizers.sgd(RATE), losses.cross_entropy()
    state = start(model, optimizer, (SIZE, SIZE, 3)).state
    params = jax.tree.unflatten(jax.tree.structure(state.params), map(jnp.asarray, weights()))
    return model, loss, optimizer, state._replace(params=params, opt_state=optimizer.init(params))


def fnet_step(steps, form="epoch", devices=0):
    place = cores.placement(devices)
    import jax.numpy as jnp

    from fnet.training import make_epoch, make_step

    model, loss, optimizer, state = _ours()
    x, labels, order = rows(steps)
    state, (x, labels) = place.state(state), place.arrays((x, labels))
    if form == "epoch":
        epoch, order = make_epoch(model, loss, optimizer, placement=place), place.order(order)
        return lambda: np.asarray(epoch(state, x, labels, order)[1].loss)
    step = make_step(model, loss, optimizer)
    batches = [(x[places], labels[places]) for places in order]

    def run():
        now, found = state, []
        for batch in batches:
            now, metrics = step(now, *batch)
            found.append(metrics.loss)
        return np.asarray(jnp.stack(found))

    return run


def _by_jax():
    """The training step by autodiff of lax."""
    import jax
    import optax
    from jax import lax

    def convolution(x, w):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers)

    def pool(x):
        return lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def value(params, x, labels):
        w1, b1, w2, b2, w3, b3 = params
        x = pool(jax.nn.relu(convolution(x, w1) + b1))
        x = pool(jax.nn.relu(convolution(x, w2) + b2))
        logits = x.reshape(x.shape[0], -1) @ w3.T + b3
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    update = optax.sgd(RATE)

    def step(carry, x, labels):
        params, state = carry
        loss, grads = jax.value_and_grad(value)(params, x, labels)
        updates, state = update.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), loss

    return step, update


def jax_step(steps, form, devices=0):
    cores.divide(devices)
    import jax

    step, update = _by_jax()
    x, labels, order = rows(steps)
    begin = (params := list(weights()), update.init(params))
    begin, (x, labels), order = cores.placed(devices, begin, (x, labels), order)
    if form == "scan":

        @jax.jit
        def scan(carry, x, labels, order):
            return jax.lax.scan(lambda c, i: step(c, x[i], labels[i]), carry, order)[1]

        return lambda: np.asarray(scan(begin, x, labels, order))
    batches = [(x[places], labels[places]) for places in order]
    return by_jax(step, begin, batches)


def pytorch_step(steps, threads, compiled):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    first, second = WIDTHS
    net = nn.Sequential(
        *(nn.Conv2d(3, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear((SIZE // 4) ** 2 * second, CLASSES)),
    )
    w1, b1, w2, b2, w3, b3 = weights()
    w3 = w3.reshape(CLASSES, SIZE // 4, SIZE // 4, second).transpose(0, 3, 1, 2)
    values = (w1.transpose(3, 2, 0, 1), b1, w2.transpose(3, 2, 0, 1), b2, w3.reshape(CLASSES, -1))
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), (*values, b3), strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    net = net.to(memory_format=torch.channels_last)
    x, labels, order = rows(steps)
    batches = [  # (N, C, H, W) of which C runs fastest: channels_last
        (torch.from_numpy(x[i]).permute(0, 3, 1, 2), torch.from_numpy(labels[i]).long())
        for i in order
    ]
    make = functools.partial(torch.optim.SGD, lr=RATE, fused=True)
    return by_torch(net, make, batches, compiled)


def _drawn(text, shape, batch):
    """The layer, its weights with a bias, x and dy."""
    import jax

    from fnet import registry
    from fnet.core.values import read

    layer = read(text, registry.VOCABULARY["model"])
    params, out_shape = layer.init(jax.random.key(0), tuple(shape))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape), np.float32)
    dy = rng.standard_normal((batch, *out_shape), np.float32)
    return layer, params, x, dy


def _numbers(y, dy, dw, dx):
    y, dy, dw, dx = (np.asarray(array, np.float64) for array in (y, dy, dw, dx))
    return [(y * dy).sum(), np.linalg.norm(dw), np.linalg.norm(dx)]


def _calls(program, given):
    import jax

    compiled, given = jax.jit(program), jax.tree.map(jax.numpy.asarray, given)

    def run():
        for _ in range(CALLS):
            y, (dparams, dx) = jax.block_until_ready(compiled(*given))
        return y, dparams.w, dx

    numbers = _numbers(*(lambda y, w, dx: (y, given[2], w, dx))(*run()))
    return lambda: (run(), numbers)[1]


def fnet_layer(text, shape, batch):
    layer, *given = _drawn(text, shape, batch)

    def program(params, x, dy):
        y, cache = layer.forward(params, x)
        return y, layer.backward(params, cache, dy)

    return _calls(program, given)


def jax_layer(text, shape, batch):
    import jax
    from jax import lax

    _, *given = _drawn(text, shape, batch)
    numbers = ("NHWC", "HWIO", "NHWC")

    def forward(params, x):
        if text.startswith("conv_transpose"):
            y = lax.conv_transpose(x, params.w, (2, 2), "SAME", transpose_kernel=True)
        else:
            groups = x.shape[-1] if text.startswith("depthwise") else 1
            y = lax.conv_general_dilated(
                *(x, params.w, (1, 1), "SAME"),
                dimension_numbers=numbers,
                feature_group_count=groups,
            )
        return y + params.b

    def program(params, x, dy):
        y, vjp = jax.vjp(forward, params, x)
        return y, vjp(dy)

    return _calls(program, given)


def pytorch_layer(text, shape, batch, threads):
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    _, (w, b), x, dy = _drawn(text, shape, batch)

    def channels_first(array):  # as PyTorch numbers the axes; in memory they stay where they are
        return torch.from_numpy(array).permute(0, 3, 1, 2)

    x, dy = channels_first(x).requires_grad_(), channels_first(dy)
    w = torch.from_numpy(np.array(w)).permute(3, 2, 0, 1)
    w = w.contiguous(memory_format=torch.channels_last).requires_grad_()
    b = torch.from_numpy(np.array(b)).requires_grad_()
    if text.startswith("conv_transpose"):
        forward = functools.partial(functional.conv_transpose2d, stride=2, padding=1)
    else:
        groups = shape[-1] if text.startswith("depthwise") else 1
        forward = functools.partial(functional.conv2d, padding=1, groups=groups)

    def run():
        for _ in range(CALLS):
            y = forward(x, w, b)
            dw, _, dx = torch.autograd.grad(y, (w, b, x), dy)
        return y, dw, dx

    def channels_last(array):
        return array.detach().permute(0, 2, 3, 1).numpy()

    y, dw, dx = run()
    numbers = _numbers(*map(channels_last, (y, dy)), dw.numpy(), channels_last(dx))
    return lambda: (run(), numbers)[1]


def _temporaries() -> dict:
    """Bytes of a training step, by the compiler's own account."""
    import jax
    import jax.numpy as jnp

    from fnet.training import make_step

    model, loss, optimizer, state = _ours()
    x, labels, _ = map(jnp.asarray, rows(1))
    step, update = _by_jax()
    params = list(map(jnp.asarray, weights()))
    programs = {
        "fnet": make_step(model, loss, optimizer).lower(state, x, labels),
        "jax.grad": jax.jit(step).lower((params, update.init(params)), x, labels),
    }
    rows_ = [
        {"program": name, "MB": lowered.compile().memory_analysis().temp_size_in_bytes / 1e6}
        for name, lowered in programs.items()
    ]
    ratio = rows_[0]["MB"] / rows_[1]["MB"]
    return {
        "title": "images, temporaries of a step",
        "columns": ["program", "MB"],
        "rows": rows_,
        "targets": [{"against": "jax.grad", "target": 0.4, "ratio": ratio, "most": True}],
    }
